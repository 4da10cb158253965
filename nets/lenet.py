"""LeNet, after 'Gradient-based learning applied to document recognition' (LeCun et al., 1998).

The layers are wider than the paper's, as in TensorFlow's MNIST tutorial.
"""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import layers, model_specs, regularizers


def lenet_arg_scope(weight_decay=0.0):
    """Return the arg_scope of LeNet's layers."""
    with slim.arg_scope(
        [slim.conv2d, slim.fully_connected],
        weights_regularizer=regularizers.l2(weight_decay),
        weights_initializer=tf.truncated_normal_initializer(stddev=0.1),
        activation_fn=tf.nn.relu,
    ) as scope:
        return scope


def lenet(
    images,
    num_classes=10,
    is_training=False,
    dropout_keep_prob=0.5,
    prediction_fn=slim.softmax,
    scope='LeNet',
):
    """Build LeNet, and return its logits (hidden layer without `num_classes`) and end points."""
    layers.require_size(images, 4, 'lenet')
    end_points = {}
    with tf.variable_scope(scope, 'LeNet', [images]):
        net = end_points['conv1'] = slim.conv2d(images, 32, [5, 5], scope='conv1')
        net = end_points['pool1'] = slim.max_pool2d(net, [2, 2], 2, scope='pool1')
        net = end_points['conv2'] = slim.conv2d(net, 64, [5, 5], scope='conv2')
        net = end_points['pool2'] = slim.max_pool2d(net, [2, 2], 2, scope='pool2')
        net = end_points['Flatten'] = slim.flatten(net)
        net = end_points['fc3'] = slim.fully_connected(net, 1024, scope='fc3')
        if not num_classes:
            return net, end_points
        net = end_points['dropout3'] = layers.dropout(
            net, dropout_keep_prob, is_training=is_training, scope='dropout3'
        )
        logits = slim.fully_connected(net, num_classes, activation_fn=None, scope='fc4')
    end_points['Logits'] = logits
    # Outside the network's scope, as in the released graphs.
    end_points['Predictions'] = prediction_fn(logits, scope='Predictions')
    return logits, end_points


lenet.default_image_size = model_specs.get_spec('lenet').image_size
