"""ResNet 50, 101 and 152 of torchvision and timm, which stride in the 3x3 convolutions."""

from functools import partial

from weights.layouts import torch_modules
from weights.layouts.layout import IMAGENET, Layout
from weights.layouts.torch_modules import dense, normalised
from weights.sources import TORCH

# Table 1 of the paper: the units of the four blocks.
_UNITS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def _unit(scope, module, has_shortcut):
    if has_shortcut:
        yield normalised(f'{scope}/shortcut', f'{module}.downsample.0', f'{module}.downsample.1')
    for number in (1, 2, 3):
        yield normalised(f'{scope}/conv{number}', f'{module}.conv{number}', f'{module}.bn{number}')


def _layers(depth, network, source):
    layers = [normalised(f'{network}/conv1', 'conv1', 'bn1')]
    for block, count in enumerate(_UNITS[depth], 1):
        for unit in range(count):
            scope = f'{network}/block{block}/unit_{unit + 1}/bottleneck_v1'
            layers += _unit(scope, f'layer{block}.{unit}', has_shortcut=unit == 0)
    logits = torch_modules.first(source, 'fc', 'last_linear')
    return [*layers, dense(f'{network}/logits', logits)]


def _fits(depth, source):
    third = _UNITS[depth][2]
    expected = {
        'conv1': (64, 3, 7, 7),
        'layer1.0.conv2': (64, 64, 3, 3),  # Neither ResNeXt nor a wide ResNet.
        'layer1.0.downsample.0': (256, 64, 1, 1),
        f'layer2.{_UNITS[depth][1] - 1}.conv3': (512, 128, 1, 1),
        f'layer3.{third - 1}.conv3': (1024, 256, 1, 1),
    }
    extra = ('layer1.0.se.fc1.weight', f'layer3.{third}.conv3.weight')
    return torch_modules.has(source, expected) and not any(name in source.tensors for name in extra)


LAYOUTS = tuple(
    Layout(
        name=f'resnet{depth} of torchvision or timm',
        kind=TORCH,
        networks=(f'resnet_v1b_{depth}',),
        fits=partial(_fits, depth),
        layers=partial(_layers, depth),
        epsilon=1e-5,
        normalisation=IMAGENET,
        image_size=224,
        built_by=(('torchvision', f'resnet{depth}'), ('timm', f'resnet{depth}')),
        note='its better recent weights too (a1_in1k of timm, IMAGENET1K_V2 of torchvision)',
    )
    for depth in _UNITS
)
