"""Build and run small graphs of constants and placeholders."""

import numpy as np
import tensorflow.compat.v1 as tf


def constant(*shape, seed=0, low=-1.0, high=1.0):
    """Return a constant tensor of random numbers."""
    generator = np.random.default_rng([seed, *shape])
    return tf.constant(generator.uniform(low, high, shape).astype(np.float32))


def batch_norm(inputs, is_training=False, seed=0, data_format='NHWC', **changes):
    """Normalise with constant statistics."""
    channels = inputs.shape.as_list()[1 if data_format == 'NCHW' else -1]
    parameters = {
        'scale': constant(channels, seed=seed + 1, low=0.5, high=2),
        'offset': constant(channels, seed=seed + 2),
        'mean': constant(channels, seed=seed + 3),
        'variance': constant(channels, seed=seed + 4, low=0.5, high=2),
        **changes,
    }
    if is_training:
        del parameters['mean'], parameters['variance']
    return tf.nn.fused_batch_norm(
        inputs, is_training=is_training, data_format=data_format, **parameters
    )[0]


def build(function):
    """Return the GraphDef that `function` builds; it names its own `input` and `output`."""
    with tf.Graph().as_default() as graph:
        function()
        return graph.as_graph_def()


def run(graph_def, feed, fetch='output:0'):
    """Import a GraphDef into a graph of its own, and run it."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name='')
        return session.run(fetch, feed)


def kinds(graph_def):
    """Return the kinds of the operations in a graph and its functions, as a set."""
    nodes = [*graph_def.node, *(n for f in graph_def.library.function for n in f.node_def)]
    return {node.op for node in nodes}
