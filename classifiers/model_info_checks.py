"""Check the values of a model.json, which may come from an unknown source."""

import math

from common import checks, text
from common.errors import UserError
from nets import model_specs
from preprocessing import recipe_names

_JSON_TYPES = {
    'num_classes': int,
    'image_size': int,
    'channels': int,
    'labels_offset': int,
    'moving_average_decay': (float, int, type(None)),
    'class_names': list,
    'nodes': dict,
    'onnx': dict,
    'versions': dict,
    'limits': dict,
}
# Limits against errors and attacks, because memory is reserved for these numbers.
_RANGES = {
    'num_classes': (1, 1_000_000),
    'image_size': (1, 8192),
    'labels_offset': (0, 1_000_000),
}
_CHANNELS = (1, 3)


def check_types(path, values):
    """Raise UserError unless each value has the type of its key and all text can be encoded."""
    for name, value in values.items():
        wanted = _JSON_TYPES.get(name, str)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise UserError(
                f'{path}: "{name}" has the value {value!a:.60}, which has the wrong type'
            )
        if isinstance(value, dict) and name != 'limits':
            _require_texts(path, name, [*value, *value.values()])
        elif isinstance(value, (str, list)):
            _require_texts(path, name, value if isinstance(value, list) else [value])


def _require_texts(path, name, values):
    for value in values:
        if not isinstance(value, str):
            raise UserError(f'{path}: "{name}" must contain strings, not {value!a:.60}')
        if not text.is_encodable(value):
            raise UserError(
                f'{path}: "{name}" has the value {value!a:.60}, which cannot be encoded as UTF-8'
            )


def check_values(path, info):
    """Raise UserError unless a ModelInfo is possible."""
    for name, (least, most) in _RANGES.items():
        value = getattr(info, name)
        if not least <= value <= most:
            raise UserError(
                f'{path}: "{name}" is {value}; must be at least {least} and at most {most:,}'
            )
    if info.channels not in _CHANNELS:
        raise UserError(f'{path}: "channels" is {info.channels}; must be 1 (grey) or 3 (RGB)')
    decay = info.moving_average_decay
    if decay is not None and not (math.isfinite(decay) and 0 <= decay < 1):
        raise UserError(
            f'{path}: "moving_average_decay" is {decay}; must be null, or at least 0 and below 1'
        )
    if info.class_names and len(info.class_names) != info.num_classes:
        raise UserError(
            f'{path}: {len(info.class_names)} class_names for num_classes {info.num_classes}'
        )
    _require_known(path, info)


def _require_known(path, info):
    known = (
        ('model_name', 'network', model_specs.MODELS),
        ('preprocessing_name', 'preprocessing', recipe_names.known()),
    )
    for key, kind, table in known:
        value = getattr(info, key)
        if value not in table:
            raise UserError(f'{path}: "{key}": {checks.unknown(kind, value, table)}')
