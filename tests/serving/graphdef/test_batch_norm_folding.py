"""Batch norms fold where the result stays the same to float rounding, and nowhere else."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from serving.graphdef import batch_norm_folding, graph_edits
from support.files import frozen_graphs
from support.files.frozen_graphs import batch_norm, constant

IMAGES = np.random.default_rng(1).normal(size=(2, 8, 8, 3)).astype(np.float32)
VECTORS = IMAGES.reshape(2, -1)[:, :12]


def images():
    return tf.placeholder(tf.float32, [None, 8, 8, 3], 'input')


def convolve(inputs, channels=5, stride=1, padding='SAME'):
    filters = constant(3, 3, inputs.shape.as_list()[-1], channels)
    return tf.nn.conv2d(inputs, filters, stride, padding)


def depthwise(inputs, multiplier=1):
    filters = constant(3, 3, inputs.shape.as_list()[-1], multiplier)
    return tf.nn.depthwise_conv2d(inputs, filters, [1, 1, 1, 1], 'SAME')


def unfused(inputs):
    """Normalise as the layers of TF 1.x did without the fused kernel, constants folded."""
    channels = inputs.shape.as_list()[-1]
    return inputs * constant(channels, seed=7) + constant(channels, seed=8)


def vectors():
    inputs = tf.placeholder(tf.float32, [None, 12], 'input')
    return tf.nn.bias_add(tf.matmul(inputs, constant(12, 4)), constant(4))


def transposed():
    inputs = tf.placeholder(tf.float32, [None, 12], 'input')
    return tf.matmul(inputs, constant(4, 12), transpose_b=True)


FOLDED = {
    'convolution': lambda: batch_norm(convolve(images())),
    'strided': lambda: batch_norm(convolve(images(), stride=2, padding='VALID')),
    'depthwise': lambda: batch_norm(depthwise(images())),
    'multiplied': lambda: batch_norm(depthwise(images(), multiplier=2)),
    'biased': lambda: batch_norm(tf.nn.bias_add(convolve(images()), constant(5))),
    'unfused': lambda: unfused(convolve(images())),
    'subtracted': lambda: convolve(images()) * constant(5) - constant(5, seed=3),
    'reversed': lambda: constant(5) + constant(1, 1, 1, 5) * convolve(images()),
    'scaled': lambda: tf.nn.bias_add(convolve(images()), constant(5)) * 0.17,
    'vectors': lambda: vectors() * constant(4, seed=3),
    'transposed': lambda: unfused(
        tf.matmul(
            tf.placeholder(tf.float32, [None, 12], 'input'), constant(4, 12), transpose_b=True
        )
    ),
    'twice': lambda: batch_norm(batch_norm(convolve(images())), seed=9),
}


@pytest.mark.parametrize('name', FOLDED)
def test_scaling_folds_into_what_is_before_it(name):
    graph_def = frozen_graphs.build(lambda: tf.nn.relu(FOLDED[name](), 'output'))
    feed = {'input:0': VECTORS if name in ('vectors', 'transposed') else IMAGES}
    folded, count = batch_norm_folding.fold(graph_def, ['output'])
    assert not frozen_graphs.kinds(folded) & {'FusedBatchNormV3', 'Mul', 'AddV2', 'Sub'}
    assert sum(node.op == 'BiasAdd' for node in folded.node) == 1
    assert count == sum(node.op == 'FusedBatchNormV3' for node in graph_def.node)
    expected = frozen_graphs.run(graph_def, feed)
    np.testing.assert_allclose(frozen_graphs.run(folded, feed), expected, rtol=1e-5, atol=1e-5)


def read_twice():
    net = convolve(images())
    return batch_norm(net) + tf.nn.relu(net)


def with_shared_mean():
    net = convolve(images())
    return batch_norm(net, mean=tf.reduce_mean(net, [0, 1, 2]))


def kept():
    return batch_norm(tf.identity(convolve(images()), 'kept'))


UNTOUCHED = {
    'the convolution is read by others': read_twice,
    'the convolution is a result': kept,
    'statistics come from the pictures': with_shared_mean,
    'it trains': lambda: batch_norm(convolve(images()), is_training=True),
    'something is between': lambda: batch_norm(tf.nn.relu(convolve(images()))),
    'it comes before the convolution': lambda: convolve(batch_norm(images())),
    'weights are no constants': lambda: batch_norm(
        tf.nn.conv2d(images(), tf.placeholder(tf.float32, [3, 3, 3, 5]), 1, 'SAME')
    ),
    'the factor is for each pixel': lambda: convolve(images()) * constant(8, 8, 5),
    'the factor widens the result': lambda: convolve(images(), channels=1) * constant(5),
    'there is no scaling': lambda: tf.nn.bias_add(convolve(images()), constant(5)),
    'the weights would overflow': lambda: batch_norm(
        convolve(images()), scale=tf.constant([3e38] * 5), variance=tf.constant([1e-9] * 5)
    ),
    'a channel has no value': lambda: batch_norm(
        convolve(images()), variance=tf.constant([-1.0, 1, 1, 1, 1])
    ),
}


@pytest.mark.parametrize('reason', UNTOUCHED)
def test_what_would_not_be_the_same_stays(reason):
    graph_def = frozen_graphs.build(lambda: tf.identity(UNTOUCHED[reason](), 'output'))
    keep = ['output', *(node.name for node in graph_def.node if node.name == 'kept')]
    folded, count = batch_norm_folding.fold(graph_def, keep)
    assert count == 0
    assert folded == graph_edits.needed_for(graph_def, keep)


def test_weights_that_two_convolutions_share_are_scaled_for_each():
    def build():
        inputs, filters = images(), constant(3, 3, 3, 3)
        net = batch_norm(tf.nn.conv2d(inputs, filters, 1, 'SAME'))
        net = batch_norm(tf.nn.conv2d(net, filters, 1, 'SAME'), seed=20)
        tf.identity(net, 'output')

    graph_def = frozen_graphs.build(build)
    folded, count = batch_norm_folding.fold(graph_def, ['output'])
    assert count == 2
    feed = {'input:0': IMAGES}
    expected = frozen_graphs.run(graph_def, feed)
    np.testing.assert_allclose(frozen_graphs.run(folded, feed), expected, rtol=1e-5, atol=1e-5)


def test_channels_first_are_recognised():
    def build():
        inputs = tf.placeholder(tf.float32, [None, 3, 8, 8], 'input')
        net = tf.nn.conv2d(inputs, constant(3, 3, 3, 8), 1, 'SAME', data_format='NCHW')
        net = batch_norm(net, data_format='NCHW')
        # Along the width, not by channel.
        tf.multiply(net, constant(8), 'output')

    folded, count = batch_norm_folding.fold(frozen_graphs.build(build), ['output'])
    nodes = {node.op: node for node in folded.node}
    assert count == 1
    assert nodes['BiasAdd'].attr['data_format'].s == b'NCHW'
    assert 'Mul' in nodes
