"""Files of weights become checkpoints that the programs here read."""

import os
import resource

import numpy as np
import pytest

from classifiers import model_info, watch
from common import imagenet
from common.errors import UserError
from support import weight_files, weight_layouts
from weights import importing
from weights.importing import Request

LAYOUTS = [weight_layouts.lenet(), weight_layouts.mobilenet()]


def write_lenet(path, classes=7):
    variables = weight_files.random_variables('lenet', classes)
    layers = weight_layouts.lenet_layers('lenet', None)
    state = weight_files.torch_state(layers, variables)
    return variables, state, weight_files.write_safetensors(path, state)


def do_import(path, directory, **options):
    return importing.import_file(path, directory, Request(**options), LAYOUTS)


def refused(path, directory, **options):
    with pytest.raises(UserError) as error:
        do_import(path, directory, **options)
    assert '\n' not in str(error.value)
    return str(error.value)


def test_a_network_of_convolutions_and_dense_layers(tmp_path):
    variables, _, path = write_lenet(tmp_path / 'my lenet.safetensors')
    imported = do_import(path, tmp_path / 'a b' / 'lenet', model_name='lenet')
    assert imported.path == str(tmp_path / 'a b' / 'lenet' / 'lenet.ckpt')
    found = weight_files.read_checkpoint(imported.path)
    assert found.keys() == variables.keys()
    for name, value in variables.items():
        np.testing.assert_array_equal(found[name], value)
    info = model_info.read_beside(imported.path)
    assert info == imported.info
    assert (info.model_name, info.num_classes, info.image_size) == ('lenet', 7, 28)
    assert (info.channels, info.preprocessing_name) == (1, 'lenet')
    assert info.weights_source == str(path)
    assert info.class_names == ()
    assert sorted(os.listdir(tmp_path / 'a b' / 'lenet')) == [
        'lenet.ckpt.data-00000-of-00001',
        'lenet.ckpt.index',
        'model.json',
    ]
    for found_by in (tmp_path / 'a b' / 'lenet', imported.path):
        assert watch.find_checkpoint(found_by).path == imported.path


def test_a_network_of_depthwise_convolutions_and_batch_norms(tmp_path):
    variables = weight_files.random_variables('mobilenet_v1_025', 1000)
    state = weight_files.torch_state(
        weight_layouts.mobilenet_layers('mobilenet_v1_025', None), variables
    )
    path = weight_files.write_safetensors(tmp_path / 'm.safetensors', state)
    imported = do_import(path, tmp_path / 'out')
    found = weight_files.read_checkpoint(imported.path)
    assert found.keys() == variables.keys()
    for name, value in variables.items():
        np.testing.assert_array_equal(found[name], value)
    info = imported.info
    assert info.class_names == imagenet.names(1000)
    assert (info.labels_offset, info.dataset_name) == (1, 'imagenet')
    assert (info.image_size, info.preprocessing_name) == (128, 'inception')


def test_names_of_classes_come_from_a_file(tmp_path):
    _, _, path = write_lenet(tmp_path / 'w.safetensors', classes=2)
    (tmp_path / 'labels.txt').write_text('0:cat\n1:dog\n')
    imported = do_import(path, tmp_path / 'out', labels=str(tmp_path / 'labels.txt'))
    assert imported.info.class_names == ('cat', 'dog')
    (tmp_path / 'labels.txt').write_text('cat\n')
    assert 'labels.txt: has 1 names, and the weights 2 classes' in refused(
        path, tmp_path / 'other', labels=str(tmp_path / 'labels.txt')
    )
    assert not (tmp_path / 'other').exists()


@pytest.mark.parametrize('dtype', [np.float64, np.float16])
def test_other_types_become_float32(dtype, tmp_path):
    variables, state, path = write_lenet(tmp_path / 'w.safetensors')
    weight_files.write_safetensors(path, {k: v.astype(dtype) for k, v in state.items()})
    found = weight_files.read_checkpoint(do_import(path, tmp_path / 'out').path)
    for name, value in variables.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], value.astype(dtype).astype(np.float32))


def test_what_does_not_fit_is_one_line_and_nothing_is_written(tmp_path):
    _, state, path = write_lenet(tmp_path / 'w.safetensors')
    out = tmp_path / 'out'
    assert refused(path, out, model_name='lenett').startswith(
        "--model_name=lenett: unknown network 'lenett'; known, nearest first: lenet,"
    )
    assert refused(path, out, model_name='mobilenet_v1_025') == (
        f'{path}: has the layout of invented lenet: pass --model_name=lenet'
    )

    def with_state(**changes):
        changed = {key: value for key, value in {**state, **changes}.items() if value is not None}
        return refused(weight_files.write_safetensors(path, changed), out, model_name='lenet')

    zeros = np.zeros((2, 2), np.float32)
    assert with_state(**{'conv2.weight': None}) == (
        f'{path}: lacks the tensor conv2.weight of invented lenet; '
        'the file is incomplete, or of another network'
    )
    assert with_state(**{'conv1.bias': None, 'conv2.weight': None}).startswith(
        f'{path}: lacks the 2 tensors conv1.bias, conv2.weight of'
    )
    assert with_state(**{'conv2.weight': zeros}) == (
        f'{path}: conv2.weight is 2x2, which does not fit LeNet/conv2/weights (5x5x32x64); '
        'the file is of another network, or of another size of it'
    )
    assert with_state(**{'fc3.weight': zeros}).startswith(f'{path}: fc3.weight is 2x2, which')
    assert with_state(**{'conv2.bias': zeros}).startswith(f'{path}: conv2.bias is 2x2, which')
    assert with_state(**{'fc5.weight': zeros}).startswith(
        f'{path}: has a tensor without a place in lenet: fc5.weight; '
    )
    assert with_state(**{'conv1.weight': np.full((32, 1, 5, 5), np.nan, np.float32)}) == (
        f'{path}: LeNet/conv1/weights would have values that are not finite'
    )
    assert with_state(**dict.fromkeys(state)) == f'{path}: contains no tensors'
    assert with_state(**dict.fromkeys(state), other=zeros).startswith(
        f'{path}: not of lenet in a known layout (it has other); known: invented lenet'
    )
    assert not out.exists()


def test_an_output_is_replaced_only_if_an_import_wrote_it(tmp_path):
    _, _, path = write_lenet(tmp_path / 'w.safetensors')
    out = tmp_path / 'out'
    assert do_import(path, out).is_new
    assert not do_import(path, out).is_new
    assert do_import(path, out, overwrite=True).is_new
    variables, _, _ = write_lenet(path, classes=3)
    assert 'contains another checkpoint; pass --overwrite' in refused(path, out)
    found = weight_files.read_checkpoint(do_import(path, out, overwrite=True).path)
    np.testing.assert_array_equal(found['LeNet/fc4/biases'], variables['LeNet/fc4/biases'])
    (out / 'model.ckpt-7.index').write_bytes(b'')
    assert 'contains other checkpoints (model.ckpt-7)' in refused(path, out, overwrite=True)
    assert 'a file and not a directory' in refused(path, path)
    assert 'is a file and not a directory' in refused(path, path / 'deeper')


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    _, _, path = write_lenet(tmp_path / 'w.safetensors')
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        message = refused(path, tmp_path / 'out')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    assert message.startswith(f'{tmp_path}/out/lenet.ckpt: could not be written (')
    assert not (tmp_path / 'out').exists()


def test_an_output_without_permission_is_refused_first(tmp_path, monkeypatch):
    _, _, path = write_lenet(tmp_path / 'w.safetensors')
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    message = refused(path, tmp_path / 'a' / 'b')
    assert message == f'--output={tmp_path}/a/b: {tmp_path} cannot be written to'


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize('moved', [0, 1, 2])
def test_an_import_that_was_killed_can_be_done_again(moved, tmp_path, monkeypatch):
    variables, _, path = write_lenet(tmp_path / 'w.safetensors')
    out, real, calls = tmp_path / 'out', os.replace, []

    def replace(source, target):
        calls.append(target)
        if len(calls) > moved:
            raise KilledError
        real(source, target)

    monkeypatch.setattr(os, 'replace', replace)
    with pytest.raises(KilledError):
        do_import(path, out)
    monkeypatch.setattr(os, 'replace', real)
    assert not (out / 'model.json').exists()
    imported = do_import(path, out, overwrite=moved == 2)
    np.testing.assert_array_equal(
        weight_files.read_checkpoint(imported.path)['LeNet/fc4/biases'],
        variables['LeNet/fc4/biases'],
    )
    assert len(list(out.iterdir())) == 3


def test_another_network_in_the_same_directory_replaces_the_first(tmp_path):
    _, _, path = write_lenet(tmp_path / 'w.safetensors')
    out = tmp_path / 'out'
    do_import(path, out)
    layers = weight_layouts.mobilenet_layers('mobilenet_v1_025', None)
    state = weight_files.torch_state(layers, weight_files.random_variables('mobilenet_v1_025', 3))
    other = weight_files.write_safetensors(tmp_path / 'm.safetensors', state)
    do_import(other, out, overwrite=True)
    assert sorted(os.listdir(out)) == [
        'mobilenet_v1_025.ckpt.data-00000-of-00001',
        'mobilenet_v1_025.ckpt.index',
        'model.json',
    ]


def test_a_training_is_never_overwritten(tmp_path):
    _, _, path = write_lenet(tmp_path / 'w.safetensors')
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'checkpoint').touch()
    message = refused(path, out, overwrite=True)
    assert 'contains other checkpoints (those of a training); name another' in message
