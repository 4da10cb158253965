"""The order of the layers of Keras Applications, for every equal network, from facts alone."""

import functools
import math

import pytest

from nets import model_specs
from support import keras_files, reference
from weights.layouts import keras as keras_layouts
from weights.layouts.keras.architecture import by_kind

ROLES = ('gamma', 'beta', 'moving_mean', 'moving_variance')
ARCHITECTURES = {each.name: each for each in keras_layouts.ARCHITECTURES}


@functools.lru_cache
def facts():
    return keras_files.facts()


def for_architectures():
    return pytest.mark.parametrize('name', ARCHITECTURES)


@functools.lru_cache
def variables_of(network):
    """Return {variable: shape} of a network here, without those of its auxiliary head."""
    spec, known = model_specs.get_spec(network), reference.facts(network)['model_variables']
    auxiliary = spec.auxiliary_head or '-'
    return {name: tuple(shape) for name, shape in known.items() if not name.startswith(auxiliary)}


def elsewhere(source, layers):
    """Return {variable: (shape, tensor)} of what the layers place."""
    found = {}
    for layer in layers:
        for variable, module in layer.convolutions:
            scope, _, role = variable.rpartition('/')
            kernel = 'kernel' if role == 'weights' else role.replace('weights', 'kernel')
            found[variable] = f'{module}/{kernel}'
            if f'{module}/bias' in source.tensors:
                found[f'{scope}/biases'] = f'{module}/bias'
        if layer.norm:
            scope, module = layer.norm
            found.update(
                (f'{scope}/{role}', f'{module}/{role}')
                for role in ROLES
                if f'{module}/{role}' in source.tensors
            )
    return found


@pytest.mark.parametrize('number_from', [None, 94])
@for_architectures()
def test_every_variable_has_a_tensor_of_its_shape(name, number_from):
    architecture = ARCHITECTURES[name]
    source = keras_files.source_of(facts()[name], number_from)
    expected = variables_of(architecture.network)
    placed = elsewhere(source, architecture.place(architecture.network, source))
    assert set(placed) == set(expected)
    assert sorted(placed.values()) == sorted(source.tensors)
    spec = model_specs.get_spec(architecture.network)
    for variable, tensor in placed.items():
        found = source.tensors[tensor].shape
        if variable.startswith(f'{spec.head}/'):
            assert found[-1] == 1000
            found = (*found[:-1], expected[variable][-1])
        if len(found) == 2:  # A dense layer there is a convolution here.
            assert found[0] == math.prod(expected[variable][:-1])
        else:
            assert found == expected[variable]


@for_architectures()
def test_only_its_own_files_fit(name):
    for other, layers in facts().items():
        assert ARCHITECTURES[name].fits(keras_files.source_of(layers)) == (other == name)


def test_order_within_kinds_is_all_that_counts():
    # Files of Keras 3 have the layers of each class together.
    for name, architecture in ARCHITECTURES.items():
        whole = keras_files.source_of(facts()[name])
        kinds = by_kind(whole).values()
        names = [layer for layers in kinds for layer in layers]
        by_class = keras_files.source_of({layer: facts()[name][layer] for layer in names})
        assert architecture.place(architecture.network, by_class) == architecture.place(
            architecture.network, whole
        )


def test_numbers_of_blocks_that_keras_makes():
    # Keras makes the branches of a block one after the other, and sorts them by distance.
    source = keras_files.source_of(facts()['InceptionV3'])
    placed = elsewhere(source, ARCHITECTURES['InceptionV3'].place('inception_v3', source))
    made = [
        'Branch_0/Conv2d_0a_1x1',
        'Branch_1/Conv2d_0a_1x1',
        'Branch_1/Conv2d_0b_5x5',
        'Branch_2/Conv2d_0a_1x1',
        'Branch_2/Conv2d_0b_3x3',
        'Branch_2/Conv2d_0c_3x3',
        'Branch_3/Conv2d_0b_1x1',
    ]
    for number, scope in enumerate(made, start=5):
        assert placed[f'InceptionV3/Mixed_5b/{scope}/weights'] == f'conv2d_{number}/kernel'


@pytest.mark.soak
def test_facts_are_those_of_keras():
    import keras

    for name, architecture in ARCHITECTURES.items():
        function = getattr(keras.applications, architecture.function)
        keras.backend.clear_session()
        model = function(weights=None, **architecture.arguments)
        found = {
            layer.name: {weight.name: list(weight.shape) for weight in layer.weights}
            for layer in model.layers
            if layer.weights
        }
        assert list(found.items()) == list(facts()[name].items())
