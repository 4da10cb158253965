"""Inception v3, v4 and Inception-ResNet v2 of timm, torchvision and InceptionV4-PyTorch.

In all of them a unit is a module with a convolution `conv` and its batch norm `bn`. The units of a
block are sorted into branches; our names follow from the position in the branch and the size of the
kernel, as in `nets/inception_utils.py`.
"""

import re
from functools import partial

from weights.layouts import torch_modules
from weights.layouts.layout import IMAGENET, MINUS_ONE_TO_ONE, Layout
from weights.layouts.torch_modules import dense
from weights.sources import TORCH

# The released checkpoints of Inception v3 have exceptions to the rule: ours -> theirs.
_EXCEPTIONS_V3 = {
    'Mixed_5c/Branch_1/Conv2d_0a_1x1': 'Mixed_5c/Branch_1/Conv2d_0b_1x1',
    'Mixed_5c/Branch_1/Conv2d_0b_5x5': 'Mixed_5c/Branch_1/Conv_1_0c_5x5',
    'Mixed_6a/Branch_0/Conv2d_1a_3x3': 'Mixed_6a/Branch_0/Conv2d_1a_1x1',
    'Mixed_6a/Branch_1/Conv2d_1a_3x3': 'Mixed_6a/Branch_1/Conv2d_1a_1x1',
    'Mixed_7b/Branch_1/Conv2d_0c_3x1': 'Mixed_7b/Branch_1/Conv2d_0b_3x1',
}
# torchvision names branches by their kernels; this is their order in every block.
_ORDER_V3 = ('1x1', '3x3', '5x5', '7x7', '7x7x3', '3x3dbl', '7x7dbl', '_pool')
_BLOCKS_V4 = (
    *(f'Mixed_5{letter}' for letter in 'bcde'),
    *(f'Mixed_6{letter}' for letter in 'abcdefgh'),
    *(f'Mixed_7{letter}' for letter in 'abcd'),
)
_STEM_RESNET = {
    'Conv2d_1a_3x3': 'conv2d_1a',
    'Conv2d_2a_3x3': 'conv2d_2a',
    'Conv2d_2b_3x3': 'conv2d_2b',
    'Conv2d_3b_1x1': 'conv2d_3b',
    'Conv2d_4a_3x3': 'conv2d_4a',
    'Conv2d_7b_1x1': 'conv2d_7b',
}
_RESIDUAL_BLOCKS = {
    **{f'Repeat/block35_{number + 1}': f'repeat.{number}' for number in range(10)},
    **{f'Repeat_1/block17_{number + 1}': f'repeat_1.{number}' for number in range(20)},
    **{f'Repeat_2/block8_{number + 1}': f'repeat_2.{number}' for number in range(9)},
    'Block8': 'block8',
}


def _layers(scope, units):
    """Return the layers of {name below our scope: unit}."""
    return [
        torch_modules.normalised(f'{scope}/{name}', f'{unit}.conv', f'{unit}.bn')
        for name, unit in units.items()
    ]


def _numbered(name):
    """Return the branch of `.branch1.0`, `.branch1_2a`, `_branch_1.0` and the like."""
    # InceptionV4-PyTorch has `brance_3` too.
    return int(re.match(r'[._]branc[he]_?(\d)', name)[1])


def _kernels(name):
    """Return the rank of torchvision's `.branch3x3dbl_2`."""
    return _ORDER_V3.index(re.sub(r'_\d[ab]?$', '', name.removeprefix('.branch')))


def _block(source, block, prefix, rank=_numbered):
    """Return {our name: unit} of a block; `rank` of a unit's name orders the branches."""
    branches: dict[int, list[str]] = {}
    for module in torch_modules.modules(source, rf'{re.escape(prefix)}[._].*\.conv'):
        unit = module.removesuffix('.conv')
        branches.setdefault(rank(unit.removeprefix(prefix)), []).append(unit)
    return {
        f'{block}/Branch_{number}/{name}': unit
        for number, (_, units) in enumerate(sorted(branches.items()))
        for name, unit in zip(
            _names(source, units, reduces=block.endswith('a'), pooled=number == 3),
            units,
            strict=True,
        )
    }


def _names(source, units, reduces, pooled):
    """Return our names of the convolutions of a branch: Conv2d_0a_1x1, Conv2d_0b_3x3, ...

    A pool that begins the branch counts as the first. The last convolution of a block that makes
    the map smaller is Conv2d_1a.
    """
    positions = [f'0{letter}' for letter in ('bcdef' if pooled else 'abcde')[: len(units)]]
    if reduces:
        positions[-1] = '1a'
    kernels = [source.shape(f'{unit}.conv.weight')[2:] for unit in units]
    return [
        f'Conv2d_{position}_{height}x{width}'
        for position, (height, width) in zip(positions, kernels, strict=True)
    ]


# --- Inception v3


def _layers_v3(network, source):
    scope = 'InceptionV3'
    stem = torch_modules.modules(source, r'Conv2d_\w+\.conv')
    units = {name.removesuffix('.conv'): name.removesuffix('.conv') for name in stem}
    for block in ('5b', '5c', '5d', '6a', '6b', '6c', '6d', '6e', '7a', '7b', '7c'):
        units |= _block(source, f'Mixed_{block}', f'Mixed_{block}', _kernels)
    units = {_EXCEPTIONS_V3.get(name, name): unit for name, unit in units.items()}
    layers = [*_layers(scope, units), dense(f'{scope}/Logits/Conv2d_1c_1x1', 'fc')]
    logits = torch_modules.first(source, 'AuxLogits.fc', 'aux.fc')
    if f'{logits}.weight' in source.tensors:
        head = logits.removesuffix('.fc')
        units = {'Conv2d_1b_1x1': f'{head}.conv0', 'Conv2d_2a_5x5': f'{head}.conv1'}
        layers += _layers(f'{scope}/AuxLogits', units)
        layers.append(dense(f'{scope}/AuxLogits/Conv2d_2b_1x1', logits))
    return layers


# --- Inception v4


def _layers_v4(stem, blocks, logits, network, source):
    units = dict(stem)
    for name, prefix in blocks.items():
        units |= _block(source, name, prefix)
    return [*_layers('InceptionV4', units), dense('InceptionV4/Logits/Logits', logits)]


_timm_v4 = partial(
    _layers_v4,
    {
        'Conv2d_1a_3x3': 'features.0',
        'Conv2d_2a_3x3': 'features.1',
        'Conv2d_2b_3x3': 'features.2',
        'Mixed_3a/Branch_1/Conv2d_0a_3x3': 'features.3.conv',
        'Mixed_5a/Branch_0/Conv2d_1a_3x3': 'features.5.conv',
    },
    {
        'Mixed_4a': 'features.4',
        **{name: f'features.{number}' for number, name in enumerate(_BLOCKS_V4, 6)},
    },
    'last_linear',
)
_inception_v4_pytorch = partial(
    _layers_v4,
    {
        'Conv2d_1a_3x3': 'features.0.conv2d_1a_3x3',
        'Conv2d_2a_3x3': 'features.0.conv2d_2a_3x3',
        'Conv2d_2b_3x3': 'features.0.conv2d_2b_3x3',
        'Mixed_3a/Branch_1/Conv2d_0a_3x3': 'features.0.mixed_3a_branch_1',
        'Mixed_5a/Branch_0/Conv2d_1a_3x3': 'features.0.mixed_5a_branch_0',
    },
    {
        'Mixed_4a': 'features.0.mixed_4a',
        **{name: f'features.{number}' for number, name in enumerate(_BLOCKS_V4, 1)},
    },
    'linear',
)


# --- Inception-ResNet v2


def _layers_resnet_v2(network, source):
    scope = 'InceptionResnetV2'
    units = dict(_STEM_RESNET)
    for name in ('Mixed_6a', 'Mixed_7a'):
        units |= _block(source, name, name.lower())
    for name, prefix in {'Mixed_5b': 'mixed_5b', **_RESIDUAL_BLOCKS}.items():
        block = _block(source, name, prefix)
        # A branch of one convolution has no numbers here.
        block[f'{name}/Branch_0/Conv2d_1x1'] = block.pop(f'{name}/Branch_0/Conv2d_0a_1x1')
        units |= block
    layers = _layers(scope, units)
    layers += [
        dense(f'{scope}/{name}/Conv2d_1x1', f'{prefix}.conv2d')
        for name, prefix in _RESIDUAL_BLOCKS.items()
    ]
    logits = torch_modules.first(source, 'classif', 'last_linear')
    return [*layers, dense(f'{scope}/Logits/Logits', logits)]


_Layout = partial(Layout, kind=TORCH, epsilon=0.001, image_size=299)

LAYOUTS = (
    _Layout(
        name='inception_v3 of timm or torchvision',
        networks=('inception_v3b', 'inception_v3'),
        fits=partial(
            torch_modules.has,
            expected={
                'Mixed_5b.branch5x5_2.conv': (64, 48, 5, 5),
                'Mixed_7c.branch3x3dbl_3b.conv': (384, 384, 3, 1),
                'fc': (None, 2048),
            },
        ),
        layers=_layers_v3,
        normalisation=MINUS_ONE_TO_ONE,
        built_by=(('torchvision', 'inception_v3'), ('timm', 'inception_v3')),
        note="inception_v3b averages as timm and torchvision do; TF-Slim's own weights "
        '(timm tf_in1k, tf_adv_in1k) were trained as inception_v3',
    ),
    _Layout(
        name='inception_v4 of timm',
        networks=('inception_v4',),
        fits=partial(
            torch_modules.has,
            expected={
                'features.21.branch2_3b.conv': (256, 512, 3, 1),
                'last_linear': (None, 1536),
            },
        ),
        layers=_timm_v4,
        normalisation=MINUS_ONE_TO_ONE,
        built_by=(('timm', 'inception_v4'),),
        note="tf_in1k are TF-Slim's weights without the background class",
    ),
    _Layout(
        name='inception_v4 of InceptionV4-PyTorch',
        networks=('inception_v4b', 'inception_v4'),
        fits=partial(
            torch_modules.has,
            expected={
                'features.16.branch_2_2.conv': (256, 512, 3, 1),
                'linear': (None, 1536),
            },
        ),
        layers=_inception_v4_pytorch,
        normalisation=IMAGENET,
        built_by=(('timm', 'inception_v4'),),
        note='inception_v4b averages as this repository does, whose last three blocks count their '
        'padding; inception_v4 is for weights that TF-Slim trained',
    ),
    _Layout(
        name='inception_resnet_v2 of timm',
        networks=('inception_resnet_v2',),
        fits=partial(
            torch_modules.has,
            expected={
                'repeat_1.19.branch1.1.conv': (160, 128, 1, 7),
                'block8.conv2d': (2080, 448, 1, 1),
                'conv2d_7b.conv': (1536, 2080, 1, 1),
            },
        ),
        layers=_layers_resnet_v2,
        normalisation=MINUS_ONE_TO_ONE,
        built_by=(('timm', 'inception_resnet_v2'),),
        note="tf_in1k are TF-Slim's weights without the background class",
    ),
)
