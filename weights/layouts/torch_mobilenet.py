"""MobileNet v2 of timm and torchvision, and the MobileNet v3 that timm took over from TensorFlow.

TF-Slim calls the blocks expanded_conv, expanded_conv_1, ... and their convolutions expand,
depthwise and project. A block that does not expand has no convolution `expand`.
"""

import dataclasses
from functools import partial

from weights.layouts import torch_modules
from weights.layouts.layout import IMAGENET, MINUS_ONE_TO_ONE, Layout
from weights.layouts.torch_different import is_padded_equally
from weights.layouts.torch_modules import dense, normalised
from weights.sources import TORCH

# TF-Slim's hard sigmoid of squeeze-and-excite multiplies by 0.16667, timm divides by 6. The
# convolution after it makes up for that.
_AFTER_SQUEEZE = 1 / (6 * 0.16667)


def _block_scope(scope, number):
    return f'{scope}/expanded_conv_{number}' if number else f'{scope}/expanded_conv'


def _block(scope, convolutions, norms):
    """Return the layers of a block; its convolutions and their norms are in order of use."""
    names = ('expand', 'depthwise', 'project')[-len(convolutions) :]
    return [
        normalised(
            f'{scope}/{name}',
            convolution,
            norm,
            'depthwise_weights' if name == 'depthwise' else 'weights',
        )
        for name, convolution, norm in zip(names, convolutions, norms, strict=True)
    ]


def _timm_block(scope, module, source):
    expands = f'{module}.conv_pwl.weight' in source.tensors
    order = ('conv_pw', 'conv_dw', 'conv_pwl') if expands else ('conv_dw', 'conv_pw')
    layers = _block(
        scope,
        [f'{module}.{name}' for name in order],
        [f'{module}.bn{number}' for number in range(1, len(order) + 1)],
    )
    if f'{module}.se.conv_reduce.weight' in source.tensors:
        layers[-1] = dataclasses.replace(layers[-1], scale=_AFTER_SQUEEZE)
        layers.append(dense(f'{scope}/squeeze_excite/Conv', f'{module}.se.conv_reduce'))
        layers.append(dense(f'{scope}/squeeze_excite/Conv_1', f'{module}.se.conv_expand'))
    return layers


def _timm_blocks(scope, source):
    depthwise = torch_modules.modules(source, r'blocks\.\d+\.\d+\.conv_dw')
    return [
        layer
        for number, name in enumerate(depthwise)
        for layer in _timm_block(_block_scope(scope, number), name.removesuffix('.conv_dw'), source)
    ]


def _timm_v2(network, source):
    scope = 'MobilenetV2'
    return [
        normalised(f'{scope}/Conv', 'conv_stem', 'bn1'),
        *_timm_blocks(scope, source),
        normalised(f'{scope}/Conv_1', 'conv_head', 'bn2'),
        dense(f'{scope}/Logits/Conv2d_1c_1x1', 'classifier'),
    ]


def _timm_v3(network, source):
    scope = 'MobilenetV3'
    last = torch_modules.modules(source, r'blocks\.\d+\.0\.conv')[-1]
    return [
        normalised(f'{scope}/Conv', 'conv_stem', 'bn1'),
        *_timm_blocks(scope, source),
        normalised(f'{scope}/Conv_1', last, last.replace('.conv', '.bn1')),
        dense(f'{scope}/Conv_2', 'conv_head'),
        dense(f'{scope}/Logits/Conv2d_1c_1x1', 'classifier'),
    ]


def _torchvision_v2(network, source):
    scope = 'MobilenetV2'
    layers = [
        normalised(f'{scope}/Conv', 'features.0.0', 'features.0.1'),
        normalised(f'{scope}/Conv_1', 'features.18.0', 'features.18.1'),
        dense(f'{scope}/Logits/Conv2d_1c_1x1', 'classifier.1'),
    ]
    for number in range(17):
        module = f'features.{number + 1}.conv'
        # All but the last are sequences of a convolution and its norm.
        sequences = 2 if number else 1
        convolutions = [f'{module}.{index}.0' for index in range(sequences)]
        norms = [f'{module}.{index}.1' for index in range(sequences)]
        layers += _block(
            _block_scope(scope, number),
            [*convolutions, f'{module}.{sequences}'],
            [*norms, f'{module}.{sequences + 1}'],
        )
    return layers


def _fits_v3(expected, is_minimalistic, source):
    if is_padded_equally(source):
        return False
    has_squeeze = 'blocks.2.0.se.conv_reduce.weight' in source.tensors
    return torch_modules.has(source, expected) and has_squeeze != is_minimalistic


_V2 = partial(
    Layout,
    kind=TORCH,
    epsilon=1e-5,
    normalisation=IMAGENET,
    image_size=224,
    note='pads as PyTorch does, mobilenet_v2 as TensorFlow does',
)
_V3 = partial(
    Layout,
    kind=TORCH,
    epsilon=1e-3,
    normalisation=MINUS_ONE_TO_ONE,
    image_size=224,
    layers=_timm_v3,
    note="TF-Slim's weights without the background class; not mobilenetv3_large_100 or "
    'mobilenetv3_small_100 of timm, which pad otherwise',
)
# By width: the suffix here, and the channels of the first, the last and the widest convolution.
_WIDTHS = {100: ('', 32, 320, 1280), 140: ('_140', 48, 448, 1792)}
_LAST_V3 = {
    'large': {'conv_head': (1280, 960, 1, 1), 'blocks.6.0.conv': (960, 160, 1, 1)},
    'small': {'conv_head': (1024, 576, 1, 1), 'blocks.5.0.conv': (576, 96, 1, 1)},
}


def _timm_v2_layout(width):
    suffix, first, last, head = _WIDTHS[width]
    expected = {
        'conv_stem': (first, 3, 3, 3),
        'blocks.6.0.conv_pwl': (last, None, 1, 1),
        'conv_head': (head, last, 1, 1),
        'bn2': (head,),
    }
    return _V2(
        name=f'mobilenetv2_{width} of timm',
        networks=(f'mobilenet_v2b{suffix}',),
        fits=partial(_fits_v2, expected),
        layers=_timm_v2,
        built_by=(('timm', f'mobilenetv2_{width}'),),
    )


def _fits_v2(expected, source):
    # The widths with a `d` are deeper.
    return torch_modules.has(source, expected) and 'blocks.1.2.conv_pw.weight' not in source.tensors


def _torchvision_v2_layout(width):
    suffix, first, last, head = _WIDTHS[width]
    expected = {
        'features.0.0': (first, 3, 3, 3),
        'features.17.conv.2': (last, None, 1, 1),
        'features.18.0': (head, last, 1, 1),
    }
    wide = f' with width_mult={width / 100:g}' if suffix else ''
    return _V2(
        name=f'mobilenet_v2{wide} of torchvision',
        networks=(f'mobilenet_v2b{suffix}',),
        fits=partial(torch_modules.has, expected=expected),
        layers=_torchvision_v2,
        built_by=() if suffix else (('torchvision', 'mobilenet_v2'),),
    )


def _v3_layout(size, is_minimalistic):
    name = f'tf_mobilenetv3_{size}_minimal_100' if is_minimalistic else f'tf_mobilenetv3_{size}_100'
    suffix = '_minimalistic' if is_minimalistic else ''
    return _V3(
        name=f'{name} of timm',
        networks=(f'mobilenet_v3_{size}{suffix}',),
        fits=partial(_fits_v3, _LAST_V3[size], is_minimalistic),
        built_by=(('timm', name),),
    )


LAYOUTS = (
    *map(_timm_v2_layout, _WIDTHS),
    *map(_torchvision_v2_layout, _WIDTHS),
    *(_v3_layout(size, minimal) for size in _LAST_V3 for minimal in (False, True)),
)
