"""The verdicts of Limits as operations of a graph."""

import functools

import tensorflow.compat.v1 as tf

from classifiers.verdicts import KINDS
from heads.limits import measures
from heads.limits.limits import FEATURES, SHARPNESS


def build(limits, logits, layers):
    """Add the operations to the current graph, and return {kind of an output: tensor}.

    `layers` are tensors [batch, features] by the names of layers.
    """
    with tf.name_scope('limits'):
        values = []
        for term in limits.terms:
            rows = logits if term.layer == measures.LOGITS else layers[term.layer]
            with tf.name_scope(term.measure):
                values.append((_BUILDERS[term.measure](term.arrays, rows) - term.mean) / term.std)
        score = _soft_maximum(values)
        found = (
            tf.nn.softmax(logits / limits.temperature),
            score,
            _interpolated(score, limits.knots, limits.p_values),
            score <= limits.threshold,
        )
    return {kind: tf.identity(tensor, kind) for kind, tensor in zip(KINDS, found, strict=True)}


def of_network(limits, network):
    """Add the operations for a `build.Network`, and return {kind of an output: tensor}."""
    layers = {
        term.layer: network.features
        if term.layer == FEATURES
        else averaged(network.end_points[term.layer])
        for term in limits.terms
        if term.layer != measures.LOGITS
    }
    return build(limits, network.logits, layers)


def averaged(tensor):
    """Return [batch, channels] of a map; nothing else changes."""
    return tensor if tensor.shape.ndims == 2 else tf.reduce_mean(tensor, [1, 2])


def _soft_maximum(values):
    """Return limits.soft_maximum of tensors."""
    if len(values) == 1:
        return values[0]
    largest = functools.reduce(tf.maximum, values)
    mean = tf.add_n([tf.exp(SHARPNESS * (each - largest)) for each in values]) / len(values)
    return largest + tf.math.log(mean) / SHARPNESS


def _interpolated(score, knots, values):
    """Return numpy.interp(score, knots, values); it falls from the first value to the last."""
    if len(knots) == 1:  # TensorFlow Lite is wrong about sums over nothing.
        return tf.zeros_like(score) + float(values[0])
    low, high = (tf.constant(part, tf.float32) for part in (knots[:-1], knots[1:]))
    steps = tf.constant(values[1:] - values[:-1], tf.float32)
    shares = tf.clip_by_value((score[:, tf.newaxis] - low) / (high - low), 0.0, 1.0)
    return float(values[0]) + tf.reduce_sum(shares * steps, axis=1)


def _directions(rows):
    length = tf.sqrt(tf.reduce_sum(rows * rows, axis=1, keepdims=True))
    return rows / tf.maximum(length, measures.TINY)


def _constant(arrays, name):
    return tf.constant(arrays[name], tf.float32, name=name)


def _mahalanobis_squares(arrays, directions, prefix=''):
    scale, factors, planes, offsets, centre = (
        _constant(arrays, prefix + name)
        for name in ('scale', 'factors', 'planes', 'offsets', 'centre')
    )
    rows = directions - centre
    turned = rows @ factors
    own = scale * tf.reduce_sum(rows * rows, axis=1) - tf.reduce_sum(turned * turned, axis=1)
    to_classes = tf.reduce_min(offsets - rows @ planes, axis=1)
    return tf.maximum(own + to_classes, measures.TINY)


def _mahalanobis(arrays, rows):
    return tf.math.log(_mahalanobis_squares(arrays, _directions(rows)))


def _root_mahalanobis(arrays, rows):
    return _mahalanobis(arrays, tf.sign(rows) * tf.sqrt(tf.abs(rows)))


def _relative(arrays, rows):
    rows = _directions(rows)
    return _mahalanobis_squares(arrays, rows) - _mahalanobis_squares(arrays, rows, 'background_')


def _neighbours(arrays, rows):
    similarities = _directions(rows) @ _constant(arrays, 'bank')
    nearest, _ = tf.math.top_k(similarities, int(arrays['count']), sorted=False)
    return 1.0 - tf.reduce_mean(nearest, axis=1)


def _collapse(arrays, rows):
    towards = _directions(rows - _constant(arrays, 'centre')) @ _constant(arrays, 'planes')
    return 1.0 - tf.reduce_max(towards, axis=1)


def _max_logit(arrays, rows):
    del arrays
    return -tf.reduce_max(rows, axis=1)


def _max_probability(arrays, rows):
    del arrays
    return -tf.reduce_max(tf.nn.softmax(rows), axis=1)


_BUILDERS = {
    'mahalanobis': _mahalanobis,
    'root_mahalanobis': _root_mahalanobis,
    'relative_mahalanobis': _relative,
    **{name: _neighbours for name in measures.MEASURES if name.startswith('neighbours_')},
    'collapse': _collapse,
    'max_logit': _max_logit,
    'max_probability': _max_probability,
}
