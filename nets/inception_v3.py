"""Inception v3 (https://arxiv.org/abs/1512.00567)."""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import inception_utils, layers, model_specs
from nets.inception_utils import Conv, avg_pool, max_pool

inception_v3_arg_scope = inception_utils.inception_arg_scope


def _block_35(average, pooled, middle_scopes=(None, None)):
    """Return a block on the 35 x 35 grid (Figure 5)."""
    return (
        (Conv(64),),
        (Conv(48, scope=middle_scopes[0]), Conv(64, 5, scope=middle_scopes[1])),
        (Conv(64), Conv(96, 3), Conv(96, 3)),
        (average, Conv(pooled)),
    )


def _block_17(average, depth):
    """Return a block on the 17 x 17 grid (Figure 6), `depth` channels inside its branches."""
    wide, tall = (1, 7), (7, 1)
    return (
        (Conv(192),),
        (Conv(depth), Conv(depth, wide), Conv(192, tall)),
        (Conv(depth), Conv(depth, tall), Conv(depth, wide), Conv(depth, tall), Conv(192, wide)),
        (average, Conv(192)),
    )


def _block_8(average, tall_scope=None):
    """Return a block on the 8 x 8 grid (Figure 7)."""
    wide, tall = (1, 3), (3, 1)
    return (
        (Conv(320),),
        (Conv(384), [Conv(384, wide), Conv(384, tall, scope=tall_scope)]),
        (Conv(448), Conv(384, 3), [Conv(384, wide), Conv(384, tall)]),
        (average, Conv(192)),
    )


def _rows(average):
    """List the layers; `average` is the average pooling of the blocks."""
    return (
        ('Conv2d_1a_3x3', Conv(32, 3, 2, 'VALID')),  # 149 x 149 x 32
        ('Conv2d_2a_3x3', Conv(32, 3, 1, 'VALID')),  # 147 x 147 x 32
        ('Conv2d_2b_3x3', Conv(64, 3)),  # 147 x 147 x 64
        ('MaxPool_3a_3x3', max_pool(3, 2, 'VALID')),  # 73 x 73 x 64
        ('Conv2d_3b_1x1', Conv(80)),  # 73 x 73 x 80
        ('Conv2d_4a_3x3', Conv(192, 3, 1, 'VALID')),  # 71 x 71 x 192
        ('MaxPool_5a_3x3', max_pool(3, 2, 'VALID')),  # 35 x 35 x 192
        ('Mixed_5b', _block_35(average, 32)),  # 35 x 35 x 256
        ('Mixed_5c', _block_35(average, 64, ('Conv2d_0b_1x1', 'Conv_1_0c_5x5'))),  # 35 x 35 x 288
        ('Mixed_5d', _block_35(average, 64)),  # 35 x 35 x 288
        (
            'Mixed_6a',  # 17 x 17 x 768
            (
                (Conv(384, 3, 2, 'VALID', scope='Conv2d_1a_1x1'),),
                (Conv(64), Conv(96, 3), Conv(96, 3, 2, 'VALID', scope='Conv2d_1a_1x1')),
                (max_pool(3, 2, 'VALID'),),
            ),
        ),
        ('Mixed_6b', _block_17(average, 128)),  # 17 x 17 x 768
        ('Mixed_6c', _block_17(average, 160)),  # 17 x 17 x 768
        ('Mixed_6d', _block_17(average, 160)),  # 17 x 17 x 768
        ('Mixed_6e', _block_17(average, 192)),  # 17 x 17 x 768
        (
            'Mixed_7a',  # 8 x 8 x 1280
            (
                (Conv(192), Conv(320, 3, 2, 'VALID')),
                (Conv(192), Conv(192, (1, 7)), Conv(192, (7, 1)), Conv(192, 3, 2, 'VALID')),
                (max_pool(3, 2, 'VALID'),),
            ),
        ),
        ('Mixed_7b', _block_8(average, 'Conv2d_0b_3x1')),  # 8 x 8 x 2048
        ('Mixed_7c', _block_8(average)),  # 8 x 8 x 2048
    )


# torchvision and timm count the padding in the averages.
_AVERAGES = {'inception_v3': avg_pool(), 'inception_v3b': avg_pool(padding='ZEROS')}


def inception_v3_base(
    inputs,
    final_endpoint='Mixed_7c',
    min_depth=16,
    depth_multiplier=1.0,
    scope=None,
    variant='inception_v3',
):
    """Build the network up to `final_endpoint`; return its result and all end points."""
    named_layers = inception_utils.named_layers(
        _rows(_AVERAGES[variant]), inception_utils.thinner(depth_multiplier, min_depth)
    )
    with tf.variable_scope(scope, 'InceptionV3', [inputs]):
        return layers.build(inputs, named_layers, 'Inception v3', final_endpoint)


def _auxiliary_logits(net, num_classes, depth, spatial_squeeze):
    """Compute the logits of the auxiliary classifier (Section 4)."""
    with tf.variable_scope('AuxLogits'):
        kernel = layers.small_kernel(net, [5, 5])
        net = slim.avg_pool2d(net, kernel, stride=3, padding='VALID', scope='AvgPool_1a_5x5')
        net = slim.conv2d(net, depth(128), 1, scope='Conv2d_1b_1x1')
        kernel = layers.small_kernel(net, [5, 5])
        net = slim.conv2d(
            net,
            depth(768),
            kernel,
            weights_initializer=tf.truncated_normal_initializer(0.0, 0.01),
            padding='VALID',
            scope='Conv2d_2a_{}x{}'.format(*kernel),
        )
        return inception_utils.convolutional_logits(
            net,
            num_classes,
            'Conv2d_2b_1x1',
            spatial_squeeze,
            weights_initializer=tf.truncated_normal_initializer(0.0, 0.001),
        )


def inception_v3(
    inputs,
    num_classes=1000,
    is_training=True,
    dropout_keep_prob=0.8,
    min_depth=16,
    depth_multiplier=1.0,
    prediction_fn=slim.softmax,
    spatial_squeeze=True,
    reuse=None,
    create_aux_logits=True,
    scope='InceptionV3',
    global_pool=False,
    variant='inception_v3',
):
    """Build the classifier; return logits (pooled features without `num_classes`), end points."""
    depth = inception_utils.thinner(depth_multiplier, min_depth)
    with tf.variable_scope(scope, 'InceptionV3', [inputs], reuse=reuse) as scope:
        with inception_utils.training_scope(is_training):
            net, end_points = inception_v3_base(
                inputs,
                min_depth=min_depth,
                depth_multiplier=depth_multiplier,
                scope=scope,
                variant=variant,
            )
            if create_aux_logits and num_classes:
                end_points['AuxLogits'] = _auxiliary_logits(
                    end_points['Mixed_6e'], num_classes, depth, spatial_squeeze
                )
            logits = inception_utils.pooled_logits(
                net,
                end_points,
                num_classes,
                [8, 8],
                dropout_keep_prob,
                spatial_squeeze,
                'GlobalPool' if global_pool else None,
            )
            if not num_classes:
                return logits, end_points
        end_points['Predictions'] = prediction_fn(logits, scope='Predictions')
    return logits, end_points


def inception_v3b(inputs, num_classes=1000, is_training=True, **options):
    """Build the classifier as torchvision and timm do; the options are those of `inception_v3`."""
    return inception_v3(inputs, num_classes, is_training, variant='inception_v3b', **options)


inception_v3.default_image_size = model_specs.get_spec('inception_v3').image_size
inception_v3b.default_image_size = model_specs.get_spec('inception_v3b').image_size
