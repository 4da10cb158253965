"""--summarize takes whatever TensorFlow reads."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format

from common.errors import UserError
from serving.export import export
from serving.export.export_options import ExportOptions
from serving.graphdef import summarize
from support.files import checkpoint_files, meta_graphs, small_models


def summary(path):
    """Return the lines that the program prints, its early checks included."""
    ExportOptions(summarize=str(path)).check_files()
    return summarize.summarize(str(path))


@pytest.fixture(scope='module')
def training(tmp_path_factory):
    """Return the prefix of a checkpoint of TensorFlow 1.x with its .meta."""
    return meta_graphs.train(tmp_path_factory.mktemp('training'))[0]


def test_a_meta_graph(training, tmp_path):
    lines = summary(f'{training}.meta')
    assert lines[0].startswith(
        f'{training}.meta: a MetaGraph of TensorFlow 1.13.1; freeze_graph.py'
    )
    assert 'contrib_class_gone (1)' in lines[1]
    assert 'queue_runners (1)' in lines[1]
    assert '  pictures (float32 [?, 4, 4, 1])' in lines
    assert '  probabilities (Softmax)' in lines
    meta = tf.MetaGraphDef.FromString(Path(f'{training}.meta').read_bytes())
    meta.meta_info_def.ClearField('any_info')
    (tmp_path / 'graph.txt').write_text('# A comment.\n' + text_format.MessageToString(meta))
    assert summary(tmp_path / 'graph.txt')[1:] == lines[1:]


@pytest.mark.parametrize('name', ['', '.index', '.data-00000-of-00001'])
def test_a_checkpoint_by_any_of_its_names(training, name):
    lines = summary(training + name)
    assert lines[0] == f'{training}: a checkpoint of step 7'
    assert '  conv/weights (float32 [3, 3, 1, 6])' in lines
    assert '  global_step (int64 [])' in lines


@pytest.mark.parametrize('v1', [False, True])
def test_sizes_of_a_checkpoint(v1, tmp_path):
    values = {'w': np.zeros((2, 3), np.float32), 'n': np.int64(5)}
    prefix = checkpoint_files.write(tmp_path, values, name='weights', v1=v1)
    assert summary(prefix) == [
        f'{prefix}: a checkpoint of step 0',
        'Variables: 2, 7 numbers in 32 bytes:',
        '  n (int64 [])',
        '  w (float32 [2, 3])',
    ]


def test_a_training_directory(tmp_path):
    info = small_models.describe()
    directory = small_models.train_dir(tmp_path, info, step=3)
    small_models.train_dir(tmp_path, info, step=20)
    lines = summary(directory)
    assert lines[0].startswith(f'{directory}: lenet, trained on ')
    assert lines[1] == 'Classes: 5 (daisy, dandelion, roses, sunflowers, tulips)'
    assert lines[2].startswith('Pictures: 28 x 28, 1 channels, preprocessing ')
    assert f'{directory}/model.ckpt-20: a checkpoint of step 20' in lines
    os.unlink(tmp_path / 'model.json')
    assert summary(directory)[0] == f'{directory}: a directory of checkpoints, without model.json'


def test_a_saved_model_by_its_directory_and_its_file(tmp_path):
    directory = small_models.train_dir(tmp_path / 'train')
    saved = str(tmp_path / 'saved')
    export.export(
        ExportOptions(output_file=saved, checkpoint_path=directory, format='saved_model'),
        report=lambda line: None,
    )
    lines = summary(saved)
    assert lines[0] == f'{saved}: a SavedModel of 1 graphs'
    assert 'Signature serving_default (tensorflow/serving/predict):' in lines
    assert [line for line in lines if line.startswith('  input ') and '(string [?])' in line]
    assert [line for line in lines if line.startswith('  output scores: ')]
    assert [line for line in lines if line.startswith('Graph serve: ')]
    assert summary(f'{saved}/saved_model.pb') == lines


def test_a_saved_model_with_variables(tmp_path):
    saved = str(tmp_path / 'saved')
    with tf.Graph().as_default(), tf.Session() as session:
        weights = tf.get_variable('weights', [2, 3])
        given = tf.placeholder(tf.float32, None, 'given')
        session.run(tf.global_variables_initializer())
        tf.saved_model.simple_save(session, saved, {'x': given}, {'y': weights * given})
    lines = summary(saved)
    assert '  input x: given:0 (float32 of any rank)' in lines
    assert f'{saved}/variables/variables: a checkpoint of step 0' in lines
    assert '  weights (float32 [2, 3])' in lines


def test_what_nothing_reads_is_named(tmp_path):
    (tmp_path / 'noise').write_bytes(b'\x00\x01' * 50)
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'model.ckpt-1.meta').write_bytes(b'\x00\x01' * 50)
    with pytest.raises(UserError, match=r'ckpt-1.meta: damaged, or not a MetaGraphDef'):
        summary(tmp_path / 'model.ckpt-1.meta')
    with pytest.raises(UserError, match=r'noise: damaged, or not a GraphDef'):
        summary(tmp_path / 'noise')
    with pytest.raises(UserError, match=r'empty: no checkpoint in this directory'):
        summary(tmp_path / 'empty')
    with pytest.raises(UserError, match=r'absent: No such file'):
        summary(tmp_path / 'absent')
