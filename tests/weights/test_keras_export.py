"""export_inference_graph.py --format=keras: the network of Keras Applications with our weights."""

import json
import os

import keras
import numpy as np
import pytest

from common.errors import UserError
from serving.export import export, parity
from serving.export.export_options import ExportOptions
from support import weight_files
from support.files import small_models
from weights import importing, keras_export
from weights.layouts import keras as keras_layouts

# The others are exported with --soak.
DEFAULT = {'mobilenet_v1_025': 64, 'mobilenet_v3_small': 64}


def trained(directory, network, size=None, **given):
    """Write a training directory of a network whose results for the checked pictures differ."""
    info = small_models.describe(network, size, **given)
    weights = small_models.telling(info, parity.pictures('imagenet', None, 4))
    return small_models.train_dir(directory, info, weights=weights), weights


def run(directory, path, **options):
    """Export, and return the lines that were reported."""
    lines = []
    options = ExportOptions(
        checkpoint_path=str(directory), format='keras', output_file=str(path), **options
    )
    export.export(options, report=lines.append)
    return lines


@pytest.mark.parametrize(
    'network',
    [
        pytest.param(each.network, marks=() if each.network in DEFAULT else pytest.mark.soak)
        for each in keras_layouts.ARCHITECTURES
    ],
)
def test_the_file_gives_the_probabilities_of_the_graph(tmp_path, network):
    directory, weights = trained(tmp_path / 'train', network, DEFAULT.get(network))
    lines = run(directory, tmp_path / 'x.keras', num_check_pictures=4)
    assert lines[0].startswith('keras: largest difference from the graph')
    assert float(lines[0].split()[6].rstrip(',')) <= 1e-4
    print(network, lines[0])
    assert lines[1] == f'{tmp_path / "x.keras"}: {network}, 5 classes'
    # What was exported can be imported again.
    size = DEFAULT.get(network)
    names = str(tmp_path / 'x.keras.label')
    request = importing.Request(model_name=network, image_size=size, labels=names)
    imported = importing.import_file(tmp_path / 'x.keras', tmp_path / 'again', request)
    assert imported.info.class_names == small_models.CLASSES
    again = weight_files.read_checkpoint(imported.path)
    for name, value in again.items():
        np.testing.assert_allclose(value, weights[name], rtol=1e-4, atol=1e-6)
    keras.backend.clear_session()


@pytest.fixture(scope='module')
def directory(tmp_path_factory):
    return trained(tmp_path_factory.mktemp('keras') / 'train', 'mobilenet_v1_025', 64)[0]


def test_the_description(directory, tmp_path):
    lines = run(directory, tmp_path / 'x.keras', num_check_pictures=2)
    assert sorted(os.listdir(tmp_path)) == ['x.keras', 'x.keras.json', 'x.keras.label']
    info = json.loads((tmp_path / 'x.keras.json').read_text())
    assert (info['model_name'], info['preprocessing_name']) == ('mobilenet_v1_025', 'inception')
    assert info['class_names'] == list(small_models.CLASSES)
    assert info['pixels'] == 'takes what keras.applications.mobilenet.preprocess_input gives'
    assert lines[0].endswith(info['pixels'])
    assert lines[2:] == ['inputs: input', 'outputs: probabilities']
    network = keras.saving.load_model(tmp_path / 'x.keras')
    assert (network.input_shape, network.output_shape) == ((None, 64, 64, 3), (None, 5))


def test_pixels_of_another_recipe(directory, tmp_path):
    line = run(directory, tmp_path / 'x', preprocessing_name='vgg', num_check_pictures=2)[0]
    assert line.endswith(
        'takes (pixels - [123.68, 116.78, 103.94]) * [1, 1, 1] of red, green, blue from 0 to 255, '
        'not what keras.applications.mobilenet.preprocess_input gives'
    )
    info = small_models.describe('mobilenet_v1_025').replace(preprocessing_name='cifarnet')
    architecture = keras_export.architecture_for(info)
    assert keras_export.pixels(architecture, info).line == (
        'takes pixels as the preprocessing cifarnet gives them'
    )


def test_pixels_of_vgg_have_blue_first():
    info = small_models.describe('vgg_16')
    given = keras_export.pixels(keras_export.architecture_for(info), info)
    assert given.line == 'takes what keras.applications.vgg16.preprocess_input gives'
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3)).astype(np.float32)
    ours = pixels - np.array([123.68, 116.78, 103.94], np.float32)
    expected = keras.applications.vgg16.preprocess_input(pixels.copy())
    np.testing.assert_allclose(given.of(ours), expected, atol=2e-3)


def test_mobilenet_v3_rescales_pixels_itself():
    info = small_models.describe('mobilenet_v3_small')
    architecture = keras_export.architecture_for(info)
    given = keras_export.pixels(architecture, info)
    assert given.line == 'takes pixels from 0 to 255: red, green, blue'
    np.testing.assert_array_equal(given.of(np.array([-1, 0, 1])), [0, 127.5, 255])
    other = keras_export.pixels(architecture, info.replace(preprocessing_name='vgg'))
    assert not other.is_rescaled


@pytest.mark.parametrize(
    ('network', 'size', 'words'),
    [
        ('lenet', None, r'^--format=keras: Keras has no network that is equal to lenet; .*vgg_16'),
        ('nasnet_mobile', None, r'^--format=keras: Keras has no network .* nasnet_mobile; it has'),
        ('mobilenet_v1', 100, r'^--image_size=100: must be a multiple of 32 for --format=keras'),
        ('vgg_16', 256, r'^--image_size=256: must be 224 for --format=keras'),
    ],
)
def test_what_keras_has_not_is_refused(network, size, words):
    info = small_models.describe(network, size)
    with pytest.raises(UserError, match=words):
        keras_export.architecture_for(info)


def test_the_network_is_checked_first(tmp_path):
    directory = small_models.train_dir(tmp_path / 'train')
    with pytest.raises(UserError, match='Keras has no network that is equal to lenet'):
        run(directory, tmp_path / 'x.keras')
    assert os.listdir(tmp_path) == ['train']


def test_a_file_with_other_results_is_not_written(directory, tmp_path, monkeypatch):
    convert = keras_export.convert

    def broken(info, values):
        data, outputs, line = convert(info, values)
        return data, lambda images: outputs(images) + 0.01, line

    monkeypatch.setattr(keras_export, 'convert', broken)
    with pytest.raises(UserError, match='so it was not written'):
        run(directory, tmp_path / 'x.keras', num_check_pictures=2)
    assert os.listdir(tmp_path) == []


def test_options_of_graphs_are_refused():
    for options in ({'for_app': True}, {'batch_size': 2}):
        with pytest.raises(UserError, match='is for graphs; --format=keras has none'):
            ExportOptions(checkpoint_path='x', format='keras', **options)
