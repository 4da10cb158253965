"""freeze_graph.py takes the graph from a MetaGraph, those of TensorFlow 1.x included."""

import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from tensorflow.python.tools import freeze_graph as tensorflows_tool

from classifiers import build, model_info
from common.errors import UserError
from serving.export import freeze
from serving.export.freeze_options import FreezeOptions
from serving.graphdef import graph_nodes
from support.files import frozen_graphs, meta_graphs, small_models

TRAINING = ('Adam', 'Iterator', 'Queue', 'Restore', 'Save', 'Summary', 'Variable', 'Assign')


def frozen(prefix, output='probabilities', meta_graph=None, **options):
    """Freeze a checkpoint with its MetaGraph; return the GraphDef that was written."""
    path = os.path.join(os.path.dirname(prefix), 'frozen.pb')
    options = {'input_meta_graph': meta_graph or f'{prefix}.meta', **options}
    freeze.freeze(FreezeOptions('', prefix, path, (output,), onnx=False, **options))
    return graph_nodes.read_graph_def(path)


def renamed(variables):
    """Save all under other names, and two as if they were each other."""
    weights, mean, head = variables
    return tf.train.Saver({'w': weights, 'conv/weights': mean, 'conv/mean': head})


def of_first_version(variables):
    return tf.train.Saver(write_version=tf.train.SaverDef.V1)


def in_shards(variables):
    return tf.train.Saver(sharded=True)


@pytest.mark.parametrize('saver_of', [None, renamed, of_first_version, in_shards])
def test_a_training_of_tensorflow_1_is_frozen(saver_of, tmp_path):
    prefix, fed, expected = meta_graphs.train(tmp_path, saver_of)
    graph_def = frozen(prefix)
    kinds = frozen_graphs.kinds(graph_def)
    assert not [kind for kind in kinds for word in TRAINING if word in kind]
    assert 'FusedBatchNormV3' not in kinds
    assert {node.device for node in graph_def.node} == {''}
    found = frozen_graphs.run(graph_def, fed, 'probabilities:0')
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_partitioned_variable_is_put_together(tmp_path):
    prefix, fed, expected = meta_graphs.train(
        tmp_path, partitioner=tf.fixed_size_partitioner(3, axis=0)
    )
    found = frozen_graphs.run(frozen(prefix), fed, 'probabilities:0')
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_meta_graph_may_be_text_without_a_saver_and_lie_elsewhere(tmp_path):
    prefix, fed, expected = meta_graphs.train(tmp_path)
    meta = tf.MetaGraphDef.FromString((tmp_path / 'model.ckpt-7.meta').read_bytes())
    meta.ClearField('saver_def')
    meta.meta_info_def.ClearField('any_info')  # Text cannot hold what nobody knows.
    (tmp_path / 'graph.meta.txt').write_text(text_format.MessageToString(meta))
    graph_def = frozen(prefix, meta_graph=str(tmp_path / 'graph.meta.txt'))
    found = frozen_graphs.run(graph_def, fed, 'probabilities:0')
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_initializers_run_and_win_over_the_checkpoint(tmp_path):
    prefix, fed, _ = meta_graphs.train(tmp_path)
    meta = tf.MetaGraphDef.FromString((tmp_path / 'model.ckpt-7.meta').read_bytes())
    graph = tf.Graph()
    with graph.as_default():
        zeros = tf.zeros([6, meta_graphs.CLASSES], name='new/zeros')
    meta.graph_def.node.extend(graph.as_graph_def().node)
    for node in meta.graph_def.node:
        if node.name == 'head/Assign':
            node.input[1] = zeros.op.name
    (tmp_path / 'zeroed.meta').write_bytes(meta.SerializeToString())
    graph_def = frozen(
        prefix, meta_graph=str(tmp_path / 'zeroed.meta'), initializer_nodes=('head/Assign',)
    )
    found = frozen_graphs.run(graph_def, fed, 'probabilities:0')
    np.testing.assert_allclose(found, 1 / meta_graphs.CLASSES, atol=1e-6)


def test_outputs_behind_the_training_pipeline_are_refused(tmp_path):
    prefix, _, _ = meta_graphs.train(tmp_path, has_pipeline_input=True)
    with pytest.raises(UserError) as error:
        frozen(prefix)
    assert str(error.value).startswith(
        '--output_node_names=probabilities: read their pictures from the input pipeline of the '
        'training (fifo_queue_Dequeue, QueueDequeueManyV2); '
    )
    kinds = frozen_graphs.kinds(frozen(prefix, allow_unsafe_graph=True))
    assert 'QueueDequeueManyV2' in kinds


def test_a_meta_graph_is_checked_as_any_graph(tmp_path):
    prefix, _, _ = meta_graphs.train(tmp_path)
    meta = tf.MetaGraphDef.FromString((tmp_path / 'model.ckpt-7.meta').read_bytes())
    graph = tf.Graph()
    with graph.as_default():
        tf.io.write_file('/nowhere/x', 'x', name='write')
    meta.graph_def.node.extend(graph.as_graph_def().node)
    next(node for node in meta.graph_def.node if node.name == 'logits').input.append('^write')
    (tmp_path / 'unsafe.meta').write_bytes(meta.SerializeToString())
    with pytest.raises(UserError, match=r'unsafe.meta: its node write is the operation WriteFile'):
        frozen(prefix, meta_graph=str(tmp_path / 'unsafe.meta'))


def test_mistakes_are_told_in_a_line(tmp_path):
    prefix, _, _ = meta_graphs.train(tmp_path)
    meta_graph = f'{prefix}.meta'
    both = FreezeOptions('x.pb', prefix, 'y.pb', ('a',), input_meta_graph=meta_graph)
    with pytest.raises(UserError, match=r'--input_meta_graph=.*: --input_graph is given too'):
        freeze.freeze(both)
    neither = FreezeOptions('', prefix, 'y.pb', ('a',))
    with pytest.raises(UserError, match='--input_graph or --input_meta_graph is missing'):
        freeze.freeze(neither)
    with pytest.raises(UserError, match=r'has no node .probability.; nearest: probabilities'):
        frozen(prefix, 'probability')
    with pytest.raises(UserError, match='is the input graph'):
        freeze.freeze(FreezeOptions('', prefix, meta_graph, ('a',), input_meta_graph=meta_graph))
    graph = tmp_path / 'graph.pb'
    graph.write_bytes(frozen(prefix).SerializeToString())
    with pytest.raises(
        UserError, match=r'graph.pb: a graph; freeze_graph.py takes it as --input_gr'
    ):
        frozen(prefix, meta_graph=str(graph))
    damaged = tf.MetaGraphDef.FromString((tmp_path / 'model.ckpt-7.meta').read_bytes())
    next(n for n in damaged.graph_def.node if n.name == 'save/Assign').input.pop()
    (tmp_path / 'damaged.meta').write_bytes(damaged.SerializeToString())
    with pytest.raises(UserError, match=r"damaged.meta: damaged \(its saver, at 'save/Assign'\)"):
        frozen(prefix, meta_graph=str(tmp_path / 'damaged.meta'))
    empty = tmp_path / 'empty.meta'
    empty.write_bytes(tf.MetaGraphDef().SerializeToString())
    with pytest.raises(UserError, match=r'empty.meta: holds no graph: a MetaGraph'):
        frozen(prefix, meta_graph=str(empty))


def test_it_is_described_by_its_checkpoint(tmp_path):
    info = small_models.describe()
    directory = small_models.train_dir(tmp_path, info)
    prefix = tf.train.latest_checkpoint(directory)
    with tf.Graph().as_default() as graph:
        build.build(info)
        meta = tf.MetaGraphDef(graph_def=graph.as_graph_def())
    (tmp_path / 'model.ckpt-1.meta').write_bytes(meta.SerializeToString())
    frozen(prefix)
    found = model_info.read_beside(str(tmp_path / 'frozen.pb'))
    assert found.class_names == info.class_names
    assert found.nodes['input'] == 'input'


def test_tensorflows_own_tool_freezes_the_same(tmp_path):
    prefix, fed, _ = meta_graphs.train(tmp_path, renamed)
    meta = tf.MetaGraphDef.FromString((tmp_path / 'model.ckpt-7.meta').read_bytes())
    meta.graph_def.node.remove(next(n for n in meta.graph_def.node if 'Contrib' in n.op))
    for name in ('trainable_variables', 'contrib_class_gone', 'while_context'):
        del meta.collection_def[name]
    (tmp_path / 'known.meta').write_bytes(meta.SerializeToString())
    with tf.Graph().as_default():
        theirs = tensorflows_tool.freeze_graph(
            input_graph=None,
            input_saver='',
            input_binary=True,
            input_checkpoint=prefix,
            output_node_names='probabilities',
            restore_op_name=None,
            filename_tensor_name=None,
            output_graph='',
            clear_devices=True,
            initializer_nodes='',
            input_meta_graph=str(tmp_path / 'known.meta'),
        )
    wanted = frozen_graphs.run(theirs, fed, 'probabilities:0')
    found = frozen_graphs.run(frozen(prefix), fed, 'probabilities:0')
    np.testing.assert_allclose(found, wanted, atol=1e-5)
