"""NASNet and PNASNet of timm and of Cadene's pretrained-models.

The cells have the same names here and there; only what is in them is called otherwise.
"""

import re
from functools import partial

from weights.layouts import torch_modules
from weights.layouts.layout import MINUS_ONE_TO_ONE, Layer, Layout
from weights.layouts.torch_modules import dense
from weights.sources import TORCH

_ORIGIN = "tf_in1k are TF-Slim's weights without the background class"
_CELL = r'(?P<cell>(?:reduction_)?cell_(?:stem_)?\d+)\.'
_COMBINATION = r'comb_iter_(?P<iteration>\d)_(?P<side>left|right)\.'
# Module there -> scope of its weights here; the size of a separable convolution is in its shape.
_CONVOLUTIONS = (
    (_CELL + r'conv_1x1\.conv', '{cell}/1x1'),
    (_CELL + r'conv_prev_1x1\.conv', '{cell}/prev_1x1'),
    (_CELL + r'(?:conv_prev_1x1\.)?path_(?P<path>[12])\.conv', '{cell}/path{path}_conv'),
    (_CELL + _COMBINATION + 'conv', '{cell}/comb_iter_{iteration}/{side}/1x1'),
)
_NORMS = (
    (_CELL + r'conv_1x1\.bn', '{cell}/beginning_bn'),
    (_CELL + r'conv_prev_1x1\.bn', '{cell}/prev_bn'),
    (_CELL + r'(?:conv_prev_1x1\.)?final_path_bn', '{cell}/final_path_bn'),
    (_CELL + _COMBINATION + 'bn', '{cell}/comb_iter_{iteration}/{side}/bn_1'),
)
_SEPARABLE = _CELL + _COMBINATION + r'separable_(?P<number>\d)\.depthwise_conv2d'


def _translated(source, rules):
    """Yield (scope here, module there) of the modules that match one of the rules."""
    for pattern, scope in rules:
        for module in torch_modules.modules(source, pattern):
            yield scope.format(**re.fullmatch(pattern, module).groupdict()), module


def _separable(source, module):
    """Return a depthwise and a pointwise convolution, and the norm that follows both."""
    found = re.fullmatch(_SEPARABLE, module).groupdict()
    height, width = source.shape(f'{module}.weight')[2:]
    scope = '{cell}/comb_iter_{iteration}/{side}'.format(**found)
    number = f'{height}x{width}_{found["number"]}'
    return Layer(
        [
            (f'{scope}/separable_{number}/depthwise_weights', module),
            (
                f'{scope}/separable_{number}/pointwise_weights',
                module.replace('depthwise', 'pointwise'),
            ),
        ],
        (
            f'{scope}/bn_sep_{number}',
            '{cell}.comb_iter_{iteration}_{side}.bn_sep_{number}'.format(**found),
        ),
    )


def _layers(first, network, source):
    return [
        Layer([('conv0/weights', f'{first}.conv')], ('conv0_bn', f'{first}.bn')),
        *(_separable(source, module) for module in torch_modules.modules(source, _SEPARABLE)),
        *(dense(scope, module) for scope, module in _translated(source, _CONVOLUTIONS)),
        *(Layer(norm=pair) for pair in _translated(source, _NORMS)),
        dense('final_layer/FC', 'last_linear'),
    ]


def _layout(name, networks, first, expected, note=_ORIGIN):
    return Layout(
        name=f'{name} of timm',
        kind=TORCH,
        networks=networks,
        fits=partial(torch_modules.has, expected=expected),
        layers=partial(_layers, first),
        epsilon=0.001,
        normalisation=MINUS_ONE_TO_ONE,
        image_size=331,
        built_by=(('timm', name),),
        note=note,
    )


LAYOUTS = (
    _layout(
        'nasnetalarge',
        ('nasnet_large_b', 'nasnet_large'),
        'conv0',
        {'conv0.conv': (96, 3, 3, 3), 'cell_17.conv_1x1.conv': (672, 4032, 1, 1)},
        "nasnet_large_b averages as timm does; TF-Slim's own weights (timm tf_in1k) were trained "
        'as nasnet_large',
    ),
    _layout(
        'pnasnet5large',
        ('pnasnet_large',),
        'conv_0',
        {'conv_0.conv': (96, 3, 3, 3), 'cell_11.conv_1x1.conv': (864, 4320, 1, 1)},
    ),
)
