"""ResNet v1: 'Deep residual learning for image recognition'.

He, Zhang, Ren and Sun, arXiv:1512.03385. The networks take images of any size; `output_stride`
(4, 8, 16 or 32) keeps the feature map larger than 1/32 of the image, for dense prediction.
"""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import resnet_utils
from nets.resnet_utils import Variant

resnet_arg_scope = resnet_utils.resnet_arg_scope

VARIANTS = {
    'resnet_v1_50': Variant((3, 4, 6, 3)),  # Table 1
    'resnet_v1_101': Variant((3, 4, 23, 3)),  # Table 1
    'resnet_v1_152': Variant((3, 8, 36, 3)),  # Table 1
    'resnet_v1_200': Variant((3, 24, 36, 3)),  # arXiv:1603.05027, table 5
    # Table 1, as torchvision and timm build it.
    'resnet_v1b_50': Variant((3, 4, 6, 3), strides_first=True, pads_equally=True),
    'resnet_v1b_101': Variant((3, 4, 23, 3), strides_first=True, pads_equally=True),
    'resnet_v1b_152': Variant((3, 8, 36, 3), strides_first=True, pads_equally=True),
}


@slim.add_arg_scope
def bottleneck(
    inputs,
    depth,
    depth_bottleneck,
    stride,
    rate=1,
    outputs_collections=None,
    scope=None,
    use_bounded_activations=False,
):
    """Build the unit of figure 5 (right): 1x1, 3x3, 1x1, added to the shortcut before the ReLU.

    With `use_bounded_activations` all values are within [-6, 6], for fixed-point inference.
    """
    with tf.variable_scope(scope, 'bottleneck_v1', [inputs]) as sc:
        shortcut = resnet_utils.shortcut(
            inputs,
            inputs,
            depth,
            stride,
            activation_fn=tf.nn.relu6 if use_bounded_activations else None,
        )
        residual = resnet_utils.narrow_convolutions(inputs, depth_bottleneck, stride, rate)
        residual = slim.conv2d(residual, depth, [1, 1], stride=1, activation_fn=None, scope='conv3')
        if use_bounded_activations:
            output = tf.nn.relu6(shortcut + tf.clip_by_value(residual, -6.0, 6.0))
        else:
            output = tf.nn.relu(shortcut + residual)
        return slim.utils.collect_named_outputs(outputs_collections, sc.name, output)


def resnet_v1_block(scope, base_depth, num_units, stride, strides_first=False):
    """Return a Block of `num_units` units of 4 * `base_depth` channels.

    The last unit has the `stride`, or the first one if `strides_first` is true.
    """
    return resnet_utils.bottleneck_block(
        scope, bottleneck, base_depth, num_units, stride, strides_first
    )


def resnet_v1(
    inputs,
    blocks,
    num_classes=None,
    is_training=True,
    global_pool=True,
    output_stride=None,
    include_root_block=True,
    spatial_squeeze=True,
    store_non_strided_activations=False,
    reuse=None,
    scope=None,
    pads_equally=False,
):
    """Build a network of `blocks`; return its logits (features without `num_classes`), end points.

    If `is_training` is None, the outer arg_scope sets the mode of batch norm. `pads_equally` is
    explained in `resnet_utils.Variant`.
    """
    with tf.variable_scope(scope, 'resnet_v1', [inputs], reuse=reuse) as sc:
        with resnet_utils.recorded(sc, bottleneck), resnet_utils.training_mode(is_training):
            net = inputs
            if include_root_block:
                net, output_stride = resnet_utils.root_block(net, output_stride, pads_equally)
            net = resnet_utils.stack_blocks_dense(
                net, blocks, output_stride, store_non_strided_activations
            )
            return resnet_utils.classify(net, sc, num_classes, global_pool, spatial_squeeze)


def _variant(name):
    @resnet_utils.variant(name)
    def network(
        inputs,
        num_classes=None,
        is_training=True,
        global_pool=True,
        output_stride=None,
        spatial_squeeze=True,
        store_non_strided_activations=False,
        min_base_depth=8,
        depth_multiplier=1,
        reuse=None,
        scope=name,
    ):
        depths = [
            max(int(depth * depth_multiplier), min_base_depth) for depth in (64, 128, 256, 512)
        ]
        return resnet_v1(
            inputs,
            resnet_utils.network_blocks(resnet_v1_block, VARIANTS[name], depths),
            num_classes,
            is_training,
            global_pool=global_pool,
            output_stride=output_stride,
            spatial_squeeze=spatial_squeeze,
            store_non_strided_activations=store_non_strided_activations,
            reuse=reuse,
            scope=scope,
            pads_equally=VARIANTS[name].pads_equally,
        )

    return network


def _deep_variant(name):
    """Return a variant whose sixth and seventh parameters are swapped, as in TF-Slim."""
    variant = _variant(name)

    @resnet_utils.variant(name)
    def network(
        inputs,
        num_classes=None,
        is_training=True,
        global_pool=True,
        output_stride=None,
        store_non_strided_activations=False,
        spatial_squeeze=True,
        min_base_depth=8,
        depth_multiplier=1,
        reuse=None,
        scope=name,
    ):
        return variant(
            inputs,
            num_classes,
            is_training,
            global_pool,
            output_stride,
            spatial_squeeze,
            store_non_strided_activations,
            min_base_depth,
            depth_multiplier,
            reuse,
            scope,
        )

    return network


resnet_v1_50 = _variant('resnet_v1_50')
resnet_v1_101 = _variant('resnet_v1_101')
resnet_v1_152 = _deep_variant('resnet_v1_152')
resnet_v1_200 = _deep_variant('resnet_v1_200')
resnet_v1b_50 = _variant('resnet_v1b_50')
resnet_v1b_101 = _variant('resnet_v1b_101')
resnet_v1b_152 = _variant('resnet_v1b_152')
