"""Inception v3 in the files of Google's programs before TF-Slim."""

import tarfile

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers import model_info
from classifiers.checkpoints import AVERAGE_SUFFIX
from common.errors import UserError
from support import weight_files
from support.files import checkpoint_files
from training.jobs.commands import download_checkpoint
from weights import importing
from weights.layouts import older_inception
from weights.placing import placement, target
from weights.sources import SLIM, Source, Tensor

(LAYOUT,) = older_inception.LAYOUTS
# Names as the package's own code makes them, of each kind.
KNOWN = {
    'conv0/weights': (3, 3, 3, 32),
    'conv4/BatchNorm/moving_variance': (192,),
    'mixed_35x35x256a/branch1x1/Conv/weights': (1, 1, 192, 64),
    'mixed_35x35x256a/branch5x5/Conv_1/weights': (5, 5, 48, 64),
    'mixed_35x35x288a/branch3x3dbl/Conv_2/BatchNorm/beta': (96,),
    'mixed_17x17x768a/branch3x3dbl/Conv_1/weights': (3, 3, 64, 96),
    'mixed_17x17x768e/branch7x7dbl/Conv_4/weights': (1, 7, 192, 192),
    'mixed_17x17x768b/branch_pool/Conv/weights': (1, 1, 768, 192),
    'mixed_17x17x1280a/branch7x7x3/Conv_3/weights': (3, 3, 192, 192),
    'mixed_8x8x2048a/branch3x3/Conv_1/weights': (1, 3, 384, 384),
    'mixed_8x8x2048b/branch3x3/Conv_2/weights': (3, 1, 384, 384),
    'mixed_8x8x2048b/branch3x3dbl/Conv_2/weights': (1, 3, 384, 384),
    'aux_logits/proj/weights': (1, 1, 768, 128),
    'aux_logits/Conv/weights': (5, 5, 128, 768),
    'aux_logits/FC/weights': (768, 1001),
    'logits/logits/weights': (2048, 1001),
    'logits/logits/biases': (1001,),
}


def names_there(layers, variables):
    """Return {name there: name here} of all variables."""
    pairs = {}
    for layer in layers:
        ((weights, module),) = layer.convolutions
        scope = weights.rpartition('/')[0]
        own = [name for name in variables if name.startswith(f'{scope}/')]
        pairs.update({name.replace(scope, module): name for name in own})
    return pairs


@pytest.fixture(scope='module')
def variables():
    return weight_files.random_variables('inception_v3', 1001, auxiliary=True)


@pytest.fixture(scope='module')
def older(variables):
    """Return {name there: value there}: the last layers have two axes."""
    everything = Source('', SLIM, {'aux_logits/FC/weights': None})
    pairs = names_there(LAYOUT.layers('inception_v3', everything), variables)
    assert sorted(pairs.values()) == sorted(variables)
    dense = ('aux_logits/FC/weights', 'logits/logits/weights')
    return {
        there: variables[here][0, 0] if there in dense else variables[here]
        for there, here in pairs.items()
    }


def source_of(values):
    return Source('older', SLIM, {n: Tensor(v.shape, lambda v=v: v) for n, v in values.items()})


def test_names_and_shapes_are_those_of_the_package(older):
    assert {name: older[name].shape for name in KNOWN} == KNOWN
    assert len(older) == 388


@pytest.mark.soak
def test_its_archive_is_downloaded_and_converted(variables, older, tmp_path, capsys):
    made = tmp_path / 'made/inception-v3'
    checkpoint_files.write(made, {**older, 'global_step': np.int64(157585)}, 'model.ckpt-157585')
    name = 'inception-v3-2016-03-01'
    with tarfile.open(tmp_path / f'{name}.tar.gz', 'w:gz', compresslevel=1) as container:
        container.add(made, made.name)
    download_checkpoint.fetch(name, tmp_path / 'out', str(tmp_path))
    assert f'fetched, all {len(variables)} variables as inception_v3 has' in capsys.readouterr().out
    found = model_info.read_beside(tmp_path / 'out' / name)
    assert (found.num_classes, found.labels_offset, found.image_size) == (1001, 0, 299)
    assert found.weights_source == f'{tmp_path}/{name}.tar.gz'


def test_every_variable_is_placed_and_none_is_left_over(variables, older):
    source = source_of(older)
    here = target.of(weight_files.info_of('inception_v3', 1001), with_auxiliary_head=True)
    layers = LAYOUT.layers('inception_v3', source)
    placement.check(source, LAYOUT, layers, here)
    found = dict(placement.values(source, LAYOUT, layers, here))
    assert found.keys() == variables.keys()
    for name, value in variables.items():
        np.testing.assert_array_equal(found[name], value)


def test_a_v1_checkpoint_with_averages_is_imported(variables, older, tmp_path):
    # Without the auxiliary head, whose weights are half of the file.
    values = {name: value for name, value in older.items() if not name.startswith('aux_logits')}
    averages = {name + AVERAGE_SUFFIX: value for name, value in values.items()}
    begun = dict.fromkeys(['conv0/weights', 'logits/logits/weights'])
    begun = {name: np.zeros_like(values[name]) for name in begun}
    state = {'global_step': np.int64(157585), 'conv0/weights/RMSProp': values['conv0/weights']}
    path = checkpoint_files.write(
        tmp_path / 'a', {**begun, **averages, **state}, step=157585, v1=True
    )
    imported = importing.import_file(path, tmp_path / 'out')
    info = imported.info
    assert (info.model_name, info.num_classes, info.image_size) == ('inception_v3', 1001, 299)
    assert (info.preprocessing_name, info.labels_offset) == ('inception', 0)
    assert 'the file has no auxiliary head, so the checkpoint has none' in imported.lines
    found = weight_files.read_checkpoint(imported.path)
    assert found.keys() == {name for name in variables if '/AuxLogits/' not in name}
    for name, value in found.items():
        np.testing.assert_array_equal(value, variables[name])


def test_the_graph_of_2015_is_refused_with_the_reason(tmp_path):
    with tf.Graph().as_default() as graph:
        tf.constant(np.zeros((1, 1, 2, 2), np.float32), name='mixed_10/tower_2/conv/conv2d_params')
        tf.constant(np.zeros((4, 2), np.float32), name='final_training_ops/weights/final_weights')
    path = tmp_path / 'retrained_graph.pb'
    path.write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(
        UserError, match='max pool in place of the average pool; start from'
    ) as error:
        importing.import_file(path, tmp_path / 'out')
    assert '\n' not in str(error.value)
