"""The networks of Keras Applications: built, filled with the weights of a file, and run.

Keras comes with TensorFlow. It loads the weights itself, not through the tables here, so that a
comparison checks those tables. Only where it cannot, such as for a network within another model,
the tables say where the weights belong. Nothing in a file is executed.
"""

import contextlib
import importlib
import importlib.util
import os
import tempfile
import warnings
import zipfile

import numpy as np

from weights.layouts import keras as keras_layouts
from weights.readers import keras_file
from weights.sources import KERAS, Source, Tensor

# Pools of NASNet that read a map which Keras has padded with zeros.
_PADDED_POOLS = ('reduction_left2_', 'reduction_left3_', 'reduction_right5_')


def missing(layout):
    """Return why the network of a layout cannot be built, or ''."""
    del layout
    if importlib.util.find_spec('keras'):
        return ''
    return 'install keras, which builds the network to compare with'


def logits(path, layout, info, pixels, use_averages=True):
    """Return the logits of uint8 pixels [count, side, side, channels]."""
    del layout, use_averages
    architecture = keras_layouts.architecture_of(info.model_name)
    model = build(architecture, info.num_classes, info.image_size, classifier_activation=None)
    if architecture.trained_as == info.model_name:
        model = without_padded_pools(model)
    _load(model, architecture, path)
    inputs = preprocessed(architecture, pixels)
    return np.concatenate([run(model, picture[None]) for picture in inputs])


def preprocessed(architecture, pixels):
    """Return uint8 pixels as Keras prepares them for a network."""
    module = importlib.import_module(f'keras.applications.{architecture.module}')
    return module.preprocess_input(pixels.astype(np.float32))  # It may change its argument.


def build(architecture, classes, size, **arguments):
    """Build a network without downloading anything."""
    import keras

    function = getattr(keras.applications, architecture.function)
    return function(
        weights=None,
        classes=classes,
        input_shape=(size, size, 3),
        **architecture.arguments,
        **arguments,
    )


def without_padded_pools(model):
    """Return a NASNet with new weights whose reduction cells pool without counting the padding."""
    import keras

    def replaced(layer):
        config = layer.get_config()
        if layer.name.startswith('reduction_pad_1_'):
            return keras.layers.Identity(name=layer.name)
        if 'pool_size' in config and layer.name.startswith(_PADDED_POOLS):
            config['padding'] = 'same'
        return layer.from_config(config)

    return keras.models.clone_model(model, clone_function=replaced)


def run(model, inputs):
    """Return the output of a network for prepared pixels."""
    return np.asarray(model(inputs, training=False))


def _load(model, architecture, path):
    source = keras_file.read(path)
    try:
        _load_with_keras(model, path, source.metadata[keras_file.IS_LEGACY])
    except (OSError, ValueError, KeyError, TypeError):
        _load_by_order(model, architecture, source)


def _load_with_keras(model, path, is_legacy):
    """Load a file with Keras, which recognises the format by the file name extension."""
    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
        named = os.path.join(directory, 'x.h5' if is_legacy else 'x.weights.h5')
        if zipfile.is_zipfile(path):
            archive = stack.enter_context(zipfile.ZipFile(path))
            os.rename(archive.extract(keras_file.WEIGHTS_MEMBER, directory), named)
        else:
            os.symlink(os.path.abspath(path), named)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter('ignore')  # About layers that it cannot find; it fails then, too.
        model.load_weights(named)


def _load_by_order(model, architecture, source):
    """Load the layers of a file into those in the same places of the order."""
    weights = weights_of(model)
    there = architecture.place(architecture.network, source)
    here = architecture.place(architecture.network, source_of(model.name, weights))
    for in_file, in_model in zip(there, here, strict=True):
        for (_, layer), (_, name) in zip(_pairs(in_file), _pairs(in_model), strict=True):
            for kind, weight in weights[name].items():
                weight.assign(source.read(f'{layer}/{kind}').reshape(weight.shape))


def _pairs(layer):
    return [*layer.convolutions, *([layer.norm] if layer.norm else ())]


def weights_of(model):
    """Return {layer: {kind: variable}} of a network of Keras."""
    return {layer.name: _weights(layer) for layer in model.layers if layer.weights}


def _weights(layer):
    is_depthwise = type(layer).__name__ == 'DepthwiseConv2D'
    names = {'kernel': 'depthwise_kernel'} if is_depthwise else {}
    return {names.get(each.name, each.name): each for each in layer.weights}


def source_of(name, weights):
    """Return a Source of the variables of a network of Keras."""
    tensors = {
        f'{layer}/{kind}': Tensor(tuple(weight.shape), weight.numpy)
        for layer, of_layer in weights.items()
        for kind, weight in of_layer.items()
    }
    return Source(name, KERAS, tensors)
