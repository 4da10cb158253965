"""Write and read limits.json and limits.npz beside a checkpoint."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import zipfile

import numpy as np

from classifiers import checkpoints
from classifiers.verdicts import LIMITS_FILES
from common import files, locks
from common.errors import UserError
from heads.limits import measures
from heads.limits.limits import Limits, PredictionSets, Term

DESCRIPTION, ARRAYS = LIMITS_FILES
FORMAT_VERSION = 2
AGAIN = 'run calibrate_image_classifier.py again'
OR_WITHOUT = f'{AGAIN}, or pass --nolimits'


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
    content['sha256'] = _digest(content)
    with _alone(os.path.dirname(description) or '.'):
        files.write_together({arrays: data, description: files.json_text(content).encode()})


def _digest(content):
    """Return the SHA-256 of a description without its own."""
    rest = {name: value for name, value in content.items() if name != 'sha256'}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def _alone(directory):
    """Let no other process write limits meanwhile: the two files belong together."""
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # A file system without locks.
            locks.wait_for_lock(handle)
        yield
    finally:
        os.close(handle)


def _packed(limits):
    """Return the bytes of limits.npz."""
    stream = io.BytesIO()
    parts = {'knots': limits.knots, 'p_values': limits.p_values}
    for number, term in enumerate(limits.terms):
        parts.update({f'{number}/{name}': value for name, value in term.arrays.items()})
    np.savez(stream, **{name: np.asarray(value, np.float32) for name, value in parts.items()})
    return stream.getvalue()


def read(checkpoint_path, advice=OR_WITHOUT):
    """Return the Limits of a checkpoint, or None if it has none.

    Raise a UserError that ends with `advice` if its files are damaged, or belong to another
    checkpoint or to each other's.
    """
    description, path = paths_beside(checkpoint_path)
    if not os.path.lexists(description):
        return None
    try:
        content = files.read_json(description)
    except UserError as error:
        raise UserError(f'{error}; {advice}') from None
    _require_version(description, content, advice)
    if content.get('checkpoint_fingerprint') != checkpoints.fingerprint(checkpoint_path):
        raise UserError(
            f'{description}: belongs to another checkpoint ({content.get("checkpoint")}), not to'
            f' {checkpoint_path}; {advice}'
        )
    try:
        with open(path, 'rb') as stream:
            data = stream.read()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}; {advice}') from None
    if hashlib.sha256(data).hexdigest() != content.get('arrays_sha256'):
        raise UserError(f'{path}: does not belong to {description} (its SHA-256 differs); {advice}')
    try:
        limits = _unpacked(content, data)
        if _digest(content) != content['sha256']:
            raise ValueError('its SHA-256 differs')
        return limits
    except (KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f'{description}: damaged ({error}); {advice}') from None


def _require_version(path, content, advice):
    version = content.get('format_version') if isinstance(content, dict) else None
    if version is None:
        raise UserError(f'{path}: not the limits of a checkpoint; {advice}')
    if version != FORMAT_VERSION:
        raise UserError(
            f'{path}: has format {version}, and this program reads {FORMAT_VERSION}; {advice}'
        )


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
    limits = Limits(
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
    _check(limits)
    return limits


def _check(limits):
    """Raise a ValueError for a number that cannot be, or an unknown measure."""
    arrays = [limits.knots, limits.p_values]
    numbers = [limits.threshold]
    for term in limits.terms:
        if term.measure not in measures.MEASURES:
            raise ValueError(f'the measure {term.measure} is not known')
        arrays += term.arrays.values()
        numbers += [term.mean, term.std]
    if not all(np.isfinite(each).all() for each in [*arrays, numbers]):
        raise ValueError('a number is not finite')
    stds = [term.std for term in limits.terms]
    if not stds or min(*stds, limits.temperature) <= 0 or not np.isfinite(limits.temperature):
        raise ValueError('a temperature or a deviation is not positive')
