"""Files of Keras: facts about its networks, and files as Keras writes them."""

import gzip
import json
import math

import h5py
import numpy as np

from support import reference
from weights.sources import KERAS, Source, Tensor
from weights.verification import keras_networks, pictures

FACTS = reference.GOLDEN / 'keras.json.gz'


def facts():
    """Return {network of Keras Applications: {layer: {weight: shape}}}, in the order of Keras."""
    return json.loads(gzip.decompress(FACTS.read_bytes()))


def source_of(layers, number_from=None):
    """Return the Source of a file with {layer: {weight: shape}}, without values.

    `number_from` is the number of the first layer that Keras names by itself, as in a program that
    has made other networks before.
    """
    tensors = {}
    for layer, weights in layers.items():
        name = layer if number_from is None else _renumbered(layer, number_from)
        for weight, shape in weights.items():
            is_depthwise = weight == 'kernel' and len(shape) == 4 and shape[3] == 1 != shape[0]
            kind = 'depthwise_kernel' if is_depthwise else weight
            tensors[f'{name}/{kind}'] = Tensor(tuple(shape), None)
    return Source('x.h5', KERAS, tensors)


def _renumbered(layer, first):
    for base in ('conv2d', 'batch_normalization'):
        number = layer.removeprefix(base).removeprefix('_') or '0'
        if layer.startswith(base) and number.isdigit():
            return f'{base}_{int(number) + first}'
    return layer


def write_legacy(path, layers, group='', chunk=None):
    """Write {layer: {full name of a weight: array}} as Keras 1 and 2 did.

    With a `chunk`, the lists of names are in attributes of so many names: name0, name1, ...
    """
    with h5py.File(path, 'w') as file:
        root = file.require_group(group) if group else file
        root.attrs['keras_version'] = b'2.2.4'
        _write_names(root, 'layer_names', list(layers), chunk)
        for layer, weights in layers.items():
            of_layer = root.create_group(layer)
            _write_names(of_layer, 'weight_names', list(weights), chunk)
            for name, value in weights.items():
                of_layer[name] = value
    return path


def _write_names(group, attribute, names, chunk):
    names = [name.encode() for name in names]
    if not chunk or len(names) <= chunk:
        group.attrs[attribute] = names
        return
    for number, start in enumerate(range(0, len(names), chunk)):
        group.attrs[f'{attribute}{number}'] = names[start : start + chunk]


def random_model(architecture, size, classes=1000, seed=0):
    """Return a network of Keras Applications with random weights and statistics.

    The statistics are near those of random pictures, so that the logits of pictures differ.
    """
    model = keras_networks.build(architecture, classes, size)
    random = np.random.default_rng(seed)
    for layer in model.layers:
        layer.set_weights([_random(random, layer, weight) for weight in layer.weights])
    norms = [layer for layer in model.layers if hasattr(layer, 'moving_mean')]
    for layer in norms:
        layer.momentum = 0.0
    if norms:
        model(keras_networks.preprocessed(architecture, pictures.random(size, 4)), training=True)
    for layer in norms:
        variance = np.asarray(layer.moving_variance)
        shift = random.normal(0, 0.2, variance.shape) * np.sqrt(variance)
        layer.moving_mean.assign_add(shift.astype(np.float32))
        layer.moving_variance.assign(variance * random.uniform(0.5, 2, variance.shape) + 1e-3)
    return model


def _random(random, layer, weight):
    if weight.name in ('gamma', 'moving_variance'):
        return random.uniform(0.5, 1.5, weight.shape)
    if 'kernel' not in weight.name:
        return random.normal(0, 0.1, weight.shape)
    is_depthwise = 'depthwise' in weight.name or type(layer).__name__ == 'DepthwiseConv2D'
    inputs = math.prod(weight.shape[:2] if is_depthwise else weight.shape[:-1])
    return random.normal(0, math.sqrt(2 / inputs), weight.shape)


def save(model, path):
    """Save a model, or its weights alone, as the ending of the path says; return the path."""
    if str(path).endswith('.weights.h5'):
        model.save_weights(path)
    else:
        model.save(path)
    return path
