"""What NASNet and PNASNet have in common: configurations, arg_scope, and how cells are stacked.

The names of variables are those of the released checkpoints. There is no scope around a whole
network: `conv0`, `cell_0` and `final_layer` are top-level scopes.
"""

import dataclasses
from collections import namedtuple
from functools import partial

import tensorflow.compat.v1 as tf
import tf_slim as slim

from common import checks
from common.errors import UserError
from nets import layers, regularizers
from nets.drop_path import drop_path, scheduled_keep_prob
from nets.nasnet.cells import Style

STEM, POOL, LOGITS, PREDICTIONS = 'Stem', 'global_pool', 'Logits', 'Predictions'


@dataclasses.dataclass(kw_only=True)
class Config:
    """The size of a network and its regularization; users may change every value."""

    num_cells: int  # Without those of the stem; in NASNet also without those with a stride.
    num_conv_filters: int  # Of the cells before the first reduction.
    stem_multiplier: float  # Of the filters of the first convolution.
    drop_path_keep_prob: float  # For the last cell at the end of training; 1 drops nothing.
    dense_dropout_keep_prob: float = 0.5  # Before the last layer.
    filter_scaling_rate: float = 2.0  # With each reduction, the filters get that many times more.
    num_reduction_layers: int = 2
    use_aux_head: int = 1  # Whether a network for training has auxiliary logits.
    skip_reduction_layer_input: int = 0  # Whether only the reduction reads the cell before it.
    total_training_steps: int = 250000  # Until then, more and more paths are dropped.
    use_bounded_activation: bool = False  # ReLU6 instead of ReLU.
    data_format: str = 'NHWC'  # There is no other.

    def set_hparam(self, name, value):
        """Set a value by its name."""
        checks.lookup('hyperparameter', name, self.values())
        setattr(self, name, value)

    def values(self):
        """Return all values by name."""
        return dataclasses.asdict(self)

    @property
    def activation(self):
        """Return the activation function of all layers."""
        return tf.nn.relu6 if self.use_bounded_activation else tf.nn.relu

    def reductions(self):
        """List the numbers of the cells with which a smaller map begins."""
        parts = self.num_reduction_layers + 1
        return [part * self.num_cells // parts for part in range(1, parts)]

    def auxiliary_scope(self, number):
        """Return the scope of the auxiliary head if it reads the cell `number`, otherwise None."""
        before_last_maps = [start - 1 for start in self.reductions()[1:2]]
        return f'aux_{number}' if self.use_aux_head and number in before_last_maps else None


def arg_scope(weight_decay, batch_norm_decay, batch_norm_epsilon):
    """Return the arg_scope with which NASNet and PNASNet were trained."""
    convolutions = [slim.conv2d, slim.separable_conv2d]
    with slim.arg_scope(
        [slim.fully_connected, *convolutions],
        weights_regularizer=regularizers.l2(weight_decay),
        weights_initializer=slim.variance_scaling_initializer(mode='FAN_OUT'),
        activation_fn=None,
    ):
        with slim.arg_scope(convolutions, biases_initializer=None):
            with slim.arg_scope(
                [layers.batch_norm],
                decay=batch_norm_decay,
                epsilon=batch_norm_epsilon,
                scale=True,
            ) as scope:
                return scope


class Stem(namedtuple('Stem', 'convolution batch_norm filters stride padding end_point')):
    """The first convolution; its first two values are the scopes of the variables."""


class Row(
    namedtuple(
        'Row',
        'scope end_point cell scaling stride previous auxiliary_scope',
        defaults=(1, -2, None),
    )
):
    """A cell of a network.

    `previous` is the place of its state 1 in the list of all results, and `auxiliary_scope` the
    scope of the auxiliary head that reads its result.
    """


def cifar_stem(config):
    """Return the Stem for small pictures."""
    filters = int(config.num_conv_filters * config.stem_multiplier)
    return Stem('l1_stem_3x3', 'l1_stem_bn', filters, 1, 'SAME', STEM)


def imagenet_stem(config, cell):
    """Return the Stem for large pictures, and the Rows of its two cells, which halve the map."""
    rate = config.filter_scaling_rate
    stem = Stem('conv0', 'conv0_bn', int(32 * config.stem_multiplier), 2, 'VALID', None)
    rows = [
        Row('cell_stem_0', None, cell, rate**-2, stride=2),
        Row('cell_stem_1', STEM, cell, rate**-1, stride=2),
    ]
    return stem, rows


class _Map(namedtuple('_Map', 'net level')):
    """A result, and how many cells have halved its size."""


class Network:
    """A network that is being built; `current_step` replaces the global step for drop path."""

    def __init__(self, config, is_training, final_endpoint=None, current_step=None):
        if config.data_format != 'NHWC':
            raise UserError(f'data_format={config.data_format!r}: must be NHWC')
        self.config = config
        self._is_training = layers.static_if_known(is_training)
        self._final_endpoint = final_endpoint
        self._current_step = current_step
        self._end_points = {}

    def build(self, images, stem, rows, num_classes):
        """Return (logits, end points).

        Instead of the logits it returns the pooled features without `num_classes`, and the result
        of an earlier `final_endpoint`.
        """
        self._require_end_point(rows)
        layers.require_size(images, 3, 'the network')
        of_mode = [layers.batch_norm, layers.dropout, drop_path]
        with slim.arg_scope(of_mode, is_training=self._is_training):
            net = self._stem(images, stem)
            results = [None, _Map(net, level=0)]
            for number, row in enumerate(rows, start=1):
                if self._is_complete():
                    break
                net = self._cell(results, row, depth=number / len(rows))
                has_auxiliary_head = row.auxiliary_scope and self._is_training is not False
                if has_auxiliary_head and num_classes and not self._is_complete():
                    self._auxiliary_head(net, num_classes, row.auxiliary_scope)
            if not self._is_complete():
                net = self._final_layer(net, num_classes)
        return net, self._end_points

    def _require_end_point(self, rows):
        known = [STEM, *(row.end_point for row in rows if row.end_point not in (None, STEM))]
        known += [POOL, LOGITS, PREDICTIONS]
        if self._final_endpoint is not None and self._final_endpoint not in known:
            raise UserError(checks.unknown('end point', self._final_endpoint, known))

    def _is_complete(self):
        return self._final_endpoint in self._end_points

    def _stem(self, images, stem):
        net = slim.conv2d(
            images, stem.filters, 3, stem.stride, stem.padding, scope=stem.convolution
        )
        net = layers.batch_norm(net, scope=stem.batch_norm)
        return self._record(stem.end_point, net)

    def _record(self, end_point, net):
        if end_point is not None:
            self._end_points[end_point] = net
        return net

    def _cell(self, results, row, depth):
        """Append the result of a cell to `results`, and return it."""
        current, previous = results[-1], results[row.previous]
        style = Style(
            filters=int(self.config.num_conv_filters * row.scaling),
            stride=row.stride,
            activation=self.config.activation,
            drop=self._drop(depth),
        )
        halves = previous is not None and previous.level < current.level
        with tf.variable_scope(row.scope):
            net = row.cell.build(current.net, previous and previous.net, halves, style)
        results.append(_Map(net, current.level + (row.stride > 1)))
        return self._record(row.end_point, net)

    def _drop(self, depth):
        """Return the function that drops paths at a depth, or None if nothing is dropped."""
        keep_prob = self.config.drop_path_keep_prob
        if keep_prob >= 1 or self._is_training is False:
            return None
        step = layers.global_step() if self._current_step is None else self._current_step
        now = scheduled_keep_prob(keep_prob, depth, step, self.config.total_training_steps)
        return partial(drop_path, keep_prob=now)

    def _auxiliary_head(self, net, num_classes, scope):
        """Add the auxiliary logits; their weights depend on the size of the pictures."""
        activation = self.config.activation
        net = activation(net)
        with tf.variable_scope(scope), tf.variable_scope('aux_logits'):
            kernel = layers.small_kernel(net, [5, 5])
            net = slim.avg_pool2d(net, kernel, stride=3, padding='VALID')
            net = slim.conv2d(net, 128, 1, scope='proj')
            net = activation(layers.batch_norm(net, scope='aux_bn0'))
            sides = net.shape.as_list()[1:3]
            if None in sides:
                raise UserError(
                    'the auxiliary logits need pictures of a known size; set use_aux_head=0'
                )
            net = slim.conv2d(net, 768, sides, padding='VALID', scope='Conv')
            net = activation(layers.batch_norm(net, scope='aux_bn1'))
            net = slim.flatten(net)
            logits = slim.fully_connected(net, num_classes, scope='FC')
            self._end_points['AuxLogits'] = logits

    def _final_layer(self, net, num_classes):
        with tf.variable_scope('final_layer'):
            net = tf.reduce_mean(self.config.activation(net), [1, 2])
            self._end_points[POOL] = net
            if not num_classes or self._is_complete():
                return net
            net = layers.dropout(net, self.config.dense_dropout_keep_prob, scope='dropout')
            logits = slim.fully_connected(net, num_classes, scope='FC')
            self._end_points[LOGITS] = logits
            self._end_points[PREDICTIONS] = tf.nn.softmax(logits, name='predictions')
            return logits
