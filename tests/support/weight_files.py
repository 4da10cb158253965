"""Files of weights as other programs write them, made from random variables of a network here."""

import numpy as np
import safetensors.numpy
import tensorflow.compat.v1 as tf

from classifiers.model_info import ModelInfo
from nets import model_specs
from weights.placing import target

_TORCH_ROLES = {
    'weights': 'weight',
    'depthwise_weights': 'weight',
    'pointwise_weights': 'weight',
    'biases': 'bias',
    'gamma': 'weight',
    'beta': 'bias',
    'moving_mean': 'running_mean',
    'moving_variance': 'running_var',
}


def info_of(network, classes=7, image_size=None):
    """Return the ModelInfo of a network with some number of classes."""
    spec = model_specs.get_spec(network)
    size = image_size or spec.image_size
    return ModelInfo(network, classes, size, spec.channels, spec.preprocessing)


def random_variables(network, classes=7, auxiliary=False, image_size=None, seed=0):
    """Return {name: random float32 values} of all variables of a network here."""
    random = np.random.default_rng(seed)
    shapes = target.of(info_of(network, classes, image_size), auxiliary).variables

    def values(name, shape):
        if name.endswith(('gamma', 'moving_variance')):
            return random.uniform(0.5, 1.5, shape)
        scale = np.sqrt(2 / max(1, np.prod(shape[:-1]))) if len(shape) > 1 else 0.1
        return random.normal(0, scale, shape)

    return {name: values(name, shape).astype(np.float32) for name, shape in shapes.items()}


def torch_state(layers, variables):
    """Return the state dict that PyTorch has for some layers with these values."""
    state = {}
    for layer in layers:
        for variable, module in layer.convolutions:
            scope, _, role = variable.rpartition('/')
            state[f'{module}.weight'] = _torch_weights(role, variables[variable], layer.flattened)
            if f'{scope}/biases' in variables:
                state[f'{module}.bias'] = variables[f'{scope}/biases']
        if layer.norm:
            scope, module = layer.norm
            for role in ('gamma', 'beta', 'moving_mean', 'moving_variance'):
                value = variables.get(f'{scope}/{role}')
                if value is None:
                    value = np.ones_like(variables[f'{scope}/moving_mean'])
                state[f'{module}.{_TORCH_ROLES[role]}'] = value
            state[f'{module}.num_batches_tracked'] = np.array(12, np.int64)
    return {name: np.ascontiguousarray(value) for name, value in state.items()}


def _torch_weights(role, weights, flattened):
    if flattened:
        height, width, channels = flattened
        weights = weights.reshape(height, width, channels, -1)
        return weights.transpose(3, 2, 0, 1).reshape(weights.shape[-1], -1)
    if weights.ndim == 2:
        return weights.T
    if role == 'depthwise_weights':
        return weights.transpose(2, 3, 0, 1).reshape(-1, 1, *weights.shape[:2])
    return weights.transpose(3, 2, 0, 1)


def write_safetensors(path, tensors, metadata=None):
    """Write arrays as a .safetensors file, and return its path."""
    safetensors.numpy.save_file(tensors, path, metadata or {'format': 'pt'})
    return path


def read_checkpoint(path):
    """Return {name: value} of all variables in a checkpoint."""
    reader = tf.train.load_checkpoint(str(path))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def read_safetensors(path):
    """Return {name: array} of a .safetensors file."""
    return safetensors.numpy.load_file(path)
