"""Inception v4 (https://arxiv.org/abs/1602.07261)."""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import inception_utils, layers, model_specs
from nets.inception_utils import Conv, avg_pool, max_pool

inception_v4_arg_scope = inception_utils.inception_arg_scope

_WIDE_7, _TALL_7, _WIDE_3, _TALL_3 = (1, 7), (7, 1), (1, 3), (3, 1)

# The stem (Figure 3) in three parts.
_STEM_3A = (
    (max_pool(3, 2, 'VALID', scope='MaxPool_0a_3x3'),),
    (Conv(96, 3, 2, 'VALID', scope='Conv2d_0a_3x3'),),
)
_STEM_4A = (
    (Conv(64), Conv(96, 3, 1, 'VALID')),
    (Conv(64), Conv(64, _WIDE_7), Conv(64, _TALL_7), Conv(96, 3, 1, 'VALID')),
)
_STEM_5A = ((Conv(192, 3, 2, 'VALID'),), (max_pool(3, 2, 'VALID'),))
_INCEPTION_A = (  # Figure 4
    (Conv(96),),
    (Conv(64), Conv(96, 3)),
    (Conv(64), Conv(96, 3), Conv(96, 3)),
    (avg_pool(), Conv(96)),
)
_REDUCTION_A = (  # Figure 7
    (Conv(384, 3, 2, 'VALID'),),
    (Conv(192), Conv(224, 3), Conv(256, 3, 2, 'VALID')),
    (max_pool(3, 2, 'VALID'),),
)
_INCEPTION_B = (  # Figure 5
    (Conv(384),),
    (Conv(192), Conv(224, _WIDE_7), Conv(256, _TALL_7)),
    (Conv(192), Conv(192, _TALL_7), Conv(224, _WIDE_7), Conv(224, _TALL_7), Conv(256, _WIDE_7)),
    (avg_pool(), Conv(128)),
)
_REDUCTION_B = (  # Figure 8
    (Conv(192), Conv(192, 3, 2, 'VALID')),
    (Conv(256), Conv(256, _WIDE_7), Conv(320, _TALL_7), Conv(320, 3, 2, 'VALID')),
    (max_pool(3, 2, 'VALID'),),
)


def _inception_c(average):
    return (  # Figure 6
        (Conv(256),),
        (Conv(384), [Conv(256, _WIDE_3), Conv(256, _TALL_3)]),
        (
            Conv(384),
            Conv(448, _TALL_3),
            Conv(512, _WIDE_3),
            [Conv(256, _WIDE_3), Conv(256, _TALL_3)],
        ),
        (average, Conv(256)),
    )


# InceptionV4-PyTorch counts the padding in the averages of these blocks alone.
_INCEPTION_C = {
    'inception_v4': _inception_c(avg_pool()),
    'inception_v4b': _inception_c(avg_pool(padding='ZEROS')),
}


def _rows(variant):
    return (
        ('Conv2d_1a_3x3', Conv(32, 3, 2, 'VALID')),  # 149 x 149 x 32
        ('Conv2d_2a_3x3', Conv(32, 3, 1, 'VALID')),  # 147 x 147 x 32
        ('Conv2d_2b_3x3', Conv(64, 3)),  # 147 x 147 x 64
        ('Mixed_3a', _STEM_3A),  # 73 x 73 x 160
        ('Mixed_4a', _STEM_4A),  # 71 x 71 x 192
        ('Mixed_5a', _STEM_5A),  # 35 x 35 x 384
        *((f'Mixed_5{letter}', _INCEPTION_A) for letter in 'bcde'),  # 35 x 35 x 384
        ('Mixed_6a', _REDUCTION_A),  # 17 x 17 x 1024
        *((f'Mixed_6{letter}', _INCEPTION_B) for letter in 'bcdefgh'),  # 17 x 17 x 1024
        ('Mixed_7a', _REDUCTION_B),  # 8 x 8 x 1536
        *((f'Mixed_7{letter}', _INCEPTION_C[variant]) for letter in 'bcd'),  # 8 x 8 x 1536
    )


def _block(inputs, branches, default_scope, scope, reuse):
    with tf.variable_scope(scope, default_scope, [inputs], reuse=reuse):
        return inception_utils.join(inputs, branches)


def block_inception_a(inputs, scope=None, reuse=None):
    """Build a block of the 35 x 35 grid."""
    return _block(inputs, _INCEPTION_A, 'BlockInceptionA', scope, reuse)


def block_reduction_a(inputs, scope=None, reuse=None):
    """Build the block that reduces the 35 x 35 grid to 17 x 17."""
    return _block(inputs, _REDUCTION_A, 'BlockReductionA', scope, reuse)


def block_inception_b(inputs, scope=None, reuse=None):
    """Build a block of the 17 x 17 grid."""
    return _block(inputs, _INCEPTION_B, 'BlockInceptionB', scope, reuse)


def block_reduction_b(inputs, scope=None, reuse=None):
    """Build the block that reduces the 17 x 17 grid to 8 x 8."""
    return _block(inputs, _REDUCTION_B, 'BlockReductionB', scope, reuse)


def block_inception_c(inputs, scope=None, reuse=None):
    """Build a block of the 8 x 8 grid."""
    return _block(inputs, _INCEPTION_C['inception_v4'], 'BlockInceptionC', scope, reuse)


def inception_v4_base(inputs, final_endpoint='Mixed_7d', scope=None, variant='inception_v4'):
    """Build the network up to `final_endpoint`; return its result and all end points."""
    with tf.variable_scope(scope, 'InceptionV4', [inputs]):
        named_layers = inception_utils.named_layers(_rows(variant))
        return layers.build(inputs, named_layers, 'Inception v4', final_endpoint)


def inception_v4(
    inputs,
    num_classes=1001,
    is_training=True,
    dropout_keep_prob=0.8,
    reuse=None,
    scope='InceptionV4',
    create_aux_logits=True,
    variant='inception_v4',
):
    """Build the classifier; return logits (pooled features without `num_classes`), end points."""
    with tf.variable_scope(scope, 'InceptionV4', [inputs], reuse=reuse) as scope:
        with inception_utils.training_scope(is_training):
            net, end_points = inception_v4_base(inputs, scope=scope, variant=variant)
            if create_aux_logits and num_classes:
                end_points['AuxLogits'] = inception_utils.dense_auxiliary_logits(
                    end_points['Mixed_6h'],
                    num_classes,
                    pool_scope='AvgPool_1a_5x5',
                    reduce_scope='Conv2d_2a',
                    logits_scope='Aux_logits',
                )
            with tf.variable_scope('Logits'):
                net = inception_utils.whole_map_average(net, end_points, 'AvgPool_1a')
                if not num_classes:
                    return net, end_points
                net = layers.dropout(net, dropout_keep_prob, scope='Dropout_1b')
                net = slim.flatten(net, scope='PreLogitsFlatten')
                end_points['PreLogitsFlatten'] = net
                logits = inception_utils.dense_logits(net, end_points, num_classes)
    return logits, end_points


def inception_v4b(inputs, num_classes=1000, is_training=True, **options):
    """Build the classifier as InceptionV4-PyTorch does; the options are those of `inception_v4`."""
    return inception_v4(inputs, num_classes, is_training, variant='inception_v4b', **options)


inception_v4.default_image_size = model_specs.get_spec('inception_v4').image_size
inception_v4b.default_image_size = model_specs.get_spec('inception_v4b').image_size
