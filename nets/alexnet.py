"""AlexNet v2: the network of 'One weird trick for parallelizing convolutional neural networks'.

Krizhevsky, arXiv:1404.5997, the footnote to section 5: one tower, no response normalisation.
"""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import convolutional_head, layers, model_specs


def alexnet_v2_arg_scope(weight_decay=0.0005):
    """Return the arg_scope of AlexNet's layers."""
    return convolutional_head.arg_scope(weight_decay, initial_bias=0.1)


def alexnet_v2(
    inputs,
    num_classes=1000,
    is_training=True,
    dropout_keep_prob=0.5,
    spatial_squeeze=True,
    scope='alexnet_v2',
    global_pool=False,
):
    """Build AlexNet, and return its logits (hidden layer without `num_classes`) and end points."""
    layers.require_size(inputs, 195, 'alexnet_v2')  # The smallest size with a 5x5 map for fc6.
    with tf.variable_scope(scope, 'alexnet_v2', [inputs]) as sc:
        with convolutional_head.network_scope(sc, is_training, dropout_keep_prob):
            net = slim.conv2d(inputs, 64, [11, 11], 4, padding='VALID', scope='conv1')  # 54x54
            net = slim.max_pool2d(net, [3, 3], 2, scope='pool1')  # 26x26
            net = slim.conv2d(net, 192, [5, 5], scope='conv2')
            net = slim.max_pool2d(net, [3, 3], 2, scope='pool2')  # 12x12
            net = slim.conv2d(net, 384, [3, 3], scope='conv3')
            net = slim.conv2d(net, 384, [3, 3], scope='conv4')
            net = slim.conv2d(net, 256, [3, 3], scope='conv5')
            net = slim.max_pool2d(net, [3, 3], 2, scope='pool5')  # 5x5
            with slim.arg_scope(
                [slim.conv2d], weights_initializer=tf.truncated_normal_initializer(stddev=0.005)
            ):
                net = convolutional_head.hidden_layers(net, (4096, 4096), [5, 5])
                return convolutional_head.class_scores(
                    net, sc, num_classes, spatial_squeeze, global_pool
                )


alexnet_v2.default_image_size = model_specs.get_spec('alexnet_v2').image_size
