"""Write a classifier as a network of Keras Applications: the inverse of importing one."""

import dataclasses
import os
import tempfile

import numpy as np

from common.errors import UserError
from preprocessing import recipe_names
from weights.layouts import keras as keras_layouts
from weights.layouts.keras.architecture import Architecture
from weights.placing import normalising, target
from weights.verification import keras_networks

# The input and the output in the description.
NODES = {'input': 'input', 'output': 'probabilities', 'probabilities': 'probabilities'}
# Role of a variable here -> kind of the tensor in Keras.
_KERNELS = {
    'weights': 'kernel',
    'depthwise_weights': 'depthwise_kernel',
    'pointwise_weights': 'pointwise_kernel',
}


@dataclasses.dataclass(frozen=True)
class Pixels:
    """What the input of a written network is, from what the recipe here gives."""

    line: str  # For the user.
    is_bgr: bool = False  # Blue comes first.
    is_rescaled: bool = False  # The network itself rescales pixels from 0 to 255.

    def of(self, images):
        """Return the input for pictures that the recipe here has prepared."""
        if self.is_rescaled:
            return (images + 1) * np.float32(127.5)
        return np.ascontiguousarray(images[..., ::-1]) if self.is_bgr else images


def architecture_for(info):
    """Return the Architecture of a classifier; raise a UserError if Keras has no equal one."""
    found = keras_layouts.architecture_of(info.model_name)
    if found is None or found.trained_as == info.model_name:
        known = ', '.join(each.network for each in keras_layouts.ARCHITECTURES)
        raise UserError(
            f'--format=keras: Keras has no network that is equal to {info.model_name}; '
            f'it has one for {known}'
        )
    if info.channels != 3:
        raise UserError('--format=keras: the networks of Keras take pictures of three channels')
    if info.image_size % found.multiple:
        raise UserError(
            f'--image_size={info.image_size}: must be a multiple of {found.multiple} for '
            f'--format=keras; {found.function} of Keras pads other sizes differently'
        )
    if found.flattened and info.image_size != found.image_size:
        raise UserError(
            f'--image_size={info.image_size}: must be {found.image_size} for --format=keras; '
            f'{found.function} of Keras has a dense layer for this size'
        )
    return found


def convert(info, values):
    """Return (bytes of a .keras file, what runs it, a line about its pixels).

    `values` are the weights, {name of a variable here: value}. What runs the file is a function
    from pictures that the recipe here has prepared to probabilities.
    """
    architecture = architecture_for(info)
    given = pixels(architecture, info)
    data, network = _written(model(architecture, info, values, given))

    def run(images):
        inputs = given.of(images)
        return np.concatenate([keras_networks.run(network, image[None]) for image in inputs])

    return data, run, given.line


def _written(made):
    """Return (the bytes of a .keras file of a network, the network that Keras reads from it)."""
    import keras

    with tempfile.TemporaryDirectory() as directory:
        file = os.path.join(directory, 'model.keras')
        made.save(file)
        again = keras.saving.load_model(file, compile=False)
        with open(file, 'rb') as stream:
            return stream.read(), again


def pixels(architecture: Architecture, info):
    """Return the Pixels of the network that is written for a classifier."""
    name = f'keras.applications.{architecture.module}.preprocess_input'
    recipe = recipe_names.recipe_of(info.preprocessing_name)
    given = normalising.RECIPES.get(recipe)
    if given is None:
        return Pixels(f'takes pixels as the preprocessing {info.preprocessing_name} gives them')
    change = normalising.change(architecture.normalisation, recipe)
    if change.offsets.any() or (change.factors != 1).any():
        means = ', '.join(f'{255 * each:.6g}' for each in given.mean)
        factors = ', '.join(f'{1 / (255 * each):.6g}' for each in given.deviation)
        return Pixels(
            f'takes (pixels - [{means}]) * [{factors}] of red, green, blue from 0 to 255, not what '
            f'{name} gives'
        )
    if architecture.rescales:
        return Pixels('takes pixels from 0 to 255: red, green, blue', is_rescaled=True)
    return Pixels(f'takes what {name} gives', is_bgr=change.is_bgr)


def model(architecture: Architecture, info, values, given: Pixels):
    """Return the network of Keras with the weights {name of a variable here: value}."""
    arguments = {'include_preprocessing': given.is_rescaled} if architecture.rescales else {}
    made = keras_networks.build(architecture, info.num_classes, info.image_size, **arguments)
    weights = keras_networks.weights_of(made)
    source = keras_networks.source_of(made.name, weights)
    epsilons = target.of(info, with_auxiliary_head=False).epsilons
    layers = architecture.place(info.model_name, source)
    for number, layer in enumerate(layers):
        for variable, name in layer.convolutions:
            found = _of_convolution(variable, weights[name], values, layer.scale)
            if number == 0 and given.is_bgr:
                found['kernel'] = found['kernel'][:, :, ::-1]
            _set(weights[name], found)
        if layer.norm:
            scope, name = layer.norm
            epsilon = made.get_layer(name).epsilon
            _set(weights[name], _of_norm(scope, weights[name], values, epsilons[scope], epsilon))
    left = [f'{layer}/{kind}' for layer, of_layer in weights.items() for kind in of_layer]
    if left:
        raise UserError(f'--format=keras: nothing here is for {", ".join(left[:3])} of {made.name}')
    return made


def _of_convolution(variable, weights, values, scale):
    """Return {kind: value} of the kernel, and of any bias, for the weights `variable` here."""
    scope, _, role = variable.rpartition('/')
    kind = _KERNELS[role]
    found = {kind: values[variable].reshape(weights[kind].shape) / np.float64(scale)}
    if 'bias' in weights:
        width = weights['bias'].shape
        found['bias'] = values.get(f'{scope}/biases', np.zeros(width, np.float32))
    return found


def _of_norm(scope, weights, values, here, there):
    """Return {kind: value} of a batch norm whose epsilon is `here`, and `there` in Keras."""
    found = {kind: values.get(f'{scope}/{kind}') for kind in weights}
    variance = np.float64(found['moving_variance'])
    if 'gamma' in weights:
        gamma = np.ones(variance.shape) if found['gamma'] is None else np.float64(found['gamma'])
        if np.float32(here) != np.float32(there):
            gamma = gamma * np.sqrt((variance + there) / (variance + here))
        found['gamma'] = gamma
    return found


def _set(weights, found):
    """Give variables of a layer their values, and take them off the list."""
    for kind, value in found.items():
        weights.pop(kind).assign(np.asarray(value, np.float32))
