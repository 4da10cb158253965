"""Reading the files of Keras, of all ages, without Keras."""

import os
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

from common.errors import UserError
from support.checkout import ROOT
from support.keras_files import save, write_legacy
from weights.readers import keras_file

NORM = ('gamma', 'beta', 'moving_mean', 'moving_variance')


@pytest.fixture(scope='module')
def model():
    """A network with each kind of layer, and with names that Keras numbers."""
    inputs = keras.Input((8, 8, 3))
    hidden = inputs
    for number in range(11):
        hidden = keras.layers.Conv2D(number + 2, 1, use_bias=number == 5)(hidden)
    hidden = keras.layers.DepthwiseConv2D(3, use_bias=False, name='depth')(hidden)
    hidden = keras.layers.SeparableConv2D(4, 3, use_bias=False, name='separable')(hidden)
    hidden = keras.layers.BatchNormalization(name='with_scale')(hidden)
    hidden = keras.layers.BatchNormalization(scale=False, name='without_scale')(hidden)
    hidden = keras.layers.Dropout(0.5, seed=1)(hidden)
    hidden = keras.layers.Lambda(lambda values: values * 2)(hidden)
    hidden = keras.layers.Dense(5, name='head')(keras.layers.Flatten()(hidden))
    built = keras.Model(inputs, hidden)
    random = np.random.default_rng(0)
    built.set_weights([random.normal(size=each.shape) for each in built.get_weights()])
    return built


def expected_of(model):
    """Return {tensor: value} under the names of the reader."""
    values = {}
    for layer in model.layers:
        for weight in layer.weights:
            if not weight.path.startswith('seed'):
                name = 'depthwise_kernel' if layer.name == 'depth' else weight.name
                values[f'{layer.name}/{name}'] = weight.numpy()
    return {name: value for name, value in values.items() if 'seed' not in name}


@pytest.mark.parametrize('ending', ['.h5', '.keras', '.weights.h5'])
def test_files_of_this_keras(tmp_path, model, ending):
    source = keras_file.read(save(model, tmp_path / f'x{ending}'))
    expected = expected_of(model)
    assert set(source.tensors) == set(expected)
    for name, value in expected.items():
        assert source.shape(name) == value.shape
        np.testing.assert_array_equal(source.read(name), value)
    convolutions = [name for name in source.tensors if name.startswith('conv2d')]
    assert convolutions == [name for name in expected if name.startswith('conv2d')]


def test_a_model_within_a_model(tmp_path, model):
    body = keras.Model(model.input, model.get_layer('without_scale').output)
    whole = keras.Sequential(
        [keras.Input((8, 8, 3)), body, keras.layers.Flatten(), keras.layers.Dense(2, name='mine')]
    )
    whole.compile('adam', 'mse')
    whole.fit(np.zeros((2, 8, 8, 3)), np.zeros((2, 2)), verbose=0)
    expected = {name for name in expected_of(model) if not name.startswith('head')}
    for ending in ('.h5', '.keras', '.weights.h5'):
        source = keras_file.read(save(whole, tmp_path / f'x{ending}'))
        assert set(source.tensors) == expected | {'mine/kernel', 'mine/bias'}


@pytest.mark.parametrize('group', ['', 'model_weights'])
def test_names_of_keras_2(tmp_path, group):
    layers = {
        'input_1': {},
        'Conv/BatchNorm': {
            f'Conv/BatchNorm/{n}:0': np.full(3, float(i)) for i, n in enumerate(NORM)
        },
        'conv2d_10': {'conv2d_10_1/kernel:0': np.ones((3, 3, 3, 4))},
        'conv2d_9': {'conv2d_9_1/kernel:0': np.ones((1, 1, 3, 4))},
    }
    source = keras_file.read(write_legacy(tmp_path / 'x.h5', layers, group, chunk=2))
    norms = [f'Conv/BatchNorm/{name}' for name in NORM]
    # The order of the file, whatever the numbers.
    assert list(source.tensors) == [*norms, 'conv2d_10/kernel', 'conv2d_9/kernel']
    assert source.read('Conv/BatchNorm/moving_variance').tolist() == [3, 3, 3]
    assert source.metadata['keras_version'] == '2.2.4'


def test_names_of_keras_1(tmp_path):
    layers = {
        'block1_conv1': {
            'block1_conv1_W_1:0': np.ones((3, 3, 3, 4)),
            'block1_conv1_b_1:0': np.ones(4),
        },
        'bn': {
            f'batchnormalization_7_{name}:0': np.ones(4)
            for name in ('gamma', 'beta', 'running_mean', 'running_std')
        },
    }
    source = keras_file.read(write_legacy(tmp_path / 'x.h5', layers))
    expected = ['block1_conv1/kernel', 'block1_conv1/bias', *(f'bn/{name}' for name in NORM)]
    assert list(source.tensors) == expected


def test_layers_without_names(tmp_path):
    path = tmp_path / 'x.weights.h5'
    with h5py.File(path, 'w') as file:
        for number in (0, 2, 10):
            name = f'conv2d_{number}' if number else 'conv2d'
            file[f'_layer_checkpoint_dependencies/{name}/vars/0'] = np.full((1, 1, 2, 2), 0.5)
        file['optimizer/vars/0'] = np.ones(3)
    assert list(keras_file.read(path).tensors) == [
        'conv2d/kernel',
        'conv2d_2/kernel',
        'conv2d_10/kernel',
    ]


def test_bfloat16(tmp_path):
    small = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, dtype='bfloat16')])
    small.save_weights(tmp_path / 'x.weights.h5')
    source = keras_file.read(tmp_path / 'x.weights.h5')
    expected = np.asarray(small.layers[0].kernel.numpy(), np.float32)
    np.testing.assert_array_equal(source.read(next(iter(source.tensors))), expected)


@pytest.mark.parametrize('ending', ['.h5', '.keras', '.weights.h5'])
def test_truncated_files(tmp_path, model, ending):
    path = save(model, tmp_path / f'x{ending}')
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(UserError, match=r'^.*x.*: not a complete file of Keras \([^\n]+\)$'):
        keras_file.read(path)


def test_files_without_weights(tmp_path):
    with zipfile.ZipFile(tmp_path / 'x.keras', 'w') as archive:
        archive.writestr('config.json', '{}')
    with pytest.raises(UserError, match=r'not a complete file of Keras \(.*model\.weights\.h5'):
        keras_file.read(tmp_path / 'x.keras')
    with h5py.File(tmp_path / 'x.h5', 'w') as file:
        file['data'] = np.ones(3)
    with pytest.raises(UserError, match='no layers of Keras'):
        keras_file.read(tmp_path / 'x.h5')


def test_tensors_in_other_files_are_refused(tmp_path):
    other = tmp_path / 'other.h5'
    with h5py.File(other, 'w') as file:
        file['kernel'] = np.ones((2, 2))
    links = {
        'link': lambda group: group.__setitem__('kernel', h5py.ExternalLink(other, 'kernel')),
        'external': lambda group: group.create_dataset(
            'kernel', (2, 2), 'f4', external=[(os.fspath(other), 0, 16)]
        ),
    }
    for name, add in links.items():
        with h5py.File(tmp_path / f'{name}.h5', 'w') as file:
            file.attrs['layer_names'] = [b'dense']
            file.create_group('dense').attrs['weight_names'] = [b'kernel']
            add(file['dense'])
        with pytest.raises(UserError, match=r'not a complete file of Keras .*in another file'):
            keras_file.read(tmp_path / f'{name}.h5')


def test_needs_neither_keras_nor_tensorflow(tmp_path, model):
    model.save(tmp_path / 'x.keras')
    code = (
        'import sys\nfrom weights.readers import keras_file\n'
        f'assert keras_file.read({os.fspath(tmp_path / "x.keras")!r}).tensors\n'
        'assert not {"keras", "tensorflow"} & sys.modules.keys()'
    )
    subprocess.run([sys.executable, '-c', code], cwd=ROOT, check=True)
