"""Layouts of small networks that the tests invent; no other program has them."""

import re

from support.weight_files import info_of
from weights.layouts.layout import MINUS_ONE_TO_ONE, Layer, Layout, Normalisation
from weights.placing import target
from weights.sources import TORCH

_HALF = Normalisation((128 / 255,) * 3, (128 / 255,) * 3)


def lenet_layers(network, source):
    """Return the layers of LeNet, with linear modules for fc3 and fc4."""
    del network, source
    return [
        Layer([('LeNet/conv1/weights', 'conv1')]),
        Layer([('LeNet/conv2/weights', 'conv2')]),
        Layer([('LeNet/fc3/weights', 'fc3')], flattened=(7, 7, 64)),
        Layer([('LeNet/fc4/weights', 'head.fc4')]),
    ]


def module(variable):
    """Return a name of PyTorch's kind for the scope of a variable."""
    return re.sub(r'[/]', '.', variable.rpartition('/')[0]).lower()


def mobilenet_layers(network, source):
    """Return the layers of a MobileNet v1: each convolution with the batch norm in its scope."""
    del source
    variables = target.of(info_of(network), False).variables
    layers = []
    for name in variables:
        scope, _, role = name.rpartition('/')
        if role in ('weights', 'depthwise_weights'):
            norm = f'{scope}/BatchNorm'
            has_norm = f'{norm}/beta' in variables
            pair = (norm, module(f'{norm}/')) if has_norm else None
            layers.append(Layer([(name, module(name))], pair))
    return layers


def lenet(**changes):
    """Return the invented layout of LeNet."""
    arguments = {
        'name': 'invented lenet',
        'kind': TORCH,
        'networks': ('lenet',),
        'fits': lambda source: 'head.fc4.weight' in source.tensors,
        'layers': lenet_layers,
        'epsilon': 1e-3,
        'normalisation': _HALF,
        'image_size': 28,
    }
    return Layout(**{**arguments, **changes})


def mobilenet(**changes):
    """Return the invented layout of the smallest MobileNet v1."""
    arguments = {
        'name': 'invented mobilenet',
        'kind': TORCH,
        'networks': ('mobilenet_v1_025',),
        'fits': lambda source: 'mobilenetv1.conv2d_0.weight' in source.tensors,
        'layers': mobilenet_layers,
        'epsilon': 1e-3,
        'normalisation': MINUS_ONE_TO_ONE,
        'image_size': 128,
    }
    return Layout(**{**arguments, **changes})
