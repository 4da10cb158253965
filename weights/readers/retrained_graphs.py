"""Graphs of retrain.py: a published network with a last layer that TensorFlow's program trained.

In its first versions the layer (`final_training_ops`) read the features of Inception v3 or the
1,001 logits of MobileNet v1. In later ones it is called `final_retrain_ops` and reads the features
of a module of TensorFlow Hub, whose variables begin with `module/`.
"""

import re

import numpy as np

from common.errors import UserError
from weights.sources import Tensor

_PREFIX = re.compile(r'^(import/|module/)+')
_LAST = re.compile(r'final_(?:training|retrain)_ops/(?:weights|biases)/final_(weights|biases)')
# Top-level scope -> the last layer in it. Those of the ResNets are named `logits`.
HEADS = {
    'InceptionV1': 'Logits/Conv2d_0c_1x1',
    'InceptionV2': 'Logits/Conv2d_1c_1x1',
    'InceptionV3': 'Logits/Conv2d_1c_1x1',
    'InceptionResnetV2': 'Logits/Logits',
    'MobilenetV1': 'Logits/Conv2d_1c_1x1',
    'MobilenetV2': 'Logits/Conv2d_1c_1x1',
}
_RESNET = re.compile(r'resnet_v[12]_\d+')


def unified(path, tensors):
    """Return tensors under the names of the networks here, with the last layer in its place."""
    plain = {_PREFIX.sub('', name): tensor for name, tensor in tensors.items()}
    if len(plain) < len(tensors):
        raise UserError(f'{path}: contains more than one network')
    last = {match[1]: name for name in plain if (match := _LAST.fullmatch(name))}
    head = _head(plain)
    if len(last) < 2 or head is None:
        return plain
    weights, biases = (plain.pop(last[role]) for role in ('weights', 'biases'))
    layer = f'{head}/weights', f'{head}/biases'
    if layer[0] in plain:
        weights, biases = _joined(path, plain, layer, weights, biases)
    return {**plain, layer[0]: weights, layer[1]: biases}


def _head(tensors):
    for scope in dict.fromkeys(name.split('/')[0] for name in tensors):
        if scope in HEADS:
            return f'{scope}/{HEADS[scope]}'
        if _RESNET.fullmatch(scope):
            return f'{scope}/logits'
    return None


def _joined(path, tensors, layer, last_weights, last_biases):
    """Return one layer that computes what two linear layers compute one after the other."""
    weights, biases = (tensors.get(name) for name in layer)
    if biases is None or len(last_weights.shape) != 2 or weights.shape[-1:] != biases.shape:
        raise UserError(f'{path}: lacks a part of {layer[0]}')
    if weights.shape[-1] != last_weights.shape[0]:
        raise UserError(
            f'{path}: the last layer reads {last_weights.shape[0]} values, and the one before it '
            f'computes {weights.shape[-1]}'
        )
    classes = last_weights.shape[1]
    shape = (*weights.shape[:-1], classes)

    def joined_weights():
        first = np.float64(weights.read()).reshape(-1, weights.shape[-1])
        return (first @ last_weights.read()).reshape(shape)

    def joined_biases():
        return np.float64(biases.read()) @ last_weights.read() + last_biases.read()

    return Tensor(shape, joined_weights), Tensor((classes,), joined_biases)
