"""The rows of a MobileNet's table, and the block that each kind of row builds.

A block is called as `block(net, row, place, scope)`, and returns its output and, by name, the other
tensors that are end points.
"""

import dataclasses
from collections import namedtuple
from collections.abc import Callable

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import striding


class Conv(namedtuple('Conv', 'kernel stride depth activation normalized', defaults=(None, True))):
    """A convolution over all channels.

    Without an `activation` it has that of the network; if not `normalized`, it has biases.
    """


class ExpandedConv(
    namedtuple(
        'ExpandedConv',
        'kernel stride depth expansion activation squeeze_excite residual fused',
        defaults=(6, None, False, True, False),
    )
):
    """An inverted residual: expand the channels, convolve each, project them to `depth`.

    `expansion` is a multiple of the channels of the input. A `fused` row expands with a convolution
    of its kernel and stride over all channels, and has none for each channel. Without `residual`
    the input is not added, even if its shape is that of the output.
    """


class ReduceTo1x1(namedtuple('ReduceTo1x1', '')):
    """The mean over height and width, which stay as dimensions of size 1."""

    stride = 1


@dataclasses.dataclass(frozen=True)
class Place:
    """What a block has to know about the network around it."""

    stride: int  # Instead of the row's: 1 if the network is dense enough.
    rate: int
    activation: Callable  # For rows without one of their own.
    normalizer: Callable
    pad_first: bool

    def convolve(self, convolution, net, depth, kernel, **options):
        """Apply a layer of slim at this place's stride and rate, padded as the network is."""
        pad_first = self.pad_first and kernel > 1
        return convolution(
            striding.pad_for_kernel(net, kernel, self.rate) if pad_first else net,
            depth,
            [kernel, kernel],
            stride=self.stride,
            rate=self.rate if kernel > 1 else 1,
            padding='VALID' if pad_first else 'SAME',
            **options,
        )

    def convolve_pixels(self, net, depth, **options):
        """Apply a 1x1 convolution."""
        return dataclasses.replace(self, stride=1).convolve(slim.conv2d, net, depth, 1, **options)


def divisible(value, divisor=8, minimum=None):
    """Return the multiple of `divisor` that is nearest to `value`, but at least 90% of it."""
    nearest = max(minimum or divisor, int(value + divisor / 2) // divisor * divisor)
    return nearest if nearest >= 0.9 * value else nearest + divisor


def hard_swish(x):
    """Return x * relu6(x + 3) / 6 (arXiv:1905.02244, section 5.2)."""
    with tf.name_scope('hard_swish'):
        return x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0)


def _hard_sigmoid(x):
    # Not 1/6: the released weights were trained with this factor.
    return tf.nn.relu6(x + 3.0) * 0.16667


def convolve(net, row, place, scope):
    """Build a row of kind Conv."""
    options = {
        'activation_fn': row.activation or place.activation,
        'normalizer_fn': place.normalizer if row.normalized else None,
    }
    return place.convolve(slim.conv2d, net, row.depth, row.kernel, scope=scope, **options), {}


def expand_and_project(net, row, place, scope):
    """Build a row of kind ExpandedConv (arXiv:1801.04381, section 3; arXiv:1905.02244, section 4).

    The layers of a block are named as in the released checkpoints.
    """
    options = {
        'activation_fn': row.activation or place.activation,
        'normalizer_fn': place.normalizer,
    }
    parts = {}
    with tf.variable_scope(scope):
        inputs = net = tf.identity(net, 'input')
        width = _expanded_width(_depth(inputs), row.expansion)
        if row.fused and row.kernel > 1:
            net = place.convolve(slim.conv2d, net, width, row.kernel, scope='expand', **options)
        elif width > _depth(inputs):
            net = place.convolve_pixels(net, width, scope='expand', **options)
        if net is not inputs:
            net = parts['expansion_output'] = tf.identity(net, 'expansion_output')
        if not row.fused:
            net = place.convolve(
                slim.separable_conv2d, net, None, row.kernel,
                depth_multiplier=1, scope='depthwise', **options,
            )  # fmt: skip
            net = parts['depthwise_output'] = tf.identity(net, 'depthwise_output')
        if row.squeeze_excite:
            net = squeeze_and_excite(net)
        # Section 3.2 of v2's paper: no activation where there are few channels.
        options['activation_fn'] = None
        net = place.convolve_pixels(net, row.depth, scope='project', **options)
        if row.residual and row.stride == 1 and _depth(inputs) == row.depth:
            net += inputs
        parts['output'] = tf.identity(net, 'output')
    return parts['output'], parts


def _depth(net):
    return net.shape.as_list()[3]


def _expanded_width(depth, expansion):
    return depth if expansion == 1 else divisible(depth * expansion)


def squeeze_and_excite(net):
    """Scale the channels by weights that depend on their means (arXiv:1709.01507, section 3).

    MobileNet v3 has a quarter of the channels inside, and a hard sigmoid (arXiv:1905.02244, 5.3).
    """
    options = {'kernel_size': [1, 1], 'normalizer_fn': None}
    with tf.variable_scope('squeeze_excite'):
        means = mean_of_map(net, name='AvgPool')
        inner = divisible(_depth(net) / 4)
        means = slim.conv2d(means, inner, activation_fn=tf.nn.relu, scope='Conv', **options)
        scales = slim.conv2d(
            means, _depth(net), activation_fn=_hard_sigmoid, scope='Conv_1', **options
        )
        return net * scales


def average(net, row, place, scope):
    """Build a row of kind ReduceTo1x1."""
    with tf.name_scope(scope):
        return mean_of_map(net, name='AvgPool'), {}


def mean_of_map(net, name, use_reduce_mean=False):
    """Average over height and width, with a pooling layer if their sizes are known."""
    sides = net.shape.as_list()[1:3]
    if use_reduce_mean or None in sides:
        return tf.reduce_mean(net, [1, 2], keepdims=True, name=name)
    return tf.nn.avg_pool2d(net, ksize=sides, strides=1, padding='VALID', name=name)


# Kind of row -> its block, and its scope, which gets a number from the second row of a kind on.
BLOCKS = {
    Conv: (convolve, 'Conv'),
    ExpandedConv: (expand_and_project, 'expanded_conv'),
    ReduceTo1x1: (average, 'AvgPool2D'),
}
