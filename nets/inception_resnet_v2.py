"""Inception-ResNet v2 (https://arxiv.org/abs/1602.07261), as its checkpoint was released."""

from functools import partial

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import inception_utils, layers, model_specs, regularizers
from nets.inception_utils import Conv, avg_pool, max_pool

_BLOCK_35 = (  # Figure 16
    (Conv(32, scope='Conv2d_1x1'),),
    (Conv(32), Conv(32, 3)),
    (Conv(32), Conv(48, 3), Conv(64, 3)),
)
_BLOCK_17 = (  # Figure 17
    (Conv(192, scope='Conv2d_1x1'),),
    (Conv(128), Conv(160, (1, 7)), Conv(192, (7, 1))),
)
_BLOCK_8 = (  # Figure 19
    (Conv(192, scope='Conv2d_1x1'),),
    (Conv(192), Conv(224, (1, 3)), Conv(256, (3, 1))),
)
_MIXED_5B = (
    (Conv(96, scope='Conv2d_1x1'),),
    (Conv(48), Conv(64, 5)),
    (Conv(64), Conv(96, 3), Conv(96, 3)),
    (avg_pool(), Conv(64)),
)


def inception_resnet_v2_arg_scope(
    weight_decay=0.00004,
    batch_norm_decay=0.9997,
    batch_norm_epsilon=0.001,
    activation_fn=tf.nn.relu,
    batch_norm_updates_collections=tf.GraphKeys.UPDATE_OPS,
    batch_norm_scale=False,
):
    """Return the arg_scope of the released training, with weight decay on biases too."""
    regularizer = regularizers.l2(weight_decay)
    with slim.arg_scope(
        [slim.conv2d, slim.fully_connected],
        weights_regularizer=regularizer,
        biases_regularizer=regularizer,
    ):
        with slim.arg_scope(
            [slim.conv2d],
            activation_fn=activation_fn,
            normalizer_fn=layers.batch_norm,
        ):
            with slim.arg_scope(
                [layers.batch_norm],
                decay=batch_norm_decay,
                epsilon=batch_norm_epsilon,
                updates_collections=batch_norm_updates_collections,
                scale=batch_norm_scale,
            ) as scope:
                return scope


def _residual(net, branches, scale, activation_fn):
    """Add the scaled result of `branches` to `net` (Section 3.3), in the current scope."""
    joined = inception_utils.join(net, branches)
    depth = net.shape.as_list()[3]
    added = slim.conv2d(
        joined, depth, 1, normalizer_fn=None, activation_fn=None, scope='Conv2d_1x1'
    )
    added *= scale
    if activation_fn == tf.nn.relu6:
        # Limit the residual to the range of relu6.
        added = tf.clip_by_value(added, -6.0, 6.0)
    net += added
    return activation_fn(net) if activation_fn else net


def block35(net, scale=1.0, activation_fn=tf.nn.relu, scope=None, reuse=None):
    """Build a residual block of the 35 x 35 grid."""
    with tf.variable_scope(scope, 'Block35', [net], reuse=reuse):
        return _residual(net, _BLOCK_35, scale, activation_fn)


def block17(net, scale=1.0, activation_fn=tf.nn.relu, scope=None, reuse=None):
    """Build a residual block of the 17 x 17 grid."""
    with tf.variable_scope(scope, 'Block17', [net], reuse=reuse):
        return _residual(net, _BLOCK_17, scale, activation_fn)


def block8(net, scale=1.0, activation_fn=tf.nn.relu, scope=None, reuse=None):
    """Build a residual block of the 8 x 8 grid."""
    with tf.variable_scope(scope, 'Block8', [net], reuse=reuse):
        return _residual(net, _BLOCK_8, scale, activation_fn)


def _stem(padding):
    return (
        ('Conv2d_1a_3x3', Conv(32, 3, 2, padding)),  # 149 x 149 x 32
        ('Conv2d_2a_3x3', Conv(32, 3, 1, padding)),  # 147 x 147 x 32
        ('Conv2d_2b_3x3', Conv(64, 3)),  # 147 x 147 x 64
        ('MaxPool_3a_3x3', max_pool(3, 2, padding)),  # 73 x 73 x 64
        ('Conv2d_3b_1x1', Conv(80, 1, 1, padding)),  # 73 x 73 x 80
        ('Conv2d_4a_3x3', Conv(192, 3, 1, padding)),  # 71 x 71 x 192
        ('MaxPool_5a_3x3', max_pool(3, 2, padding)),  # 35 x 35 x 192
        ('Mixed_5b', _MIXED_5B),  # 35 x 35 x 320
    )


def _reduction_a(padding, stride):
    """Return the block that reduces the 35 x 35 grid to 17 x 17, unless `stride` is 1."""
    scope = 'Conv2d_1a_3x3'
    return (
        (Conv(384, 3, stride, padding, scope=scope),),
        (Conv(256), Conv(256, 3), Conv(384, 3, stride, padding, scope=scope)),
        (max_pool(3, stride, padding, scope='MaxPool_1a_3x3'),),
    )


def _reduction_b(padding):
    """Return the block that reduces the 17 x 17 grid to 8 x 8."""
    return (
        (Conv(256), Conv(384, 3, 2, padding)),
        (Conv(256), Conv(288, 3, 2, padding)),
        (Conv(256), Conv(288, 3), Conv(320, 3, 2, padding)),
        (max_pool(3, 2, padding),),
    )


def _repeat(net, scope, block, name, times, **options):
    with tf.variable_scope(scope):
        for number in range(1, times + 1):
            net = block(net, scope=f'{name}_{number}', **options)
    return net


def _mixed_6a(net, scope, branches, activation_fn):
    net = _repeat(net, 'Repeat', block35, 'block35', 10, scale=0.17, activation_fn=activation_fn)
    return inception_utils.mixed(net, branches, scope)


def _pre_auxiliary(net, scope, rate, activation_fn):
    with slim.arg_scope([slim.conv2d], rate=rate):
        return _repeat(
            net, 'Repeat_1', block17, 'block17', 20, scale=0.10, activation_fn=activation_fn
        )


def _conv2d_7b(net, scope, activation_fn):
    net = _repeat(net, 'Repeat_2', block8, 'block8', 9, scale=0.20, activation_fn=activation_fn)
    net = block8(net, activation_fn=None, scope='Block8')
    return slim.conv2d(net, 1536, 1, scope=scope)


def inception_resnet_v2_base(
    inputs,
    final_endpoint='Conv2d_7b_1x1',
    output_stride=16,
    align_feature_maps=False,
    scope=None,
    activation_fn=tf.nn.relu,
):
    """Build the network up to `final_endpoint`; return its result and all end points.

    With an `output_stride` of 8, layers dilate instead of striding, and the network ends at
    'PreAuxLogits'. With `align_feature_maps` every layer pads.
    """
    if output_stride not in (8, 16):
        raise ValueError(f'output_stride must be 8 or 16, not {output_stride}')
    dilates = output_stride == 8
    if dilates and final_endpoint in ('Mixed_7a', 'Conv2d_7b_1x1'):
        raise ValueError(
            f'with output_stride 8 the last end point is PreAuxLogits, not {final_endpoint}'
        )
    padding = 'SAME' if align_feature_maps else 'VALID'
    reduction = _reduction_a(padding, 1 if dilates else 2)
    activation = {'activation_fn': activation_fn}
    named_layers = [
        *inception_utils.named_layers(_stem(padding)),
        layers.NamedLayer(
            'Mixed_6a',  # 17 x 17 x 1088
            partial(_mixed_6a, branches=reduction, **activation),
            inception_utils.windows(reduction),
        ),
        layers.NamedLayer('PreAuxLogits', partial(_pre_auxiliary, rate=1 + dilates, **activation)),
        inception_utils.named_layer('Mixed_7a', _reduction_b(padding)),  # 8 x 8 x 2080
        layers.NamedLayer('Conv2d_7b_1x1', partial(_conv2d_7b, **activation)),  # 8 x 8 x 1536
    ]
    with tf.variable_scope(scope, 'InceptionResnetV2', [inputs]):
        return layers.build(inputs, named_layers, 'Inception-ResNet v2', final_endpoint)


def inception_resnet_v2(
    inputs,
    num_classes=1001,
    is_training=True,
    dropout_keep_prob=0.8,
    reuse=None,
    scope='InceptionResnetV2',
    create_aux_logits=True,
    activation_fn=tf.nn.relu,
):
    """Build the classifier; return logits (pooled features without `num_classes`), end points."""
    with tf.variable_scope(scope, 'InceptionResnetV2', [inputs], reuse=reuse) as scope:
        with inception_utils.training_scope(is_training):
            net, end_points = inception_resnet_v2_base(
                inputs, scope=scope, activation_fn=activation_fn
            )
            if create_aux_logits and num_classes:
                end_points['AuxLogits'] = inception_utils.dense_auxiliary_logits(
                    end_points['PreAuxLogits'],
                    num_classes,
                    pool_scope='Conv2d_1a_3x3',
                    reduce_scope='Conv2d_2a_5x5',
                    logits_scope='Logits',
                )
            with tf.variable_scope('Logits'):
                net = inception_utils.whole_map_average(net, end_points, 'AvgPool_1a_8x8')
                if not num_classes:
                    return net, end_points
                net = layers.dropout(slim.flatten(net), dropout_keep_prob, scope='Dropout')
                end_points['PreLogitsFlatten'] = net
                logits = inception_utils.dense_logits(net, end_points, num_classes)
    return logits, end_points


inception_resnet_v2.default_image_size = model_specs.get_spec('inception_resnet_v2').image_size
