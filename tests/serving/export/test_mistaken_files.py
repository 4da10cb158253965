"""Intact files of TensorFlow given where another kind is needed are called what they are."""

import os
import shutil

import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2

from classifiers import checkpoint_paths, checkpoints, file_kinds, model_info, watch
from common.errors import UserError
from serving import early_checks
from serving.graphdef import graph_nodes, proto_files
from serving.model import model_holder
from serving.model.model_options import ModelOptions
from support.files import checkpoint_files, meta_graphs, small_models

MESSAGES = {
    'graph': tf.GraphDef,
    'MetaGraph': tf.MetaGraphDef,
    'SavedModel': saved_model_pb2.SavedModel,
}
READERS = {
    file_kinds.GRAPH: graph_nodes.read_graph_def,
    file_kinds.META_GRAPH: graph_nodes.read_meta_graph,
    file_kinds.CHECKPOINT: watch.find_checkpoint,
}
ADVICE = {
    ('graph', 'MetaGraph'): 'freeze_graph.py takes it as --input_meta_graph, with its checkpoint',
    ('MetaGraph', 'graph'): 'freeze_graph.py takes it as --input_graph',
    'graph': 'name a graph (.pb), such as export_inference_graph.py writes',
    'MetaGraph': 'name a MetaGraph, such as the .meta beside a checkpoint',
    'checkpoint': 'name a checkpoint or a training directory',
}


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Return {kind: paths of files that hold it}, whatever they are called."""
    folder = tmp_path_factory.mktemp('files')
    prefix = meta_graphs.train(folder)[0]
    meta = tf.MetaGraphDef.FromString((folder / 'model.ckpt-7.meta').read_bytes())
    meta.meta_info_def.ClearField('any_info')
    bare = tf.MetaGraphDef(graph_def=meta.graph_def)
    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1, meta_graphs=[meta])
    found = {'checkpoint': [f'{prefix}.index']}
    for name, message in {'graph': meta.graph_def, 'MetaGraph': meta, 'SavedModel': saved}.items():
        (folder / f'{name}.bin').write_bytes(message.SerializeToString())
        (folder / f'{name}.txt').write_text(f'# {name}\n{text_format.MessageToString(message)}')
        found[name] = [str(folder / f'{name}.bin'), str(folder / f'{name}.txt')]
    (folder / 'bare.bin').write_bytes(bare.SerializeToString())
    found['MetaGraph'] += [str(folder / 'bare.bin'), f'{prefix}.meta']
    old = checkpoint_files.write(folder / 'old', name='weights', v1=True)
    found['checkpoint'].append(old)
    return found


@pytest.mark.parametrize('kind', ['graph', 'MetaGraph', 'SavedModel', 'checkpoint'])
def test_every_kind_is_known_by_its_content(kind, files):
    for path in files[kind]:
        assert file_kinds.tensorflow_kind(path) == kind
        assert file_kinds.foreign(path) == ''
        assert file_kinds.mistaken(path, kind) == ''
        if kind in MESSAGES:
            proto_files.read(path, MESSAGES[kind])


@pytest.mark.parametrize('needed', READERS)
@pytest.mark.parametrize('kind', ['graph', 'MetaGraph', 'SavedModel', 'checkpoint'])
def test_a_file_of_another_kind_is_named(kind, needed, files, tmp_path):
    if kind == needed:
        return
    advice = ADVICE.get((needed, kind)) or ADVICE[needed]
    for number, source in enumerate(files[kind]):
        path = str(tmp_path / f'{number}.ckpt')  # Its name says nothing, and nothing is beside it.
        shutil.copyfile(source, path)
        with pytest.raises(UserError) as error:
            READERS[needed](path)
        assert str(error.value) == f'{path}: a {kind}; {advice}'
        with pytest.raises(UserError) as error:
            if needed == file_kinds.CHECKPOINT:
                checkpoint_paths.require(path)
            else:
                early_checks.graph(path, needed)
        assert str(error.value) == f'{path}: a {kind}; {advice}'


def test_a_meta_graph_without_its_checkpoint_is_no_absent_file(files, tmp_path):
    path = str(tmp_path / 'model.ckpt-7.meta')
    shutil.copyfile(files['MetaGraph'][0], path)
    for check in (checkpoint_paths.require, early_checks.model, watch.find_checkpoint):
        with pytest.raises(UserError) as error:
            check(path)
        assert str(error.value) == (
            f'{path}: a MetaGraph without its checkpoint: {path[:-5]}.index is not beside it'
        )


def test_a_saved_model_is_no_directory_without_checkpoints(files, tmp_path):
    shutil.copyfile(files['SavedModel'][0], tmp_path / 'saved_model.pb')
    for check in (checkpoint_paths.require, watch.find_checkpoint):
        with pytest.raises(UserError, match=': a SavedModel; name a checkpoint or a training dir'):
            check(str(tmp_path))


def test_a_saver_is_asked_for_by_its_class(files):
    with pytest.raises(UserError, match=r'graph.bin: a graph; name a SaverDef'):
        proto_files.read(files['graph'][0], tf.train.SaverDef)


def test_a_directory_of_another_programs_checkpoints_is_not_called_damaged(tmp_path):
    (tmp_path / 'epoch=3.ckpt').write_bytes(b'\x80\x02ctorch')
    with pytest.raises(UserError, match=r'or of another kind: epoch=3.ckpt \(a PyTorch checkpoi'):
        watch.find_checkpoint(str(tmp_path))


def test_damage_is_still_called_damage(files, tmp_path):
    for kind in ('graph', 'MetaGraph', 'SavedModel'):
        path = str(tmp_path / f'{kind}.pb')
        shutil.copyfile(files[kind][0], path)
        os.truncate(path, os.path.getsize(path) - 1)
        with pytest.raises(UserError, match='damaged, or not a '):
            proto_files.read(path, MESSAGES[kind])
    prefix = checkpoint_files.write(tmp_path / 'train', name='model.ckpt')
    checkpoint_files.flip(f'{prefix}.data-00000-of-00001')
    with pytest.raises(checkpoints.UnreadableCheckpointError, match='damaged or half written'):
        watch.find_checkpoint(prefix)


def test_a_checkpoint_in_one_file_needs_no_ending(tmp_path):
    prefix = checkpoint_files.write(tmp_path, name='vgg_16', v1=True)
    assert not model_info.is_graph(prefix)
    assert watch.find_checkpoint(prefix).path == prefix


def test_a_reload_says_what_the_new_file_is(files, tmp_path):
    directory = small_models.train_dir(tmp_path / 'train')
    path = small_models.frozen(tmp_path / 'served.pb', directory)
    reports = []
    holder = model_holder.for_model(ModelOptions(path), report=reports.append)
    holder.load()
    try:
        for kind, words in {
            'MetaGraph': 'a MetaGraph; freeze_graph.py takes it as --input_meta_graph',
            'SavedModel': 'a SavedModel; name a graph (.pb)',
        }.items():
            shutil.copyfile(files[kind][0], path)
            holder.poll(holder.poll())
            assert holder.last_error.startswith(f'{path}: {words}')
        assert holder.version == 1
    finally:
        holder.close()
