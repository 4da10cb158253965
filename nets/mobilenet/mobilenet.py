"""What MobileNet v2, v3 and EdgeTPU have in common: from a table of rows to a network.

Of a table of rows (`conv_blocks`), row n is the end point `layer_n`, its parts are `layer_n/output`
and so on. `depth_multiplier` is the width multiplier of the papers.
"""

import collections
import functools

import tensorflow.compat.v1 as tf
import tf_slim as slim

from common.errors import UserError
from nets import layers, regularizers, striding
from nets.mobilenet import conv_blocks


def widened(rows, depth_multiplier, min_depth=None, divisible_by=None, but_last=False):
    """Multiply the depths of the rows, or of all `but_last`, and make them divisible.

    They become multiples of `divisible_by` (8), and at least `min_depth` (the same).
    """
    if depth_multiplier <= 0:
        raise UserError(f'depth_multiplier={depth_multiplier}: must be greater than zero')
    divisor = divisible_by or 8

    def widen(row):
        if not hasattr(row, 'depth'):
            return row
        depth = conv_blocks.divisible(row.depth * depth_multiplier, divisor, min_depth or 8)
        return row._replace(depth=depth)

    kept = len(rows) - 1 if but_last else len(rows)
    return [*map(widen, rows[:kept]), *rows[kept:]]


@slim.add_arg_scope
def mobilenet(
    inputs,
    rows,
    num_classes=1001,
    activation=tf.nn.relu,
    normalizer=layers.batch_norm,
    prediction_fn=slim.softmax,
    reuse=None,
    scope='Mobilenet',
    base_only=False,
    use_reduce_mean_for_pooling=False,
    final_endpoint=None,
    output_stride=None,
    use_explicit_padding=False,
    is_training=False,
):
    """Build a table of rows; return its logits (pooled features without `num_classes`), end points.

    With `base_only` it returns the output of the last row, or of `final_endpoint`. `output_stride`
    limits the total stride; `use_explicit_padding` pads equally for every image size. With None,
    `is_training` is that of the arg_scopes of `batch_norm` and `dropout`.
    """
    if output_stride not in (None, 1) and (output_stride <= 0 or output_stride % 2):
        raise UserError(f'output_stride={output_stride}: must be 1, a multiple of 2, or None')
    mode = {} if is_training is None else {'is_training': is_training}
    with tf.variable_scope(scope, 'Mobilenet', [inputs], reuse=reuse):
        with (
            slim.arg_scope([layers.batch_norm, layers.dropout], **mode),
            slim.arg_scope([layers.batch_norm], center=True, scale=True),
        ):
            place = functools.partial(
                conv_blocks.Place,
                activation=activation,
                normalizer=normalizer,
                pad_first=use_explicit_padding,
            )
            net = tf.identity(inputs, 'input')
            net, end_points = _build_rows(net, rows, place, output_stride, final_endpoint)
            if base_only:
                return net, end_points
            net = tf.identity(net, 'embedding')
            with tf.variable_scope('Logits'):
                net = end_points['global_pool'] = conv_blocks.mean_of_map(
                    net, 'AvgPool', use_reduce_mean_for_pooling
                )
                if not num_classes:
                    return net, end_points
                logits = end_points['Logits'] = _classify(net, num_classes)
            if prediction_fn:
                end_points['Predictions'] = prediction_fn(logits, scope='Predictions')
    return logits, end_points


def _build_rows(inputs, rows, place, output_stride, final_endpoint):
    """Return the output of the last layer, and all end points."""
    resolution = striding.Resolution(output_stride)
    counts = collections.Counter()
    named_layers, parts_of_all = [], {}
    for number, row in enumerate(rows, start=1):
        if type(row) not in conv_blocks.BLOCKS:
            kinds = ', '.join(kind.__name__ for kind in conv_blocks.BLOCKS)
            raise UserError(f'conv_defs[{number - 1}]: must be one of {kinds}, not {row!r}')
        block, kind = conv_blocks.BLOCKS[type(row)]
        scope = f'{kind}_{counts[kind]}' if counts[kind] else kind
        counts[kind] += 1
        stride, rate = resolution.take(row.stride)
        build = functools.partial(block, row=row, place=place(stride=stride, rate=rate))
        layer = functools.partial(_record, functools.partial(build, scope=scope), parts_of_all)
        named_layers.append(layers.NamedLayer(f'layer_{number}', layer))
    network = tf.get_variable_scope().name
    net, end_points = layers.build(inputs, named_layers, network, final_endpoint)
    return net, {**end_points, **parts_of_all}


def _record(block, parts_of_all, net, scope):
    """Build a block, and record its parts; `scope` is the name of its end point."""
    net, parts = block(net)
    parts_of_all.update({f'{scope}/{name}': part for name, part in parts.items()})
    return net


def _classify(net, num_classes):
    net = layers.dropout(net, scope='Dropout')
    logits = slim.conv2d(
        net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope='Conv2d_1c_1x1'
    )
    return tf.identity(layers.squeeze_spatial(logits), 'output')


def mobilenet_arg_scope(
    is_training=True,
    weight_decay=0.00004,
    stddev=0.09,
    dropout_keep_prob=0.8,
    batch_norm_decay=0.997,
):
    """Return the arg_scope of the layers; None does not set `is_training`.

    With a negative `stddev` the weights are initialized as by Glorot and Bengio.
    """
    initializer = (
        slim.xavier_initializer() if stddev < 0 else tf.truncated_normal_initializer(stddev=stddev)
    )
    mode = {} if is_training is None else {'is_training': is_training}
    with (
        slim.arg_scope(
            [slim.conv2d, slim.fully_connected, slim.separable_conv2d],
            weights_initializer=initializer,
            normalizer_fn=layers.batch_norm,
        ),
        slim.arg_scope([mobilenet], is_training=is_training),
        slim.arg_scope([layers.batch_norm], decay=batch_norm_decay, **mode),
        slim.arg_scope([layers.dropout], keep_prob=dropout_keep_prob, **mode),
        # No weight decay for depthwise filters, which have few parameters.
        slim.arg_scope([slim.conv2d], weights_regularizer=regularizers.l2(weight_decay)),
        slim.arg_scope([slim.separable_conv2d], weights_regularizer=None),
        slim.arg_scope([slim.conv2d, slim.separable_conv2d], padding='SAME') as scope,
    ):
        return scope


def training_scope(
    is_training=True, weight_decay=0.00004, stddev=0.09, dropout_keep_prob=0.8, bn_decay=0.997
):
    """Return the arg_scope of the layers, as TF-Slim's users ask for it."""
    return mobilenet_arg_scope(is_training, weight_decay, stddev, dropout_keep_prob, bn_decay)
