"""OverFeat, the fast model: 'OverFeat: integrated recognition, localization and detection'.

Sermanet et al., arXiv:1312.6229, table 1.
"""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import convolutional_head, layers, model_specs


def overfeat_arg_scope(weight_decay=0.0005):
    """Return the arg_scope of OverFeat's layers."""
    return convolutional_head.arg_scope(weight_decay)


def overfeat(
    inputs,
    num_classes=1000,
    is_training=True,
    dropout_keep_prob=0.5,
    spatial_squeeze=True,
    scope='overfeat',
    global_pool=False,
):
    """Build OverFeat, and return its logits (hidden layer without `num_classes`) and end points."""
    layers.require_size(inputs, 231, 'overfeat')  # The smallest size with a 6x6 map for fc6.
    with tf.variable_scope(scope, 'overfeat', [inputs]) as sc:
        with convolutional_head.network_scope(sc, is_training, dropout_keep_prob):
            net = slim.conv2d(inputs, 64, [11, 11], 4, padding='VALID', scope='conv1')  # 56x56
            net = slim.max_pool2d(net, [2, 2], 2, scope='pool1')  # 28x28
            net = slim.conv2d(net, 256, [5, 5], padding='VALID', scope='conv2')  # 24x24
            net = slim.max_pool2d(net, [2, 2], 2, scope='pool2')  # 12x12
            net = slim.conv2d(net, 512, [3, 3], scope='conv3')
            net = slim.conv2d(net, 1024, [3, 3], scope='conv4')
            net = slim.conv2d(net, 1024, [3, 3], scope='conv5')
            net = slim.max_pool2d(net, [2, 2], 2, scope='pool5')  # 6x6
            with slim.arg_scope(
                [slim.conv2d],
                weights_initializer=tf.truncated_normal_initializer(stddev=0.005),
                biases_initializer=tf.constant_initializer(0.1),
            ):
                net = convolutional_head.hidden_layers(net, (3072, 4096), [6, 6])
                return convolutional_head.class_scores(
                    net, sc, num_classes, spatial_squeeze, global_pool
                )


overfeat.default_image_size = model_specs.get_spec('overfeat').image_size
