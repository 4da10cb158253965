"""What depends on constants alone is computed once; all else is left alone."""

import numpy as np
import tensorflow.compat.v1 as tf

from serving.graphdef import constant_folding, graph_edits
from support.files import frozen_graphs


def test_a_chain_of_constants_becomes_one():
    def build():
        inputs = tf.placeholder(tf.float32, [None, 3], 'input')
        scale = tf.rsqrt(tf.fill([3], 4.0) + 0.0) * tf.constant([1.0, 2, 3])
        tf.multiply(inputs, scale, 'output')

    graph_def = frozen_graphs.build(build)
    folded = constant_folding.fold(graph_def, ['output'])
    feed = {'input:0': np.ones([1, 3], np.float32)}
    np.testing.assert_array_equal(frozen_graphs.run(folded, feed), [[0.5, 1, 1.5]])
    readers = [node for node in folded.node if node.name == 'output']
    kinds = {node.name: node.op for node in folded.node}
    assert [kinds[edge] for edge in readers[0].input] == ['Placeholder', 'Const']


def test_what_may_differ_from_run_to_run_stays():
    def build():
        tf.placeholder_with_default(tf.constant([1.0]), [1], 'default')
        tf.random.uniform([2], name='drawn')
        tf.zeros([1 << 16], name='large')
        with tf.control_dependencies([tf.placeholder(tf.float32, name='awaited')]):
            tf.add(tf.constant(3.0), 4.0, 'ordered')
        tf.add(5.0, 6.0, 'kept')
        for operation in tf.get_default_graph().get_operations():
            if operation.outputs:
                tf.identity(operation.outputs[0], f'{operation.name}/read')

    graph_def = frozen_graphs.build(build)
    folded = {node.name: node.op for node in constant_folding.fold(graph_def, ['kept']).node}
    before = {node.name: node.op for node in graph_def.node}
    for name in ('default', 'drawn/RandomUniform', 'large', 'ordered', 'kept'):
        assert folded[name] == before[name] != 'Const', name


def test_what_fails_beforehand_is_left_for_the_run():
    graph_def = tf.GraphDef()
    graph_def.node.extend([graph_edits.constant('a', 1), graph_edits.constant('b', 0)])
    division = graph_def.node.add(name='c', op='FloorDiv', input=['a', 'b'])
    division.attr['T'].type = tf.int32.as_datatype_enum
    reader = graph_def.node.add(name='output', op='Identity', input=['c'])
    reader.attr['T'].type = tf.int32.as_datatype_enum
    assert constant_folding.fold(graph_def, ['output']) == graph_def
