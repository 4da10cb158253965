"""Files of Keras: facts about its networks, and files as Keras writes them."""

import gzip
import json

import h5py

from support import reference
from weights.sources import KERAS, Source, Tensor

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
