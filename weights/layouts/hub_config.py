"""The config.json beside a file of weights of timm: its network, and how it was evaluated."""

import dataclasses
import json
import os
import re

from common.errors import UserError
from weights.layouts.layout import Layout, Normalisation

FILE_NAME = 'config.json'
# timm's older names of networks begin with where the weights come from.
_ORIGINS = '(tv_|gluon_|adv_|ens_adv_)?'
_USUAL_CROP = 0.875


def adapt(layout: Layout, path) -> tuple[Layout, list[str]]:
    """Return (a layout with what config.json says, lines for the log).

    Without such a file beside `path`, the layout remains as it is.
    """
    config_path = os.path.join(os.path.dirname(os.path.abspath(path)), FILE_NAME)
    names = [name for package, name in layout.built_by if package == 'timm']
    config = _read(config_path) if names else None
    if config is None:
        return layout, []
    _require_architecture(config_path, config.get('architecture'), layout, names)
    evaluated = config['pretrained_cfg']
    try:
        normalisation = Normalisation(_colours(evaluated['mean']), _colours(evaluated['std']))
        size = int(evaluated['input_size'][-1])
    except (KeyError, TypeError, ValueError, IndexError):
        raise UserError(f'{config_path}: lacks mean, std or input_size') from None
    adapted = dataclasses.replace(layout, normalisation=normalisation, image_size=size)
    return adapted, [f'{config_path}: {_described(evaluated, size)}']


def _read(path):
    """Return the content of a config.json of timm; None if there is none, or another program's."""
    try:
        with open(path, encoding='utf-8') as stream:
            config = json.load(stream)
    except (OSError, ValueError):
        return None
    is_timms = isinstance(config, dict) and isinstance(config.get('pretrained_cfg'), dict)
    return config if is_timms else None


def _require_architecture(path, architecture, layout, names):
    known = isinstance(architecture, str) and any(
        re.fullmatch(_ORIGINS + re.escape(name), architecture) for name in names
    )
    if not known:
        raise UserError(
            f'{path}: architecture is {architecture!r}, which is not {layout.name}, though its '
            'tensors have the same names'
        )


def _colours(values):
    red, green, blue = map(float, values)
    return red, green, blue


def _described(evaluated, size):
    text = f'{size} pixels'
    crop = evaluated.get('crop_pct')
    if isinstance(crop, float) and crop != _USUAL_CROP:
        text += f"; timm keeps {crop:.1%} of a picture's shorter side, the programs here 87.5%"
    return text
