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
SETS = ('lac', 'aps')  # Of classes that a picture may belong to.
_OF_LIMITS = {
    'accept_known': (0, 1),
    'threshold': (-1e30, 1e30),
    'temperature': (1e-6, 1e6),
    'pictures': (0, 1e12),
}
_OF_SUMS = (0, 1.001)  # Sums of float32 probabilities may exceed 1.


def check_types(path, values):
    """Raise UserError unless each value has the type of its key and all text can be encoded."""
    for name, value in values.items():
        wanted = _JSON_TYPES.get(name, str)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise _wrong(path, name, value)
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


def check_limits(path, limits):
    """Raise UserError unless `ModelInfo.limits` is {}, or all that programs read in it is there."""
    if not limits:
        return
    _require_numbers(path, 'limits', limits, _OF_LIMITS)
    _require_texts(path, 'limits', [limits.get('score')])
    sets = limits.get('sets')
    if not isinstance(sets, dict):
        raise _wrong(path, 'limits/sets', sets)
    if not sets:
        return
    if sets.get('shown') not in SETS:
        raise UserError(f'{path}: "limits/sets/shown" must be {" or ".join(SETS)}')
    _require_numbers(path, 'limits/sets', sets, {'temperature': _OF_LIMITS['temperature']})
    for name in SETS:
        levels = sets.get(name)
        if not isinstance(levels, dict):
            raise _wrong(path, f'limits/sets/{name}', levels)
        _require_texts(path, f'limits/sets/{name}', levels)
        _require_numbers(path, f'limits/sets/{name}', levels, dict.fromkeys(levels, _OF_SUMS))


def _require_numbers(path, key, values, ranges):
    """Raise UserError unless `values` has a number in each range."""
    for name, (least, most) in ranges.items():
        value, where = values.get(name), f'{key}/{name}'
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise _wrong(path, where, value)
        if not least <= value <= most:  # NaN is outside, too.
            wanted = f'at least {least:g} and at most {most:g}'
            raise UserError(f'{path}: "{where}" is {value!a:.60}; must be {wanted}')


def _wrong(path, key, value):
    return UserError(f'{path}: "{key}" has the value {value!a:.60}, which has the wrong type')


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
    check_limits(path, info.limits)
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
