"""Fold batch norms and other scaling of channels into the convolutions before them.

A convolution is linear in its weights: with weights scaled by channel it gives the scaled result,
also at the border. What remains is one addition, which TensorFlow fuses.
"""

import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from serving.graphdef import graph_edits

_LINEAR = ('Conv2D', 'DepthwiseConv2dNative', 'MatMul')
_BATCH_NORMS = ('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3')
_SUMS = ('Add', 'AddV2', 'BiasAdd')


def fold(graph_def, keep):
    """Return (graph with batch norms folded, their number); nodes named in `keep` stay."""
    graph = _Graph(graph_def, keep)
    replaced, dropped, count = {}, set(), 0
    for node in graph_def.node:
        chain = graph.chain_behind(node) if node.op in _LINEAR else []
        new = _folded(node, chain, graph)
        if new:
            replaced[node.name], replaced[chain[-1].node.name] = new[:2], new[2:]
            dropped.update(step.node.name for step in chain[:-1])
            count += sum(step.node.op in _BATCH_NORMS for step in chain)
    nodes = [
        new
        for node in graph_def.node
        if node.name not in dropped
        for new in replaced.get(node.name, [node])
    ]
    return graph_edits.needed_for(graph_edits.with_nodes(graph_def, nodes), keep), count


@dataclasses.dataclass(frozen=True)
class _ChannelScaling:
    """A node that scales its input by channel and shifts it."""

    node: tf.NodeDef
    scale: np.ndarray
    shift: np.ndarray


class _Graph:
    """Finds the scaling after a convolution that nothing else reads."""

    def __init__(self, graph_def, keep):
        self._keep = set(keep)
        self._constants = graph_edits.constants(graph_def)
        self._readers = graph_edits.readers(graph_def)

    def constant(self, edge):
        """Return the value of the constant that an input comes from, or None."""
        node = self._constants.get(edge)
        return None if node is None else graph_edits.value_of(node)

    def chain_behind(self, node):
        """List the scalings after a node whose intermediate results nothing else reads."""
        chain, layout, current = [], _layout(node), node
        while current.name not in self._keep and len(self._readers[current.name]) == 1:
            step = self._step(current, self._readers[current.name][0], layout)
            if step is None:
                break
            chain.append(step)
            current = step.node
        # Additions alone are not worth folding.
        return chain if any(np.any(step.scale != 1) for step in chain) else []

    def _step(self, source, node, layout):
        if graph_edits.type_of(node) != tf.float32 or any(edge[0] == '^' for edge in node.input):
            return None
        if node.op in _BATCH_NORMS:
            return self._batch_norm(source, node, layout)
        if len(node.input) != 2:
            return None
        other = [edge for edge in node.input if edge != source.name]
        value = self.constant(other[0]) if len(other) == 1 else None
        if value is None or not _is_by_channel(value, node, layout):
            return None
        value = value.reshape(-1).astype(np.float64)
        if node.op == 'Mul':
            return _ChannelScaling(node, value, np.zeros(1))
        if node.op == 'Sub' and node.input[0] == source.name:
            return _ChannelScaling(node, np.ones(1), -value)
        return _ChannelScaling(node, np.ones(1), value) if node.op in _SUMS else None

    def _batch_norm(self, source, node, layout):
        values = [self.constant(edge) for edge in node.input[1:5]]
        is_training = 'is_training' not in node.attr or node.attr['is_training'].b
        readers = self._readers[node.name]
        statistics_are_read = any(f'{node.name}:' in e for r in readers for e in r.input)
        if (
            is_training
            or statistics_are_read
            or node.input[0] != source.name
            or _layout(node) != layout
            or any(value is None for value in values)
        ):
            return None
        gamma, beta, mean, variance = (value.astype(np.float64) for value in values)
        epsilon = node.attr['epsilon'].f if 'epsilon' in node.attr else 1e-4
        with np.errstate(all='ignore'):
            scale = gamma / np.sqrt(variance + epsilon)
            return _ChannelScaling(node, scale, beta - mean * scale)


def _layout(node):
    layout = node.attr.get('data_format')
    return layout.s if layout else b'NHWC'


def _is_by_channel(value, node, layout):
    """Tell whether a constant has one number per channel, or a single number."""
    if node.op == 'BiasAdd':
        return value.ndim == 1 and _layout(node) == layout
    by_channel = value.shape[-1:] == (value.size,) and layout == b'NHWC'
    return (value.ndim <= 2 and (value.size == 1 or by_channel)) or _is_flat_map(value, layout)


def _is_flat_map(value, layout):
    """Tell whether a constant has the rank of a feature map and one number per channel."""
    channel = 3 if layout == b'NHWC' else 1
    return value.ndim == 4 and value.shape[channel] == value.size


def _folded(node, chain, graph):
    """Return the nodes that replace `node` and `chain`, or [] if the result would differ."""
    weights = graph.constant(node.input[1]) if chain else None
    if weights is None or weights.dtype != np.float32 or any(e[0] == '^' for e in node.input):
        return []
    by_channel = _weights_by_channel(node, weights)
    channels = by_channel.shape[-1]
    scale, shift = np.ones(channels), np.zeros(channels)
    for step in chain:
        if step.scale.size not in (1, channels) or step.shift.size not in (1, channels):
            return []  # The result has more channels.
        scale, shift = scale * step.scale, shift * step.scale + step.shift
    with np.errstate(over='ignore', invalid='ignore'):
        folded = (by_channel * scale).astype(np.float32)
        shift = shift.astype(np.float32)
    if not (np.isfinite(folded).all() and np.isfinite(shift).all()):
        return []
    if _is_transposed(node):
        folded = folded.T
    return _nodes(node, chain[-1].node.name, folded.reshape(weights.shape), shift)


def _weights_by_channel(node, weights):
    """Return the weights with the output channels as their last dimension."""
    if node.op == 'DepthwiseConv2dNative':
        return weights.reshape(*weights.shape[:2], -1)
    return weights.T if _is_transposed(node) else weights


def _is_transposed(node):
    return 'transpose_b' in node.attr and node.attr['transpose_b'].b


def _nodes(node, result, weights, shift):
    """Make [weights, convolution, biases, addition]; the last has the name of the chain's last."""
    linear = tf.NodeDef()
    linear.CopyFrom(node)
    weights = graph_edits.constant(f'{node.name}/folded_weights', weights)
    biases = graph_edits.constant(f'{node.name}/folded_biases', shift)
    linear.input[1] = weights.name
    addition = tf.NodeDef(name=result, op='BiasAdd', input=[node.name, biases.name])
    addition.device = node.device
    addition.attr['T'].type = tf.float32.as_datatype_enum
    addition.attr['data_format'].s = _layout(node)
    return [weights, linear, biases, addition]
