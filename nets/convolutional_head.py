"""The dense layers of AlexNet, OverFeat and VGG, as convolutions: larger images give score maps."""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import layers, regularizers


def arg_scope(weight_decay, initial_bias=0.0):
    """Return the arg_scope of networks with such a head."""
    with slim.arg_scope(
        [slim.conv2d, slim.fully_connected],
        activation_fn=tf.nn.relu,
        biases_initializer=tf.constant_initializer(initial_bias),
        weights_regularizer=regularizers.l2(weight_decay),
    ):
        with slim.arg_scope([slim.conv2d], padding='SAME'):
            with slim.arg_scope([slim.max_pool2d], padding='VALID') as scope:
                return scope


def network_scope(sc, is_training, dropout_keep_prob):
    """Return the scope of the whole network, which records end points and configures dropout."""
    recorded = [slim.conv2d, slim.fully_connected, slim.max_pool2d]
    with slim.arg_scope([layers.dropout], is_training=is_training, keep_prob=dropout_keep_prob):
        with slim.arg_scope(recorded, outputs_collections=[_collection(sc)]) as scope:
            return slim.arg_scope(scope)


def hidden_layers(net, depths, kernel_size, padding='VALID'):
    """Add fc6, whose `kernel_size` is that of its input map, and fc7."""
    net = slim.conv2d(net, depths[0], kernel_size, padding=padding, scope='fc6')
    net = layers.dropout(net, scope='dropout6')
    return slim.conv2d(net, depths[1], [1, 1], scope='fc7')


def class_scores(net, sc, num_classes, spatial_squeeze, global_pool):
    """Add the scores (none without `num_classes`), and return them and the network's end points."""
    end_points = _recorded_end_points(sc)
    if global_pool:
        net = tf.reduce_mean(net, [1, 2], keepdims=True, name='global_pool')
        end_points['global_pool'] = net
    if not num_classes:
        return net, end_points
    net = layers.dropout(net, scope='dropout7')
    net = slim.conv2d(
        net,
        num_classes,
        [1, 1],
        activation_fn=None,
        normalizer_fn=None,
        biases_initializer=tf.zeros_initializer(),
        scope='fc8',
    )
    if spatial_squeeze:
        net = layers.squeeze_spatial(net, 'fc8/squeezed')
    end_points[f'{sc.name}/fc8'] = net
    return net, end_points


def _recorded_end_points(sc):
    recorded = slim.utils.convert_collection_to_dict(_collection(sc))
    # Pooling layers have no variables and are recorded under the name scope, which differs in a
    # second tower. The end points keep their keys.
    prefix = sc.original_name_scope
    return {
        f'{sc.name}/{key.removeprefix(prefix)}' if key.startswith(prefix) else key: net
        for key, net in recorded.items()
    }


def _collection(sc):
    # Each build has its own name scope, so a second tower does not inherit the first one's.
    return f'{sc.original_name_scope}_end_points'
