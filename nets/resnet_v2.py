"""ResNet v2: 'Identity mappings in deep residual networks'.

He, Zhang, Ren and Sun, arXiv:1603.05027. Normalisation and ReLU come before each convolution, so
that the shortcut does not change its values. Image sizes and `output_stride` are as in
v1.
"""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import layers, resnet_utils
from nets.resnet_utils import Variant

resnet_arg_scope = resnet_utils.resnet_arg_scope

VARIANTS = {  # Units per block; 50 to 152 as in arXiv:1512.03385, table 1.
    'resnet_v2_50': Variant((3, 4, 6, 3)),
    'resnet_v2_101': Variant((3, 4, 23, 3)),
    'resnet_v2_152': Variant((3, 8, 36, 3)),
    'resnet_v2_200': Variant((3, 24, 36, 3)),  # Table 5
    # As Keras builds them.
    'resnet_v2b_50': Variant((3, 4, 6, 3), pads_equally=True),
    'resnet_v2b_101': Variant((3, 4, 23, 3), pads_equally=True),
    'resnet_v2b_152': Variant((3, 8, 36, 3), pads_equally=True),
}
_PLAIN = {'activation_fn': None, 'normalizer_fn': None}


@slim.add_arg_scope
def bottleneck(
    inputs, depth, depth_bottleneck, stride, rate=1, outputs_collections=None, scope=None
):
    """Build the unit of figure 4 (e), full pre-activation, in its bottleneck form."""
    with tf.variable_scope(scope, 'bottleneck_v2', [inputs]) as sc:
        active = layers.batch_norm(inputs, activation_fn=tf.nn.relu, scope='preact')
        shortcut = resnet_utils.shortcut(inputs, active, depth, stride, **_PLAIN)
        residual = resnet_utils.narrow_convolutions(active, depth_bottleneck, stride, rate)
        residual = slim.conv2d(residual, depth, [1, 1], stride=1, scope='conv3', **_PLAIN)
        output = shortcut + residual
        return slim.utils.collect_named_outputs(outputs_collections, sc.name, output)


def resnet_v2_block(scope, base_depth, num_units, stride, strides_first=False):
    """Return a Block of `num_units` units of 4 * `base_depth` channels.

    The last unit has the `stride`, or the first one if `strides_first` is true.
    """
    return resnet_utils.bottleneck_block(
        scope, bottleneck, base_depth, num_units, stride, strides_first
    )


def resnet_v2(
    inputs,
    blocks,
    num_classes=None,
    is_training=True,
    global_pool=True,
    output_stride=None,
    include_root_block=True,
    spatial_squeeze=True,
    reuse=None,
    scope=None,
    pads_equally=False,
):
    """Build a network of `blocks`; return its logits (features without `num_classes`), end points.

    If `is_training` is None, the outer arg_scope sets the mode of batch norm. `pads_equally` is
    explained in `resnet_utils.Variant`.
    """
    with tf.variable_scope(scope, 'resnet_v2', [inputs], reuse=reuse) as sc:
        with resnet_utils.recorded(sc, bottleneck), resnet_utils.training_mode(is_training):
            net = inputs
            if include_root_block:
                # The first unit normalises its input.
                with slim.arg_scope([slim.conv2d], **_PLAIN):
                    net, output_stride = resnet_utils.root_block(net, output_stride, pads_equally)
            net = resnet_utils.stack_blocks_dense(net, blocks, output_stride)
            net = layers.batch_norm(net, activation_fn=tf.nn.relu, scope='postnorm')
            return resnet_utils.classify(net, sc, num_classes, global_pool, spatial_squeeze)


def _variant(name):
    blocks = resnet_utils.network_blocks(resnet_v2_block, VARIANTS[name])

    @resnet_utils.variant(name)
    def network(
        inputs,
        num_classes=None,
        is_training=True,
        global_pool=True,
        output_stride=None,
        spatial_squeeze=True,
        reuse=None,
        scope=name,
    ):
        return resnet_v2(
            inputs,
            blocks,
            num_classes,
            is_training,
            global_pool=global_pool,
            output_stride=output_stride,
            spatial_squeeze=spatial_squeeze,
            reuse=reuse,
            scope=scope,
            pads_equally=VARIANTS[name].pads_equally,
        )

    return network


resnet_v2_50 = _variant('resnet_v2_50')
resnet_v2_101 = _variant('resnet_v2_101')
resnet_v2_152 = _variant('resnet_v2_152')
resnet_v2_200 = _variant('resnet_v2_200')
resnet_v2b_50 = _variant('resnet_v2b_50')
resnet_v2b_101 = _variant('resnet_v2b_101')
resnet_v2b_152 = _variant('resnet_v2b_152')
