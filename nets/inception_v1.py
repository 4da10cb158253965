"""Inception v1, "GoogLeNet" (https://arxiv.org/abs/1409.4842), with batch norm and without the
auxiliary classifiers, as in the released checkpoint."""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import inception_utils, layers, model_specs
from nets.inception_utils import Conv, max_pool

inception_v1_arg_scope = inception_utils.inception_arg_scope


def _block(direct, middle, small, pooled, last_scope=None):
    """Return a block of the paper's Figure 2(b) from a row of its Table 1."""
    return (
        (Conv(direct),),
        (Conv(middle[0]), Conv(middle[1], 3)),
        # The paper says 5x5; the released network has 3x3.
        (Conv(small[0]), Conv(small[1], 3, scope=last_scope)),
        (max_pool(), Conv(pooled)),
    )


_ROOT = (
    ('Conv2d_1a_7x7', Conv(64, 7, 2)),  # 112 x 112 x 64
    ('MaxPool_2a_3x3', max_pool(3, 2)),  # 56 x 56 x 64
    ('Conv2d_2b_1x1', Conv(64)),  # 56 x 56 x 64
    ('Conv2d_2c_3x3', Conv(192, 3)),  # 56 x 56 x 192
    ('MaxPool_3a_3x3', max_pool(3, 2)),  # 28 x 28 x 192
)
_BLOCKS = (
    ('Mixed_3b', _block(64, (96, 128), (16, 32), 32)),  # 28 x 28 x 256
    ('Mixed_3c', _block(128, (128, 192), (32, 96), 64)),  # 28 x 28 x 480
    ('MaxPool_4a_3x3', max_pool(3, 2)),  # 14 x 14 x 480
    ('Mixed_4b', _block(192, (96, 208), (16, 48), 64)),  # 14 x 14 x 512
    ('Mixed_4c', _block(160, (112, 224), (24, 64), 64)),  # 14 x 14 x 512
    ('Mixed_4d', _block(128, (128, 256), (24, 64), 64)),  # 14 x 14 x 512
    ('Mixed_4e', _block(112, (144, 288), (32, 64), 64)),  # 14 x 14 x 528
    ('Mixed_4f', _block(256, (160, 320), (32, 128), 128)),  # 14 x 14 x 832
    ('MaxPool_5a_2x2', max_pool(2, 2)),  # 7 x 7 x 832
    ('Mixed_5b', _block(256, (160, 320), (32, 128), 128, 'Conv2d_0a_3x3')),  # 7 x 7 x 832
    ('Mixed_5c', _block(384, (192, 384), (48, 128), 128)),  # 7 x 7 x 1024
)


def inception_v1_base(
    inputs, final_endpoint='Mixed_5c', include_root_block=True, scope='InceptionV1'
):
    """Build the network up to `final_endpoint`; return its result and all end points.

    Without the root block, `inputs` is the feature map for the first Inception block.
    """
    rows = _ROOT + _BLOCKS if include_root_block else _BLOCKS
    with tf.variable_scope(scope, 'InceptionV1', [inputs]):
        with slim.arg_scope(
            [slim.conv2d, slim.fully_connected],
            weights_initializer=tf.truncated_normal_initializer(0.0, 0.01),
        ):
            return layers.build(
                inputs, inception_utils.named_layers(rows), 'Inception v1', final_endpoint
            )


def inception_v1(
    inputs,
    num_classes=1000,
    is_training=True,
    dropout_keep_prob=0.8,
    prediction_fn=slim.softmax,
    spatial_squeeze=True,
    reuse=None,
    scope='InceptionV1',
    global_pool=False,
):
    """Build the classifier; return logits (pooled features without `num_classes`), end points."""
    with tf.variable_scope(scope, 'InceptionV1', [inputs], reuse=reuse) as scope:
        with inception_utils.training_scope(is_training):
            net, end_points = inception_v1_base(inputs, scope=scope)
            with tf.variable_scope('Logits'):
                if global_pool:
                    net = inception_utils.global_average(net, end_points)
                else:
                    kernel = layers.small_kernel(net, [7, 7])
                    net = slim.avg_pool2d(net, kernel, stride=1, scope='AvgPool_0a_7x7')
                    end_points['AvgPool_0a_7x7'] = net
                if not num_classes:
                    return net, end_points
                net = layers.dropout(net, dropout_keep_prob, scope='Dropout_0b')
                logits = inception_utils.convolutional_logits(
                    net, num_classes, 'Conv2d_0c_1x1', spatial_squeeze
                )
                end_points['Logits'] = logits
                end_points['Predictions'] = prediction_fn(logits, scope='Predictions')
    return logits, end_points


inception_v1.default_image_size = model_specs.get_spec('inception_v1').image_size
