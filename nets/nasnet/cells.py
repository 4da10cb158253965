"""The cells of NASNet and PNASNet, as tables of operations."""

from collections import namedtuple
from functools import partial

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import layers
from nets.separable import separable_conv2d


class Style(namedtuple('Style', 'filters stride activation drop')):
    """What the operations of a cell share; `drop` drops paths, or is None."""


class Cell(namedtuple('Cell', 'blocks outputs')):
    """The table of a cell; `outputs` are the numbers of the states that it concatenates.

    States 0 and 1 come from the last two cells, and the results of the blocks follow. A block adds
    the results of two pairs (operation, number of a state).
    """

    def build(self, net, previous, halves, style):
        """Return the cell's result.

        `net` and `previous` are the results of the last two cells; before the second cell,
        `previous` is None. Its size is twice that of `net` if `halves` is true.
        """
        second = net if previous is None else _adapt(previous, halves, style)
        states = [_convolve(net, style, '1x1', 'beginning_bn'), second]
        for number, block in enumerate(self.blocks):
            with tf.variable_scope(f'comb_iter_{number}'):
                left, right = (
                    _branch(states, operation, state, side, style)
                    for side, (operation, state) in zip(('left', 'right'), block, strict=True)
                )
                with tf.variable_scope('combine'):
                    states.append(left + right)
        with tf.variable_scope('cell_output'):
            return tf.concat([_widen(states, state, style) for state in self.outputs], 3)


def _adapt(previous, halves, style):
    """Give the result of the cell before the last the size and the filters of this cell."""
    if halves:
        return _factorized_reduction(style.activation(previous), style.filters)
    if _channels(previous) != style.filters:
        return _convolve(previous, style, 'prev_1x1', 'prev_bn')
    return previous


def _branch(states, operation, state, side, style):
    if state >= len(_INPUTS):
        style = style._replace(stride=1)
    with tf.variable_scope(side):
        net = operation(states[state], style)
        return net if style.drop is None or operation is identity else style.drop(net)


_INPUTS = (0, 1)  # The states that an operation with a stride reads.


def _widen(states, state, style):
    """Return a state with the cell's filters; only the input of a first cell has others."""
    if _channels(states[state]) == style.filters:
        return states[state]
    with tf.variable_scope(f'reduction_{state}'):
        net = slim.conv2d(states[state], style.filters, 1, scope='path_conv')
        return layers.batch_norm(net, scope='path_bn')


def _convolve(net, style, scope, batch_norm_scope, stride=1):
    net = slim.conv2d(style.activation(net), style.filters, 1, stride=stride, scope=scope)
    return layers.batch_norm(net, scope=batch_norm_scope)


def _factorized_reduction(net, filters):
    """Halve the size with two convolutions, of which the second one is shifted by a pixel."""
    shifted = tf.pad(net, [[0, 0], [0, 1], [0, 1], [0, 0]])[:, 1:, 1:, :]
    half = filters // 2
    paths = [
        slim.conv2d(slim.avg_pool2d(path, 1, stride=2), depth, 1, scope=f'path{number}_conv')
        for number, path, depth in ((1, net, half), (2, shifted, filters - half))
    ]
    return layers.batch_norm(tf.concat(paths, 3), scope='final_path_bn')


def identity(net, style):
    """Return a state; with a stride or other filters, after a convolution."""
    if style.stride == 1 and _channels(net) == style.filters:
        return net
    return _convolve(net, style, '1x1', 'bn_1', style.stride)


def separable(kernel):
    """Return the operation that consists of two separable convolutions."""
    return partial(_separable, kernel=kernel)


def _separable(net, style, kernel):
    for number, stride in ((1, style.stride), (2, 1)):
        name = f'{kernel}x{kernel}_{number}'
        net = separable_conv2d(
            style.activation(net), style.filters, kernel, stride, scope=f'separable_{name}'
        )
        net = layers.batch_norm(net, scope=f'bn_sep_{name}')
    return net


def _pool(net, style, pool):
    channels = _channels(net)
    net = pool(net, 3, stride=style.stride, padding='SAME')
    if channels == style.filters:
        return net
    net = slim.conv2d(net, style.filters, 1, scope='1x1')
    return layers.batch_norm(net, scope='bn_1')


def _with_zeros(pool, net, kernel, stride, padding):
    """Pool; with a stride of 2, the padding counts as values (kernel 3)."""
    if stride == 1:
        return pool(net, kernel, stride=1, padding=padding)
    sizes, dynamic = net.shape.as_list(), tf.shape(net)
    odd = [(dynamic[axis] if sizes[axis] is None else sizes[axis]) % 2 for axis in (1, 2)]
    net = tf.pad(net, [[0, 0], [odd[0], 1], [odd[1], 1], [0, 0]])
    return pool(net, kernel, stride=stride, padding='VALID')


avg_pool = partial(_pool, pool=slim.avg_pool2d)
avg_pool_with_zeros = partial(_pool, pool=partial(_with_zeros, slim.avg_pool2d))
max_pool = partial(_pool, pool=slim.max_pool2d)
max_pool_with_zeros = partial(_pool, pool=partial(_with_zeros, slim.max_pool2d))


def _channels(net):
    return net.shape.as_list()[3]
