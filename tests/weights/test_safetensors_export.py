"""export_inference_graph.py --format=safetensors: all weights in one file, and nothing else."""

import json
import os

import numpy as np
import pytest
import safetensors
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from classifiers import model_info
from common import labels
from common.errors import UserError
from serving.export import export
from serving.export.export_options import ExportOptions
from support.files import checkpoint_files, small_models
from weights import importing, safetensors_export


def run(checkpoint, path, **options):
    """Export, and return the lines that were reported."""
    lines = []
    options = ExportOptions(
        checkpoint_path=str(checkpoint), output_file=str(path), format='safetensors', **options
    )
    export.export(options, report=lines.append)
    return lines


@pytest.fixture(scope='module')
def averaged(tmp_path_factory):
    """Return (training directory with moving averages and an optimizer's slots, its values)."""
    info = small_models.describe().replace(moving_average_decay=0.9)
    values = small_models.values(info)
    averages = {f'{name}/ExponentialMovingAverage': value + 1 for name, value in values.items()}
    others = {'global_step': np.int64(7), 'LeNet/conv1/weights/Momentum': np.zeros(3, np.float32)}
    directory = tmp_path_factory.mktemp('averaged') / 'train'
    weights = {**values, **averages, **others}
    return small_models.train_dir(directory, info, weights=weights), values


def test_the_averages_take_the_place_of_the_variables(averaged, tmp_path):
    directory, values = averaged
    path = tmp_path / 'lenet.safetensors'
    lines = run(directory, path)
    found = load_file(path)
    assert found.keys() == values.keys()
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value + 1)
    with safetensors.safe_open(path, framework='numpy') as opened:
        metadata = opened.metadata()
    described = json.loads(metadata['model.json'])
    known = json.loads(model_info.as_text(model_info.read_beside(directory)))
    # The file has no averages beside its variables.
    assert described == {**known, 'moving_average_decay': None}
    assert lines == [
        '8 of 8 variables come from the checkpoint, 8 of them as moving averages',
        f'safetensors: 8 variables, {os.path.getsize(path) / 1e6:.1f} MB, read again bit for bit',
        f'{path}: lenet, 5 classes',
    ]
    assert os.listdir(tmp_path) == [path.name]


def test_the_variables_themselves_are_written_on_request(averaged, tmp_path):
    directory, values = averaged
    run(directory, tmp_path / 'x', use_moving_averages=False)
    for name, value in load_file(tmp_path / 'x').items():
        np.testing.assert_array_equal(value, values[name])


def test_the_default_place_is_beside_the_checkpoint(tmp_path):
    directory = small_models.train_dir(tmp_path / 'train')
    options = ExportOptions(checkpoint_path=directory, format='safetensors')
    export.export(options, report=lambda line: None)
    assert os.path.exists(f'{directory}/lenet.safetensors')


@pytest.mark.parametrize('fails', ['writing', 'comparing'])
def test_what_cannot_be_written_leaves_the_old_file(averaged, tmp_path, monkeypatch, fails):
    path = tmp_path / 'x.safetensors'
    path.write_text('an older file')

    def broken(values, part, metadata):
        if fails == 'writing':
            raise OSError(28, 'No space left on device')
        damaged = {name: np.nextafter(value, 2) for name, value in values.items()}
        save_file(damaged, part, metadata)

    monkeypatch.setattr(safetensors_export, 'save_file', broken)
    words = {'writing': 'cannot be written .No space left', 'comparing': 'differs from the check'}
    with pytest.raises(UserError, match=words[fails]):
        run(averaged[0], path)
    assert path.read_text() == 'an older file'
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize('options', [{'for_app': True}, {'batch_size': 2}, {'is_training': True}])
def test_options_of_graphs_are_refused(options):
    with pytest.raises(UserError, match=f'--{next(iter(options))}.*is for '):
        ExportOptions(format='safetensors', **options)


def test_a_damaged_checkpoint_is_named(tmp_path):
    directory = small_models.train_dir(tmp_path / 'train')
    checkpoint_files.flip(f'{directory}/model.ckpt-1.data-00000-of-00001')
    with pytest.raises(UserError, match=r'model\.ckpt-1'):
        run(directory, tmp_path / 'x')
    assert os.listdir(tmp_path) == ['train']


@pytest.mark.parametrize('how', ['with model.json', 'with a name', 'with other names of classes'])
def test_the_file_can_be_imported_again(tmp_path, how):
    info = small_models.describe('lenet', 32, preprocessing_name='inception')
    directory = small_models.train_dir(tmp_path / 'train', info)
    path = tmp_path / 'x.safetensors'
    run(directory, path)
    request = importing.Request()
    if how == 'with a name':
        save_file(load_file(path), path)  # Without its metadata.
        request = importing.Request(model_name='lenet', image_size=32)
    if how == 'with other names of classes':
        labels.write_labels(tmp_path / 'labels.txt', 'abcde')
        request = importing.Request(labels=str(tmp_path / 'labels.txt'))
    found = importing.import_file(path, tmp_path / 'again', request)
    expected = info.replace(weights_source=str(path))
    if how == 'with a name':
        expected = expected.replace(preprocessing_name='lenet', class_names=(), dataset_name='')
    if how == 'with other names of classes':
        expected = expected.replace(class_names=tuple('abcde'), dataset_name='')
    assert model_info.read_beside(found.path) == expected
    reader, again = (tf.train.load_checkpoint(p) for p in (f'{directory}/model.ckpt-1', found.path))
    names = reader.get_variable_to_shape_map().keys()
    assert again.get_variable_to_shape_map().keys() == names
    for name in names:
        np.testing.assert_array_equal(again.get_tensor(name), reader.get_tensor(name))


def test_a_file_of_another_network_is_refused(tmp_path):
    run(small_models.train_dir(tmp_path / 'train'), tmp_path / 'x')
    request = importing.Request(model_name='cifarnet')
    with pytest.raises(UserError, match='x: has no variables of cifarnet'):
        importing.import_file(tmp_path / 'x', tmp_path / 'again', request)
    assert not (tmp_path / 'again').exists()
