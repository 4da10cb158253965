"""The common parts of the Inception networks: arg_scope, layer tables and heads.

A row of a table is the name of an end point and a `Conv`, a pool, or the branches of a block. A
branch is a tuple of layers in order; a list in it contains parallel layers, whose results are
concatenated. The layers of a branch are named by their position, as in the checkpoints:
`Conv2d_0a_1x1`, `Conv2d_0b_3x3`, ...; a layer that strides or does not pad is `Conv2d_1a_3x3`. The
released checkpoints have exceptions, which the tables give as `scope`.
"""

from collections import namedtuple
from functools import partial

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import layers, regularizers, striding


def inception_arg_scope(
    weight_decay=0.00004,
    use_batch_norm=True,
    batch_norm_decay=0.9997,
    batch_norm_epsilon=0.001,
    activation_fn=tf.nn.relu,
    batch_norm_updates_collections=tf.GraphKeys.UPDATE_OPS,
    batch_norm_scale=False,
):
    """Return the arg_scope with which Inception v1 to v4 were trained."""
    with slim.arg_scope(
        [slim.conv2d, slim.fully_connected], weights_regularizer=regularizers.l2(weight_decay)
    ):
        with slim.arg_scope(
            [slim.conv2d],
            weights_initializer=slim.variance_scaling_initializer(),
            activation_fn=activation_fn,
            normalizer_fn=layers.batch_norm if use_batch_norm else None,
        ):
            # `normalizer_params` of the convolutions would override a user's arg_scope.
            with slim.arg_scope(
                [layers.batch_norm],
                decay=batch_norm_decay,
                epsilon=batch_norm_epsilon,
                updates_collections=batch_norm_updates_collections,
                scale=batch_norm_scale,
            ) as scope:
                return scope


class Conv(
    namedtuple(
        'Conv', 'depth kernel stride padding stddev scope', defaults=(1, 1, 'SAME', None, None)
    )
):
    """A convolution; `stddev` replaces the initializer of the arg_scope."""

    prefix = 'Conv2d'

    def __call__(self, net, scope, depth):
        """Apply the layer; `depth` converts the table's number of channels."""
        initializer = {}
        if self.stddev is not None:
            initializer = {'weights_initializer': tf.truncated_normal_initializer(0.0, self.stddev)}
        return slim.conv2d(
            net,
            depth(self.depth),
            self.kernel,
            stride=self.stride,
            padding=self.padding,
            scope=scope,
            **initializer,
        )


class Pool(namedtuple('Pool', 'prefix kernel stride padding scope')):
    """A pooling layer; `prefix` names its kind."""

    def __call__(self, net, scope, depth):
        """Apply the layer; `depth` has no effect on pooling."""
        pool = {'AvgPool': slim.avg_pool2d, 'MaxPool': slim.max_pool2d}[self.prefix]
        padding = self.padding
        if padding == 'ZEROS':
            net, padding = striding.pad_for_kernel(net, self.kernel), 'VALID'
        return pool(net, self.kernel, stride=self.stride, padding=padding, scope=scope)


def avg_pool(kernel=3, stride=1, padding='SAME', scope=None):
    """Return an average pooling layer; the averages count the padding if it is 'ZEROS'."""
    return Pool('AvgPool', kernel, stride, padding, scope)


def max_pool(kernel=3, stride=1, padding='SAME', scope=None):
    """Return a max pooling layer."""
    return Pool('MaxPool', kernel, stride, padding, scope)


def named_layers(rows, depth=int, axis=3):
    """Turn (end point, layer or branches) rows into NamedLayers for `layers.build`.

    `depth` converts a table's number of channels to the network's; `axis` is the channel axis.
    """
    return [named_layer(name, row, depth, axis) for name, row in rows]


def named_layer(name, row, depth=int, axis=3):
    """Turn one row into a NamedLayer."""
    if isinstance(row, Conv | Pool):
        return layers.NamedLayer(name, partial(row, depth=depth), _windows([row]))
    return layers.NamedLayer(
        name, partial(mixed, branches=row, depth=depth, axis=axis), windows(row)
    )


def windows(branches):
    """Return (kernel, stride) of the layers without padding; all branches reduce a map equally."""
    return _windows(branches[0])


def _windows(branch):
    flat = [layer for layer in branch if not isinstance(layer, list)]
    return [(layer.kernel, layer.stride) for layer in flat if layer.padding == 'VALID']


def mixed(net, branches, scope, depth=int, axis=3):
    """Apply all branches to `net` and concatenate their results."""
    with tf.variable_scope(scope):
        return join(net, branches, depth, axis)


def join(net, branches, depth=int, axis=3):
    """Apply all branches to `net` and concatenate their results, in the current scope."""
    results = []
    for number, branch in enumerate(branches):
        with tf.variable_scope(f'Branch_{number}'):
            results.append(_follow(net, branch, depth, axis))
    return tf.concat(results, axis)


def _follow(net, branch, depth, axis):
    place = 0
    for layer in branch:
        if isinstance(layer, list):
            places = enumerate(layer, start=place)
            net = tf.concat([part(net, _name(part, at), depth) for at, part in places], axis)
            place += len(layer)
        else:
            net = layer(net, _name(layer, place), depth)
            place += 1
    return net


def _name(layer, place):
    if layer.scope:
        return layer.scope
    shrinks = layer.stride > 1 or layer.padding == 'VALID'
    height, width = layer.kernel if isinstance(layer.kernel, tuple) else [layer.kernel] * 2
    return f'{layer.prefix}_{"1a" if shrinks else "0" + "abcdef"[place]}_{height}x{width}'


def thinner(depth_multiplier, min_depth):
    """Return the function that converts a table's number of channels for a depth multiplier."""
    if depth_multiplier <= 0:
        raise ValueError(f'depth_multiplier must be greater than zero, not {depth_multiplier}')
    return lambda depth: max(int(depth * depth_multiplier), min_depth)


def training_scope(is_training):
    """Return the arg_scope that sets `is_training` for batch norm and dropout."""
    return slim.arg_scope([layers.batch_norm, layers.dropout], is_training=is_training)


def global_average(net, end_points, name='global_pool'):
    """Average over the whole map of any size, and record the result."""
    net = tf.reduce_mean(net, [1, 2], keepdims=True, name=name)
    end_points['global_pool'] = net
    return net


def convolutional_logits(net, num_classes, scope, spatial_squeeze, **options):
    """Compute logits with a linear 1x1 convolution; optionally remove height and width."""
    logits = slim.conv2d(
        net, num_classes, 1, activation_fn=None, normalizer_fn=None, scope=scope, **options
    )
    return layers.squeeze_spatial(logits) if spatial_squeeze else logits


def pooled_logits(
    net, end_points, num_classes, kernel, dropout_keep_prob, spatial_squeeze, global_pool_name
):
    """Compute the logits of Inception v2 and v3; without `num_classes`, their pooled features."""
    with tf.variable_scope('Logits'):
        if global_pool_name:
            net = global_average(net, end_points, global_pool_name)
        else:
            kernel = layers.small_kernel(net, kernel)
            pool_scope = 'AvgPool_1a_{}x{}'.format(*kernel)
            net = slim.avg_pool2d(net, kernel, padding='VALID', scope=pool_scope)
            end_points['AvgPool_1a'] = net
        if not num_classes:
            return net
        net = layers.dropout(net, dropout_keep_prob, scope='Dropout_1b')
        end_points['PreLogits'] = net
        logits = convolutional_logits(net, num_classes, 'Conv2d_1c_1x1', spatial_squeeze)
        end_points['Logits'] = logits
        return logits


def whole_map_average(net, end_points, scope):
    """Average over the whole map, with a pooling layer if its size is known."""
    sides = net.shape.as_list()[1:3]
    if None in sides:
        return global_average(net, end_points)
    net = end_points['global_pool'] = slim.avg_pool2d(net, sides, padding='VALID', scope=scope)
    return net


def dense_auxiliary_logits(net, num_classes, pool_scope, reduce_scope, logits_scope):
    """Compute the auxiliary logits of Inception v4 and Inception-ResNet v2.

    The last convolution covers the whole map, so its weights depend on the size of the pictures.
    """
    with tf.variable_scope('AuxLogits'):
        kernel = layers.small_kernel(net, [5, 5])
        net = slim.avg_pool2d(net, kernel, stride=3, padding='VALID', scope=pool_scope)
        net = slim.conv2d(net, 128, 1, scope='Conv2d_1b_1x1')
        # For a map of unknown size, assume pictures of 299 x 299 pixels.
        sides = [side or 5 for side in net.shape.as_list()[1:3]]
        net = slim.conv2d(net, 768, sides, padding='VALID', scope=reduce_scope)
        net = layers.squeeze_spatial(net)
        return slim.fully_connected(net, num_classes, activation_fn=None, scope=logits_scope)


def dense_logits(net, end_points, num_classes):
    """Compute the logits and probabilities of Inception v4 and Inception-ResNet v2."""
    logits = slim.fully_connected(net, num_classes, activation_fn=None, scope='Logits')
    end_points['Logits'] = logits
    end_points['Predictions'] = tf.nn.softmax(logits, name='Predictions')
    return logits
