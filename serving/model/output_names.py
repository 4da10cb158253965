"""Name the outputs of a model."""

import os

from classifiers import model_info
from common import imagenet, labels
from common.errors import UserError


def name_outputs(info, options):
    """Return (ModelInfo with class names if they are known, a line for the log).

    A given label file comes first, but must not contradict the description. Then come the
    description, `X.label` beside `X.pb`, and ImageNet's names if their number fits.
    """
    path = options.label_file
    if path is None and not info.class_names:
        path = _beside(options.path)
    if path:
        names, offset = _from_file(path, info, options.labels_offset)
        _check_agreement(path, names, info, options)
        return info.replace(class_names=names, labels_offset=offset), f'Class names from {path}'
    if info.class_names:
        return info, f'Class names from {model_info.path_beside(options.path)}'
    named = info.with_imagenet_names()
    if named.class_names:
        return named, f"Class names: ImageNet's, because the model has {info.num_classes} outputs"
    return info, 'No class names: pass --label_file; classes are printed as numbers'


def _beside(path):
    """Return the label file that was written beside a model, or None."""
    path = model_info.label_beside(path)
    return path if os.path.isfile(path) else None


def _from_file(path, info, asked_offset):
    """Return (names of the outputs, labels offset).

    A file that was written for a graph counts its outputs, one of a data set counts its labels.
    """
    known = labels.read_labels(path)
    first = min(known, default=0)
    missing = [label for label in range(first, first + len(known)) if label not in known]
    if missing:
        raise UserError(f'{path}: label {missing[0]} is missing; labels must be consecutive')
    outputs = info.num_classes
    offset = info.labels_offset if asked_offset is None else asked_offset
    if asked_offset is None and len(known) == imagenet.NUM_LABELS:
        offset = imagenet.labels_offset(outputs) or offset
    for first in (0, offset):
        wanted = range(first, first + outputs)
        if len(known) == first + outputs and all(label in known for label in wanted):
            return tuple(known[label] for label in wanted), offset
    after = f' after --labels_offset={offset}' if offset else ''
    raise UserError(
        f'{path}: names {len(known)} labels (from {min(known, default=0)}), and the model has '
        f'{outputs} outputs{after}: name the label file that belongs to the model'
        f'{_about_offset(len(known), outputs, offset)}'
    )


def _about_offset(known, outputs, offset):
    missing = known - outputs
    return f', or pass --labels_offset={missing}' if missing in (0, 1) and missing != offset else ''


def _check_agreement(path, names, info, options):
    for number, (name, stored) in enumerate(zip(names, info.class_names, strict=False)):
        if name != labels.normalised(stored):
            raise UserError(
                f'{path}: names output {number} {name!r}, and '
                f'{model_info.path_beside(options.path)} names it {stored!r}; '
                'leave the label file out, or name the one that belongs to the model'
            )
