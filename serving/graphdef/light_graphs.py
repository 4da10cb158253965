"""Take the large constants out of a graph: some libraries copy each of them many times."""

import tensorflow.compat.v1 as tf

from serving.graphdef import graph_edits

_LARGE_BYTES = 2**16


def without_weights(graph_def):
    """Return the graph with a placeholder for each large constant, and {tensor name: value}."""
    nodes, weights = [], {}
    for node in graph_def.node:
        value = node.attr['value'].tensor if node.op == 'Const' else None
        if value and value.ByteSize() >= _LARGE_BYTES:
            weights[f'{node.name}:0'] = graph_edits.value_of(node)
            node = placeholder(node.name, value.dtype, value.tensor_shape)
        nodes.append(node)
    return graph_edits.with_nodes(graph_def, nodes), weights


def placeholder(name, dtype, shape):
    """Make a Placeholder node."""
    node = tf.NodeDef(name=name, op='Placeholder')
    node.attr['dtype'].type = dtype
    node.attr['shape'].shape.CopyFrom(shape)
    return node
