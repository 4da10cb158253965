"""One network of each family, and picture sizes at which it is quick to test."""

import contextlib
from unittest import mock

import tensorflow.compat.v1 as tf

from nets import nets_factory

# Network -> the side of the smallest pictures that it takes.
SMALLEST = {
    'alexnet_v2': 195,
    'cifarnet': 32,
    'inception_resnet_v2': 75,
    'inception_v1': 32,
    'inception_v2': 32,
    'inception_v3': 75,
    'inception_v4': 75,
    'lenet': 28,
    'mobilenet_edgetpu': 32,
    'mobilenet_v1_025': 32,
    'mobilenet_v2_035': 32,
    'mobilenet_v3_small': 32,
    'nasnet_mobile': 32,
    'overfeat': 231,
    'pnasnet_mobile': 32,
    'resnet_v1_50': 32,
    'resnet_v2_50': 32,
    'vgg_a': 224,
}
# Network -> the side of small pictures that it still tells apart; None is its own.
TELLING = {
    'alexnet_v2': None,
    'cifarnet': None,
    'inception_resnet_v2': 107,
    'inception_v1': 96,
    'inception_v2': 96,
    'inception_v3': 107,
    'inception_v4': 107,
    'lenet': None,
    'mobilenet_edgetpu': 96,
    'mobilenet_v1_025': 96,
    'mobilenet_v2_035': 96,
    'mobilenet_v3_small': 96,
    'nasnet_mobile': 96,
    'overfeat': None,
    'pnasnet_mobile': 96,
    'resnet_v1_50': 64,
    'resnet_v2_50': 64,
    'vgg_a': None,
}
# Over two values the variance is often nearly 0 and the gradients 1e11: whether a run then ends in
# NaN depends on the processor.
FEWEST_VALUES = 16


@contextlib.contextmanager
def enough_values_for_batch_norms(fewest=FEWEST_VALUES):
    """Fail where a graph is built with a batch norm that trains on fewer values for a channel."""
    original = tf.nn.fused_batch_norm

    def checked(images, scale, *arguments, is_training, **keywords):
        # With cached features the size of the batch is not in the graph.
        if is_training and images.shape.is_fully_defined():
            values = images.shape.num_elements() // scale.shape.num_elements()
            assert values >= fewest, f'{scale.name} has {values} values for a channel: {images}'
        return original(images, scale, *arguments, is_training=is_training, **keywords)

    with mock.patch.object(tf.nn, 'fused_batch_norm', checked):
        yield


def families_of(networks):
    """Return the modules of the networks: each family has one of its own."""
    return {nets_factory.get_spec(name).module for name in networks}
