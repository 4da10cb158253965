"""Inception v2, "BN-Inception" (https://arxiv.org/abs/1502.03167, Figure 5)."""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import inception_utils, layers, model_specs
from nets.inception_utils import Conv, avg_pool, max_pool

inception_v2_arg_scope = inception_utils.inception_arg_scope


def _block(direct, middle, double, pooled, pool=avg_pool):
    """Return a block that keeps the map's size; `double` is two 3x3 layers instead of a 5x5."""
    return (
        (Conv(direct),),
        (_reduce(middle[0]), Conv(middle[1], 3)),
        (_reduce(double[0]), Conv(double[1], 3), Conv(double[1], 3)),
        (pool(), Conv(pooled, stddev=0.1)),
    )


def _halving_block(middle, double):
    """Return a block that halves the sides of the map."""
    return (
        (_reduce(middle[0]), Conv(middle[1], 3, 2)),
        (_reduce(double[0]), Conv(double[1], 3), Conv(double[1], 3, 2)),
        (max_pool(3, 2),),
    )


def _reduce(depth):
    return Conv(depth, stddev=0.09)


_AFTER_FIRST = (
    ('MaxPool_2a_3x3', max_pool(3, 2)),  # 56 x 56 x 64
    ('Conv2d_2b_1x1', Conv(64, stddev=0.1)),  # 56 x 56 x 64
    ('Conv2d_2c_3x3', Conv(192, 3)),  # 56 x 56 x 192
    ('MaxPool_3a_3x3', max_pool(3, 2)),  # 28 x 28 x 192
)
_BLOCKS = (
    ('Mixed_3b', _block(64, (64, 64), (64, 96), 32)),  # 28 x 28 x 256
    ('Mixed_3c', _block(64, (64, 96), (64, 96), 64)),  # 28 x 28 x 320
    ('Mixed_4a', _halving_block((128, 160), (64, 96))),  # 14 x 14 x 576
    ('Mixed_4b', _block(224, (64, 96), (96, 128), 128)),  # 14 x 14 x 576
    ('Mixed_4c', _block(192, (96, 128), (96, 128), 128)),  # 14 x 14 x 576
    ('Mixed_4d', _block(160, (128, 160), (128, 160), 96)),  # 14 x 14 x 576
    ('Mixed_4e', _block(96, (128, 192), (160, 192), 96)),  # 14 x 14 x 576
    ('Mixed_5a', _halving_block((128, 192), (192, 256))),  # 7 x 7 x 1024
    ('Mixed_5b', _block(352, (192, 320), (160, 224), 128)),  # 7 x 7 x 1024
    ('Mixed_5c', _block(352, (192, 320), (192, 224), 128, max_pool)),  # 7 x 7 x 1024
)


def _first_layer(net, scope, depth, use_separable_conv):
    """Apply the first layer, which despite its name may be a separable convolution."""
    options = {
        'stride': 2,
        'padding': 'SAME',
        'weights_initializer': tf.truncated_normal_initializer(0.0, 1.0),
        'scope': scope,
    }
    if not use_separable_conv:
        return slim.conv2d(net, depth(64), 7, **options)
    # Three input channels need at most a third of the output channels each.
    depth_multiplier = min(int(depth(64) / 3), 8)
    return slim.separable_conv2d(net, depth(64), 7, depth_multiplier=depth_multiplier, **options)


def inception_v2_base(
    inputs,
    final_endpoint='Mixed_5c',
    min_depth=16,
    depth_multiplier=1.0,
    use_separable_conv=True,
    data_format='NHWC',
    include_root_block=True,
    scope=None,
):
    """Build the network up to `final_endpoint`; return its result and all end points.

    Without the root block, `inputs` is the feature map for the first Inception block.
    """
    depth = inception_utils.thinner(depth_multiplier, min_depth)
    if data_format not in ('NHWC', 'NCHW'):
        raise ValueError(f'data_format must be NHWC or NCHW, not {data_format!r}')
    if include_root_block and use_separable_conv and data_format != 'NHWC':
        raise ValueError('the separable convolution needs the data format NHWC')
    rows = _AFTER_FIRST + _BLOCKS if include_root_block else _BLOCKS
    named_layers = inception_utils.named_layers(rows, depth, axis=data_format.index('C'))
    if include_root_block:

        def first(net, scope):
            return _first_layer(net, scope, depth, use_separable_conv)

        named_layers.insert(0, layers.NamedLayer('Conv2d_1a_7x7', first))  # 112 x 112 x 64
    formatted = [slim.conv2d, slim.max_pool2d, slim.avg_pool2d, layers.batch_norm]
    with tf.variable_scope(scope, 'InceptionV2', [inputs]):
        with slim.arg_scope(formatted, data_format=data_format):
            return layers.build(inputs, named_layers, 'Inception v2', final_endpoint, data_format)


def inception_v2(
    inputs,
    num_classes=1000,
    is_training=True,
    dropout_keep_prob=0.8,
    min_depth=16,
    depth_multiplier=1.0,
    prediction_fn=slim.softmax,
    spatial_squeeze=True,
    reuse=None,
    scope='InceptionV2',
    global_pool=False,
):
    """Build the classifier; return logits (pooled features without `num_classes`), end points."""
    with tf.variable_scope(scope, 'InceptionV2', [inputs], reuse=reuse) as scope:
        with inception_utils.training_scope(is_training):
            net, end_points = inception_v2_base(
                inputs, min_depth=min_depth, depth_multiplier=depth_multiplier, scope=scope
            )
            logits = inception_utils.pooled_logits(
                net,
                end_points,
                num_classes,
                [7, 7],
                dropout_keep_prob,
                spatial_squeeze,
                'global_pool' if global_pool else None,
            )
            if not num_classes:
                return logits, end_points
        end_points['Predictions'] = prediction_fn(logits, scope='Predictions')
    return logits, end_points


inception_v2.default_image_size = model_specs.get_spec('inception_v2').image_size
