"""A graph shows what its results are: what weights had a part in, whatever operation it ends in."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from serving.graphdef import graph_nodes, summarize
from support.files import frozen_graphs

WEIGHTS = np.ones((3, 4), np.float32)


def by_einsum(features):
    return tf.raw_ops.Einsum(inputs=[features, WEIGHTS], equation='bi,ij->bj', name='classes')


def by_a_matrix_for_each(features):
    return tf.matmul(features[:, tf.newaxis], WEIGHTS[np.newaxis], name='classes')


def by_matrix(features):
    return tf.matmul(features, WEIGHTS, name='classes')


def by_convolution(features):
    pixels = features[:, tf.newaxis, tf.newaxis]
    return tf.nn.conv2d(pixels, WEIGHTS[np.newaxis, np.newaxis], 1, 'SAME', name='classes')


LAST = {
    by_einsum: 'Einsum',
    by_a_matrix_for_each: 'BatchMatMulV2',
    by_matrix: 'MatMul',
    by_convolution: 'Conv2D',
}


def graph(last, then=lambda tensor: tensor):
    """Build what classifies pictures, beside a colour that nothing learnt has a part in."""

    def build():
        features = tf.reduce_mean(tf.placeholder(tf.float32, [None, 8, 8, 3], 'input'), [1, 2])
        tf.identity(features, 'colour')
        then(last(features))

    return frozen_graphs.build(build)


@pytest.mark.parametrize('last', LAST, ids=LAST.values())
def test_an_output_is_what_weights_had_a_part_in(last):
    graph_def = graph(last)
    assert LAST[last] in frozen_graphs.kinds(graph_def)
    assert graph_nodes.likely_outputs(graph_def) == ['classes']
    followed = graph(last, lambda tensor: tf.nn.softmax(tf.nn.relu(tensor), name='softmax'))
    assert graph_nodes.likely_outputs(followed) == ['softmax']


@pytest.mark.parametrize('last', LAST, ids=LAST.values())
def test_a_softmax_before_what_is_learnt_is_no_result(last):
    graph_def = graph(lambda features: last(tf.nn.softmax(features)), tf.nn.softmax)
    (softmax,) = graph_nodes.softmax_outputs(graph_def)
    assert [softmax] == graph_nodes.likely_outputs(graph_def)


def test_without_anything_learnt_all_that_nothing_reads_is_likely():
    graph_def = graph(lambda features: tf.identity(features, 'features'))
    assert graph_nodes.likely_outputs(graph_def) == ['colour', 'features']


def test_the_summary_names_the_likely_output(tmp_path):
    path = tmp_path / 'graph.pb'
    path.write_bytes(graph(by_einsum).SerializeToString())
    lines = summarize.summarize(str(path))
    following = lines[lines.index('Likely outputs:') + 1 :][:2]
    assert following == ['  classes (Einsum)', 'Variables: none, the graph is frozen']
