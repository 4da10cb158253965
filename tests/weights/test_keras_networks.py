"""Networks of Keras Applications with random weights: imported, their logits are the same."""

import json

import keras
import numpy as np
import pytest

from common.errors import UserError
from support import keras_files
from weights import importing
from weights.layouts import keras as keras_layouts
from weights.layouts import registry
from weights.readers import source_file
from weights.verification import keras_networks, pictures, verify

ARCHITECTURES = {each.name: each for each in keras_layouts.ARCHITECTURES}
ENDINGS = ('.h5', '.keras', '.weights.h5')
SMALLEST = 'MobileNet 0.25'
# The others are compared with --soak; test_keras_layouts.py compares the names of all.
DEFAULT = {SMALLEST: 96, 'MobileNetV3Small': 96}


def import_and_compare(directory, path, size, model=None, network=None):
    """Import a file and return the Comparison of its logits with those of Keras."""
    request = importing.Request(model_name=network, image_size=size)
    imported = importing.import_file(path, directory, request)
    compared = verify.compare(path, imported.path, imported.info)
    if model is not None:  # Keras has loaded into another model what this one has.
        shown = pictures.random(size, 4)
        loaded = keras_networks.logits(path, None, imported.info, shown)
        architecture = keras_layouts.architecture_of(imported.info.model_name)
        inputs = keras_networks.preprocessed(architecture, shown)
        np.testing.assert_allclose(
            softmax(loaded), np.asarray(model(inputs, training=False)), rtol=1e-4, atol=1e-6
        )
        assert np.abs(loaded[0] - loaded[1]).max() > 1e-2 * np.abs(loaded).max()
    return compared


def softmax(logits):
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    'name',
    [
        pytest.param(name, marks=() if name in DEFAULT else pytest.mark.soak)
        for name in ARCHITECTURES
    ],
)
def test_logits_are_those_of_keras(tmp_path, name):
    architecture = ARCHITECTURES[name]
    size = DEFAULT.get(name, architecture.image_size)
    model = keras_files.random_model(architecture, size)
    path = keras_files.save(model, tmp_path / 'x.weights.h5')
    network = architecture.network
    compared = import_and_compare(tmp_path / 'imported', path, size, model, network)
    assert compared.is_equal, compared.line()
    print(f'{name}: {compared.line()}')
    if architecture.trained_as:  # Keras' network with other pools.
        other = architecture.trained_as
        compared = import_and_compare(tmp_path / other, path, size, network=other)
        assert compared.is_equal, compared.line()
        print(f'{name} as {other}: {compared.line()}')
    keras.backend.clear_session()


@pytest.fixture(scope='module')
def smallest(tmp_path_factory):
    """Return {ending: file} of the smallest network, which is the second one of its program."""
    architecture = ARCHITECTURES[SMALLEST]
    keras_networks.build(architecture, 7, 64)
    model = keras_files.random_model(architecture, 64, classes=7)
    directory = tmp_path_factory.mktemp('smallest')
    return {ending: keras_files.save(model, directory / f'x{ending}') for ending in ENDINGS}


@pytest.mark.parametrize('ending', ENDINGS)
def test_every_kind_of_file(tmp_path, smallest, ending):
    compared = import_and_compare(tmp_path / 'imported', smallest[ending], 64)
    assert compared.is_equal, compared.line()
    info = json.loads((tmp_path / 'imported' / 'model.json').read_text())
    assert (info['model_name'], info['num_classes']) == ('mobilenet_v1_025', 7)
    assert (info['preprocessing_name'], info['image_size']) == ('inception', 64)


def test_a_dense_layer_of_ones_own_behind_a_network(tmp_path):
    body = keras.applications.MobileNet(
        alpha=0.25, input_shape=(64, 64, 3), include_top=False, weights=None
    )
    own = keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            keras.layers.RandomFlip(),
            body,
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(5, activation='softmax'),
        ]
    )
    path = keras_files.save(own, tmp_path / 'x.keras')
    imported = importing.import_file(path, tmp_path / 'imported')
    assert imported.info.image_size == 64  # As the file says.
    shown = pictures.random(64, 4)
    expected = own.predict(shown.astype(np.float32) / 127.5 - 1, verbose=0)
    here = softmax(verify.our_logits(imported.path, imported.info, shown))
    np.testing.assert_allclose(here, expected, rtol=1e-4, atol=1e-6)
    # Keras itself cannot load the file into its own network.
    assert verify.compare(path, imported.path, imported.info).is_equal


def refusal(path, model_name=None):
    with pytest.raises(UserError) as caught:
        registry.find(source_file.open_source(path), model_name)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert '\n' not in message
    return message


def test_a_model_without_its_last_layer_is_refused(tmp_path):
    body = keras.applications.MobileNet(
        alpha=0.25, input_shape=(64, 64, 3), include_top=False, weights=None
    )
    assert 'include_top=False' in refusal(keras_files.save(body, tmp_path / 'x.h5'))
    hidden = keras.layers.Dense(9)(keras.layers.GlobalAveragePooling2D()(body.output))
    other = keras.Model(body.input, keras.layers.Dense(5)(hidden))
    assert 'other layers behind' in refusal(keras_files.save(other, tmp_path / 'x.keras'))


def test_another_network_is_refused(smallest):
    message = refusal(smallest['.keras'], 'mobilenet_v1')
    assert message.endswith(
        'has the layout of MobileNet 0.25 of Keras: pass --model_name=mobilenet_v1_025'
    )


@pytest.mark.parametrize(
    ('name', 'reason'),
    [
        ('ResNet50', 'resnet_v2b_50'),
        ('DenseNet121', 'no such network'),
        ('Xception', 'no such network'),
        ('EfficientNetB0', 'no such network'),
        ('EfficientNetV2B0', 'no such network'),
        ('ConvNeXtTiny', 'no such network'),
    ],
)
def test_networks_that_differ_are_refused(name, reason):
    source = keras_files.source_of(keras_files.facts()[name])
    for model_name in (None, 'inception_v3'):
        with pytest.raises(UserError, match=rf'^x\.h5: {name[:8]}.* of Keras: .*{reason}'):
            registry.find(source, model_name)


def test_another_width_is_refused(tmp_path):
    model = keras.applications.MobileNet(alpha=0.3, input_shape=(64, 64, 3), weights=None)
    assert 'another width' in refusal(keras_files.save(model, tmp_path / 'x.weights.h5'))


def test_nothing_has_to_be_installed():
    assert keras_networks.missing(None) == ''
