"""Write and read limits.json and limits.npz beside a checkpoint."""

import dataclasses
import hashlib
import io
import os
import zipfile

import numpy as np

from classifiers import checkpoints
from common import files
from common.errors import UserError
from heads.limits.limits import Limits, PredictionSets, Term

DESCRIPTION, ARRAYS = 'limits.json', 'limits.npz'
FORMAT_VERSION = 1
_AGAIN = 'run calibrate_image_classifier.py again, or pass --nolimits'


def paths_beside(checkpoint_path):
    """Return the paths of both files."""
    directory = os.path.dirname(checkpoint_path)
    return os.path.join(directory, DESCRIPTION), os.path.join(directory, ARRAYS)


def write(checkpoint_path, limits):
    """Write the limits of a checkpoint, both files or none."""
    description, arrays = paths_beside(checkpoint_path)
    data = _packed(limits)
    content = {
        'format_version': FORMAT_VERSION,
        'checkpoint': os.path.basename(checkpoint_path),
        'checkpoint_fingerprint': checkpoints.fingerprint(checkpoint_path),
        'arrays_sha256': hashlib.sha256(data).hexdigest(),
        'temperature': limits.temperature,
        'terms': [
            {'measure': term.measure, 'layer': term.layer, 'mean': term.mean, 'std': term.std}
            for term in limits.terms
        ],
        'threshold': limits.threshold,
        'accept_known': limits.accept_known,
        'sets': None if limits.sets is None else dataclasses.asdict(limits.sets),
        'num_held_out': limits.num_held_out,
        'layers': limits.layers,
        'report': limits.report,
    }
    files.write_together({arrays: data, description: files.json_text(content).encode()})


def _packed(limits):
    """Return the bytes of limits.npz."""
    stream = io.BytesIO()
    parts = {'knots': limits.knots, 'p_values': limits.p_values}
    for number, term in enumerate(limits.terms):
        parts.update({f'{number}/{name}': value for name, value in term.arrays.items()})
    np.savez(stream, **{name: np.asarray(value, np.float32) for name, value in parts.items()})
    return stream.getvalue()


def read(checkpoint_path):
    """Return the Limits of a checkpoint, or None if it has none.

    Raise a UserError if its files are damaged, or belong to another checkpoint or to each other's.
    """
    description, path = paths_beside(checkpoint_path)
    if not os.path.lexists(description):
        return None
    try:
        content = files.read_json(description)
    except UserError as error:
        raise UserError(f'{error}; {_AGAIN}') from None
    if not isinstance(content, dict) or content.get('format_version') != FORMAT_VERSION:
        raise UserError(f'{description}: not the limits of a checkpoint; {_AGAIN}')
    if content.get('checkpoint_fingerprint') != checkpoints.fingerprint(checkpoint_path):
        raise UserError(
            f'{description}: belongs to another checkpoint ({content.get("checkpoint")}), not to'
            f' {checkpoint_path}; {_AGAIN}'
        )
    try:
        with open(path, 'rb') as stream:
            data = stream.read()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}; {_AGAIN}') from None
    if hashlib.sha256(data).hexdigest() != content.get('arrays_sha256'):
        raise UserError(f'{path}: does not belong to {description} (its SHA-256 differs); {_AGAIN}')
    try:
        return _unpacked(content, data)
    except (KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f'{description}: damaged ({error}); {_AGAIN}') from None


def _unpacked(content, data):
    with np.load(io.BytesIO(data)) as arrays:
        parts = dict(arrays)
    terms = tuple(
        Term(
            measure=each['measure'],
            layer=each['layer'],
            arrays={
                name.partition('/')[2]: value
                for name, value in parts.items()
                if name.startswith(f'{number}/')
            },
            mean=float(each['mean']),
            std=float(each['std']),
        )
        for number, each in enumerate(content['terms'])
    )
    sets = content['sets']
    return Limits(
        temperature=float(content['temperature']),
        terms=terms,
        threshold=float(content['threshold']),
        knots=parts['knots'],
        p_values=parts['p_values'],
        accept_known=float(content['accept_known']),
        sets=None if sets is None else PredictionSets(**sets),
        num_held_out=int(content['num_held_out']),
        layers=dict(content['layers']),
        report=content['report'],
    )
