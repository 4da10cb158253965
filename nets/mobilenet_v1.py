"""MobileNet v1: 'MobileNets: efficient convolutional neural networks for mobile vision'.

Howard et al., arXiv:1704.04861. `depth_multiplier` is the paper's width multiplier; the resolution
multiplier is the size of the images, which may have any size. Layers of `conv_defs` are named by
their position: `Conv2d_0`, then `Conv2d_1_depthwise`, `Conv2d_1_pointwise` and so on.
"""

import functools
from collections import namedtuple

import tensorflow.compat.v1 as tf
import tf_slim as slim

from common.errors import UserError
from nets import layers, model_specs, regularizers, striding


class Conv(namedtuple('Conv', ['kernel', 'stride', 'depth'])):
    """A row of `conv_defs`: a convolution over all channels."""


class DepthSepConv(namedtuple('DepthSepConv', ['kernel', 'stride', 'depth'])):
    """A row of `conv_defs`: a depthwise convolution, then a 1x1 convolution over all channels."""


MOBILENETV1_CONV_DEFS = (  # Table 1, with the map's side at 224x224.
    Conv((3, 3), 2, 32),  # 112
    DepthSepConv((3, 3), 1, 64),
    DepthSepConv((3, 3), 2, 128),  # 56
    DepthSepConv((3, 3), 1, 128),
    DepthSepConv((3, 3), 2, 256),  # 28
    DepthSepConv((3, 3), 1, 256),
    DepthSepConv((3, 3), 2, 512),  # 14
    *5 * (DepthSepConv((3, 3), 1, 512),),
    DepthSepConv((3, 3), 2, 1024),  # 7
    DepthSepConv((3, 3), 1, 1024),
)


def mobilenet_v1_base(
    inputs,
    final_endpoint='Conv2d_13_pointwise',
    min_depth=8,
    depth_multiplier=1.0,
    conv_defs=None,
    output_stride=None,
    use_explicit_padding=False,
    scope=None,
):
    """Build the convolutions up to `final_endpoint`, and return its output and all end points.

    `output_stride` (8, 16 or 32) limits the total stride; `use_explicit_padding` pads equally for
    every image size.
    """
    if depth_multiplier <= 0:
        raise UserError(f'depth_multiplier={depth_multiplier}: must be greater than zero')
    if output_stride not in (None, 8, 16, 32):
        raise UserError(f'output_stride={output_stride}: must be 8, 16, 32 or None')
    rows = MOBILENETV1_CONV_DEFS if conv_defs is None else conv_defs
    rows = [row._replace(depth=max(int(row.depth * depth_multiplier), min_depth)) for row in rows]
    named_layers = _named_layers(rows, striding.Resolution(output_stride), use_explicit_padding)
    with tf.variable_scope(scope, 'MobilenetV1', [inputs]):
        with slim.arg_scope(
            [slim.conv2d, slim.separable_conv2d],
            padding='VALID' if use_explicit_padding else 'SAME',
        ):
            return layers.build(
                inputs, named_layers, network='mobilenet_v1', final_endpoint=final_endpoint
            )


def _named_layers(rows, resolution, use_explicit_padding):
    named_layers = []
    for number, row in enumerate(rows):
        name = f'Conv2d_{number}'
        stride, rate = resolution.take(row.stride)
        spatial = functools.partial(
            _convolve, row.kernel, stride=stride, rate=rate, pad_first=use_explicit_padding
        )
        if isinstance(row, Conv):
            named_layers.append(layers.NamedLayer(name, spatial(slim.conv2d, row.depth)))
        elif isinstance(row, DepthSepConv):
            depthwise = spatial(slim.separable_conv2d, None, depth_multiplier=1)
            named_layers.append(layers.NamedLayer(f'{name}_depthwise', depthwise))
            named_layers.append(
                layers.NamedLayer(f'{name}_pointwise', _convolve([1, 1], slim.conv2d, row.depth))
            )
        else:
            raise UserError(f'conv_defs[{number}]: must be Conv or DepthSepConv, not {row!r}')
    return named_layers


def _convolve(kernel, convolution, depth, stride=1, rate=1, pad_first=False, **options):
    def layer(net, scope):
        if pad_first:
            net = striding.pad_for_kernel(net, kernel, rate)
        return convolution(net, depth, kernel, stride=stride, rate=rate, scope=scope, **options)

    return layer


def mobilenet_v1(
    inputs,
    num_classes=1000,
    dropout_keep_prob=0.999,
    is_training=True,
    min_depth=8,
    depth_multiplier=1.0,
    conv_defs=None,
    prediction_fn=slim.softmax,
    spatial_squeeze=True,
    reuse=None,
    scope='MobilenetV1',
    global_pool=False,
):
    """Build MobileNet v1; return its logits (pooled features without `num_classes`), end points."""
    with tf.variable_scope(scope, 'MobilenetV1', [inputs], reuse=reuse) as sc:
        with slim.arg_scope([layers.batch_norm, layers.dropout], is_training=is_training):
            net, end_points = mobilenet_v1_base(
                inputs,
                final_endpoint=None,
                min_depth=min_depth,
                depth_multiplier=depth_multiplier,
                conv_defs=conv_defs,
                scope=sc,
            )
            with tf.variable_scope('Logits'):
                net = _pool(net, global_pool, end_points)
                if not num_classes:
                    return net, end_points
                net = layers.dropout(net, keep_prob=dropout_keep_prob, scope='Dropout_1b')
                logits = _classify(net, num_classes, spatial_squeeze)
            end_points['Logits'] = logits
            if prediction_fn:
                end_points['Predictions'] = prediction_fn(logits, scope='Predictions')
    return logits, end_points


def _pool(net, global_pool, end_points):
    if global_pool:
        net = end_points['global_pool'] = tf.reduce_mean(
            net, [1, 2], keepdims=True, name='global_pool'
        )
    else:
        net = end_points['AvgPool_1a'] = slim.avg_pool2d(
            net, layers.small_kernel(net, [7, 7]), padding='VALID', scope='AvgPool_1a'
        )
    return net


def _classify(net, num_classes, spatial_squeeze):
    logits = slim.conv2d(
        net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope='Conv2d_1c_1x1'
    )
    return layers.squeeze_spatial(logits) if spatial_squeeze else logits


mobilenet_v1.default_image_size = model_specs.get_spec('mobilenet_v1').image_size


def _narrowed(depth_multiplier):
    narrowed = functools.partial(mobilenet_v1, depth_multiplier=depth_multiplier)
    return functools.update_wrapper(narrowed, mobilenet_v1)


mobilenet_v1_075 = _narrowed(0.75)
mobilenet_v1_050 = _narrowed(0.50)
mobilenet_v1_025 = _narrowed(0.25)


def mobilenet_v1_arg_scope(
    is_training=True,
    weight_decay=0.00004,
    stddev=0.09,
    regularize_depthwise=False,
    batch_norm_decay=0.9997,
    batch_norm_epsilon=0.001,
    batch_norm_updates_collections=tf.GraphKeys.UPDATE_OPS,
    normalizer_fn=layers.batch_norm,
):
    """Return the arg_scope of MobileNet's layers; None does not set `is_training`."""
    normalizer_options = {
        'center': True,
        'scale': True,
        'decay': batch_norm_decay,
        'epsilon': batch_norm_epsilon,
        'updates_collections': batch_norm_updates_collections,
    }
    if is_training is not None:
        normalizer_options['is_training'] = is_training
    decay = regularizers.l2(weight_decay)
    with slim.arg_scope(
        [slim.conv2d, slim.separable_conv2d],
        weights_initializer=tf.truncated_normal_initializer(stddev=stddev),
        activation_fn=tf.nn.relu6,
        normalizer_fn=normalizer_fn,
    ):
        with slim.arg_scope([normalizer_fn], **normalizer_options):
            with slim.arg_scope([slim.conv2d], weights_regularizer=decay):
                # Section 3.2: no weight decay for depthwise filters, which have few parameters.
                with slim.arg_scope(
                    [slim.separable_conv2d],
                    weights_regularizer=decay if regularize_depthwise else None,
                ) as scope:
                    return scope
