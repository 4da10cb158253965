"""The common parts of ResNet v1 and v2: blocks of units, and the first and last layers.

A network is a list of Blocks, each a list of units. With an `output_stride`, the feature map is
this many times smaller than the image; see `striding.Resolution`.
"""

import collections

import tensorflow.compat.v1 as tf
import tf_slim as slim

from common.errors import UserError
from nets import layers, model_specs, regularizers, striding


class Variant(
    collections.namedtuple('Variant', 'units strides_first pads_equally', defaults=(False, False))
):
    """A row of a table: the number of units per block, and what the forms of a network differ in.

    `strides_first`: the stride of a block is in its first unit, otherwise in its last one.
    `pads_equally`: pool1 is padded with zeros by one pixel on each side, otherwise as 'SAME' does.
    """


class Block(collections.namedtuple('Block', ['scope', 'unit_fn', 'args'])):
    """A stage: its variable scope, the function of its units, and a dictionary per unit."""


def bottleneck_block(scope, unit_fn, base_depth, num_units, stride, strides_first=False):
    """Return a Block of bottleneck units (table 1 of both papers), one of them with `stride`."""
    # The papers have the stride in the first unit of a block, TF-Slim's weights in the last.
    ones = [1] * (num_units - 1)
    strides = [stride, *ones] if strides_first else [*ones, stride]
    depths = {'depth': 4 * base_depth, 'depth_bottleneck': base_depth}
    return Block(scope, unit_fn, [{**depths, 'stride': each} for each in strides])


def network_blocks(block_fn, variant, depths=(64, 128, 256, 512)):
    """Return the four Blocks of a network; their strides are those of the weights."""
    strides = (1, 2, 2, 2) if variant.strides_first else (2, 2, 2, 1)
    rows = zip(depths, variant.units, strides, strict=True)
    return [
        block_fn(f'block{number}', *row, variant.strides_first)
        for number, row in enumerate(rows, start=1)
    ]


def variant(name):
    """Set the name of a network function that is made from a row of a table."""

    def decorate(network):
        network.__name__ = network.__qualname__ = name
        network.__doc__ = f'Build {name}; return its logits (or features) and end points.'
        network.default_image_size = model_specs.get_spec(name).image_size
        return network

    return decorate


def subsample(inputs, factor, scope=None):
    """Keep every `factor`-th row and column."""
    if factor == 1:
        return inputs
    return slim.max_pool2d(inputs, [1, 1], stride=factor, scope=scope)


def conv2d_same(inputs, num_outputs, kernel_size, stride, rate=1, scope=None):
    """Apply a convolution equal to one of stride 1 followed by `subsample`, for any image size."""
    if stride != 1:
        inputs = striding.pad_for_kernel(inputs, kernel_size, rate)
    return slim.conv2d(
        inputs,
        num_outputs,
        kernel_size,
        stride=stride,
        rate=rate,
        padding='SAME' if stride == 1 else 'VALID',
        scope=scope,
    )


def shortcut(inputs, source, depth, stride, **convolution):
    """Return the inputs, or a projection of `source` if the depth changes."""
    if depth == slim.utils.last_dimension(inputs.shape, min_rank=4):
        return subsample(inputs, stride, 'shortcut')
    return slim.conv2d(source, depth, [1, 1], stride=stride, scope='shortcut', **convolution)


def narrow_convolutions(inputs, depth_bottleneck, stride, rate):
    """Build the first two convolutions of a bottleneck: 1x1 to fewer channels, then 3x3."""
    net = slim.conv2d(inputs, depth_bottleneck, [1, 1], stride=1, scope='conv1')
    return conv2d_same(net, depth_bottleneck, 3, stride, rate=rate, scope='conv2')


@slim.add_arg_scope
def stack_blocks_dense(
    net, blocks, output_stride=None, store_non_strided_activations=False, outputs_collections=None
):
    """Build the blocks in order; the result is at most `output_stride` times smaller than `net`.

    With `store_non_strided_activations`, the output of a block is recorded before its stride.
    """
    resolution = striding.Resolution(output_stride)
    for block in blocks:
        with tf.variable_scope(block.scope, 'block', [net]) as sc:
            late_stride = 1
            for number, unit in enumerate(block.args, start=1):
                if store_non_strided_activations and number == len(block.args):
                    late_stride = unit.get('stride', 1)
                    unit = {**unit, 'stride': 1}
                with tf.variable_scope(f'unit_{number}', values=[net]):
                    stride, rate = resolution.take(unit.get('stride', 1))
                    net = block.unit_fn(net, **{**unit, 'stride': stride, 'rate': rate})
            net = slim.utils.collect_named_outputs(outputs_collections, sc.name, net)
            net = subsample(net, resolution.take(late_stride)[0])
    resolution.check_reached()
    return net


def root_block(inputs, output_stride, pads_equally=False):
    """Build the layers before the blocks; also return the remaining `output_stride`."""
    if output_stride is not None:
        if output_stride % 4:
            raise UserError(f'output_stride={output_stride}: must be a multiple of 4')
        output_stride //= 4
    net = conv2d_same(inputs, 64, 7, stride=2, scope='conv1')
    padding = {}
    if pads_equally:
        net, padding = striding.pad_for_kernel(net, 3), {'padding': 'VALID'}
    return slim.max_pool2d(net, [3, 3], stride=2, scope='pool1', **padding), output_stride


def recorded(sc, unit_fn):
    """Return a scope in which convolutions, units and blocks are recorded as end points."""
    return slim.arg_scope(
        [slim.conv2d, unit_fn, stack_blocks_dense], outputs_collections=_collection(sc)
    )


def training_mode(is_training):
    """Return a scope that sets the mode of batch norm; None leaves it to outer scopes."""
    mode = {} if is_training is None else {'is_training': is_training}
    return slim.arg_scope([layers.batch_norm], **mode)


def classify(net, sc, num_classes, global_pool, spatial_squeeze):
    """Add pooling, logits (none without `num_classes`), probabilities; return with end points."""
    end_points = slim.utils.convert_collection_to_dict(_collection(sc), clear_collection=True)
    if global_pool:
        net = tf.reduce_mean(net, [1, 2], name='pool5', keepdims=True)
        end_points['global_pool'] = net
    if not num_classes:
        return net, end_points
    net = slim.conv2d(
        net, num_classes, [1, 1], activation_fn=None, normalizer_fn=None, scope='logits'
    )
    end_points[f'{sc.name}/logits'] = net
    if spatial_squeeze:
        net = tf.squeeze(net, [1, 2], name='SpatialSqueeze')
        end_points[f'{sc.name}/spatial_squeeze'] = net
    end_points['predictions'] = slim.softmax(net, scope='predictions')
    return net, end_points


def _collection(sc):
    return f'{sc.original_name_scope}_end_points'


def resnet_arg_scope(
    weight_decay=0.0001,
    batch_norm_decay=0.997,
    batch_norm_epsilon=1e-5,
    batch_norm_scale=True,
    activation_fn=tf.nn.relu,
    use_batch_norm=True,
    batch_norm_updates_collections=tf.GraphKeys.UPDATE_OPS,
):
    """Return the arg_scope of a residual network."""
    with slim.arg_scope(
        [slim.conv2d],
        weights_regularizer=regularizers.l2(weight_decay),
        weights_initializer=slim.variance_scaling_initializer(),
        activation_fn=activation_fn,
        normalizer_fn=layers.batch_norm if use_batch_norm else None,
    ):
        with slim.arg_scope(
            [layers.batch_norm],
            decay=batch_norm_decay,
            epsilon=batch_norm_epsilon,
            scale=batch_norm_scale,
            updates_collections=batch_norm_updates_collections,
        ):
            # 'SAME' keeps the maps of all sizes aligned; fb.resnet.torch pads pool1 that way too.
            with slim.arg_scope([slim.max_pool2d], padding='SAME') as scope:
                return scope
