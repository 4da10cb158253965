"""CifarNet, the small network of TensorFlow's CIFAR-10 tutorial.

Local response normalisation is that of 'ImageNet classification with deep convolutional neural
networks' (Krizhevsky et al., 2012), section 3.3, with the constants of cuda-convnet.
"""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import layers, model_specs, regularizers


def cifarnet_arg_scope(weight_decay=0.004):
    """Return the arg_scope of CifarNet's layers; only dense layers have weight decay."""
    with slim.arg_scope(
        [slim.conv2d],
        weights_initializer=tf.truncated_normal_initializer(stddev=0.05),
        activation_fn=tf.nn.relu,
    ):
        with slim.arg_scope(
            [slim.fully_connected],
            biases_initializer=tf.constant_initializer(0.1),
            weights_initializer=tf.truncated_normal_initializer(stddev=0.04),
            weights_regularizer=regularizers.l2(weight_decay),
            activation_fn=tf.nn.relu,
        ) as scope:
            return scope


def cifarnet(
    images,
    num_classes=10,
    is_training=False,
    dropout_keep_prob=0.5,
    prediction_fn=slim.softmax,
    scope='CifarNet',
):
    """Build CifarNet, and return its logits (hidden layer without `num_classes`) and end points."""
    layers.require_size(images, 4, 'cifarnet')
    end_points = {}
    with tf.variable_scope(scope, 'CifarNet', [images]):
        net = end_points['conv1'] = slim.conv2d(images, 64, [5, 5], scope='conv1')
        net = end_points['pool1'] = slim.max_pool2d(net, [2, 2], 2, scope='pool1')
        net = _normalise_responses(net, 'norm1')
        net = end_points['conv2'] = slim.conv2d(net, 64, [5, 5], scope='conv2')
        net = _normalise_responses(net, 'norm2')
        net = end_points['pool2'] = slim.max_pool2d(net, [2, 2], 2, scope='pool2')
        net = end_points['Flatten'] = slim.flatten(net)
        net = end_points['fc3'] = slim.fully_connected(net, 384, scope='fc3')
        net = layers.dropout(net, dropout_keep_prob, is_training=is_training, scope='dropout3')
        net = end_points['fc4'] = slim.fully_connected(net, 192, scope='fc4')
        if not num_classes:
            return net, end_points
        logits = end_points['Logits'] = slim.fully_connected(
            net,
            num_classes,
            biases_initializer=tf.zeros_initializer(),
            weights_initializer=tf.truncated_normal_initializer(stddev=1 / 192.0),
            weights_regularizer=None,
            activation_fn=None,
            scope='logits',
        )
        end_points['Predictions'] = prediction_fn(logits, scope='Predictions')
    return logits, end_points


cifarnet.default_image_size = model_specs.get_spec('cifarnet').image_size


def _normalise_responses(net, name):
    return tf.nn.lrn(net, depth_radius=4, bias=1.0, alpha=0.001 / 9.0, beta=0.75, name=name)
