"""The verdicts of Limits as operations of a graph.

A picture takes a fast network a few milliseconds, and each operation costs microseconds, however
small it is. So terms of the same measure are computed together where that saves operations.
"""

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers.verdicts import KINDS
from heads.limits import measures
from heads.limits.limits import FEATURES, SHARPNESS

_MOST_LOSS = 200  # See _keeps_digits.


def build(limits, logits, layers):
    """Add the operations to the current graph, and return {kind of an output: tensor}.

    `layers` are tensors [batch, features] by the names of layers.
    """
    with tf.name_scope('limits'):
        logits_at_temperature = logits / limits.temperature
        column = _score(limits.terms, {measures.LOGITS: logits, **layers})
        p_values = _interpolated(column, limits.knots, limits.p_values)
    calibrated, unknown_score, p_known, is_known = KINDS
    score = tf.reshape(column, [-1], unknown_score)
    return {
        calibrated: tf.nn.softmax(logits_at_temperature, name=calibrated),
        unknown_score: score,
        p_known: tf.reshape(p_values, [-1], p_known),
        is_known: tf.less_equal(score, limits.threshold, is_known),
    }


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


def _score(terms, layers):
    """Return limits.soft_maximum of the standardised values of the terms, [batch, 1]."""
    columns, ordered = [], []
    for builder in dict.fromkeys(_BUILDERS[term.measure] for term in terms):
        several = [term for term in terms if _BUILDERS[term.measure] is builder]
        with tf.name_scope(several[0].measure):
            columns += builder([(term.arrays, _rows(term, layers)) for term in several])
        ordered += several
    values = _joined(columns) - _constant([term.mean for term in ordered])
    if len(ordered) == 1:
        return values / ordered[0].std
    values *= _constant([SHARPNESS / term.std for term in ordered])
    largest = tf.reduce_max(values, axis=1, keepdims=True)
    mean = tf.reduce_mean(tf.exp(values - largest), axis=1, keepdims=True)
    return (largest + tf.math.log(mean)) / SHARPNESS


def _rows(term, layers):
    rows = layers[term.layer]
    return tf.sign(rows) * tf.sqrt(tf.abs(rows)) if term.measure == 'root_mahalanobis' else rows


def _interpolated(column, knots, values):
    """Return numpy.interp(column, knots, values); it falls from the first value to the last."""
    if len(knots) == 1:  # TensorFlow Lite is wrong about sums over nothing.
        return tf.zeros_like(column) + float(values[0])
    # Between two knots a part rises from 0 to 6: relu6 is one operation with the product before it.
    knots, values = np.asarray(knots, np.float64), np.asarray(values, np.float64)
    rates = 6 / np.diff(knots)
    parts = tf.nn.relu6((column - _constant(knots[:-1])) * _constant(rates))
    falls = parts * _constant(np.diff(values) / 6)
    return tf.reduce_sum(falls, axis=1, keepdims=True) + float(values[0])


def _constant(values, name=None):
    return tf.constant(np.asarray(values, np.float32), name=name)


def _joined(tensors):
    return tensors[0] if len(tensors) == 1 else tf.concat(tensors, axis=1)


def _lengths(rows):
    """Return the lengths of rows, [batch, 1]."""
    squares = tf.reduce_sum(tf.square(rows), axis=1, keepdims=True)
    return tf.maximum(tf.sqrt(squares), measures.TINY)


def _squared_distances(pairs):
    """Return the squared Mahalanobis distances to the nearest class, [batch, pairs].

    They are computed together, with their features one behind the other. As in measures.py, what is
    across the axes is computed before it is squared, if a difference of squares would lose too many
    digits of a float32, and so is the difference to each class.
    """
    widths = [len(arrays['centre']) for arrays, _ in pairs]
    several = [_filled(arrays, pairs) for arrays, _ in pairs]
    rows = _directions([rows for _, rows in pairs], widths)
    rows -= _constant(np.concatenate([arrays['centre'] for arrays in several]))
    parts = [rows] if len(pairs) == 1 else tf.split(rows, widths, axis=1)
    axes = [_constant(arrays['axes'], 'axes') for arrays in several]
    along = [part @ each for part, each in zip(parts, axes, strict=True)]
    to_classes = _to_classes(several, along)
    scales = [np.full(len(arrays['centre']), arrays['scale']) for arrays in several]
    if all(_keeps_digits(arrays) for arrays, _ in pairs):
        minus = [np.full(len(arrays['gains']), -arrays['scale']) for arrays in several]
        weights = np.concatenate([_blocks(scales), _blocks(minus)])
        own = tf.square(_joined([rows, *along])) @ _constant(weights)
    else:
        back = [tf.matmul(a, each, transpose_b=True) for a, each in zip(along, axes, strict=True)]
        across = rows - _joined(back)
        own = tf.square(across) @ _constant(_blocks(scales))
        if 'planes' in several[0]:
            parts = [across] if len(pairs) == 1 else tf.split(across, widths, axis=1)
            to_classes += _across_axes(several, parts)
    return tf.maximum(own + tf.reduce_min(to_classes, axis=2), measures.TINY)


def _keeps_digits(arrays):
    """Return whether |row|^2 - |along the axes|^2 is precise enough; it takes fewer operations.

    A small network that was trained until its classes are far apart loses a factor of 1000, one
    that was trained with many classes 20 to 100, which changes a score by less than 5e-5.
    """
    if 'planes' in arrays:
        return False
    width, axes = arrays['axes'].shape
    within_classes = (1 / arrays['gains']).sum() + (width - axes) / arrays['scale']
    square = within_classes + (arrays['points'] ** 2).sum(axis=1).mean()
    # Hardly any squared distance is smaller than an eighth of the number of features.
    return arrays['scale'] * square < _MOST_LOSS * width / 8


def _filled(arrays, pairs):
    """Return arrays of the same shapes for all pairs: zeros for axes, the last class again."""
    most_axes, most_classes = np.max([np.shape(each['points'])[::-1] for each, _ in pairs], axis=0)
    classes, axes = arrays['points'].shape
    more_axes, more_classes = (0, most_axes - axes), (0, most_classes - classes)
    found = {
        **arrays,
        'axes': np.pad(arrays['axes'], [(0, 0), more_axes]),
        'gains': np.pad(arrays['gains'], more_axes),
        'points': np.pad(
            np.pad(arrays['points'], [more_classes, (0, 0)], mode='edge'), [(0, 0), more_axes]
        ),
    }
    if any('planes' in each for each, _ in pairs):
        width = len(arrays['centre'])
        planes = arrays.get('planes', np.zeros([width, classes], np.float32))
        offsets = arrays.get('offsets', np.zeros(classes, np.float32))
        found['planes'] = np.pad(planes, [(0, 0), more_classes], mode='edge')
        found['offsets'] = np.pad(offsets, more_classes, mode='edge')
    return found


def _directions(several, widths):
    """Return rows divided by their lengths, one behind the other."""
    rows, members = _joined(several), _blocks([np.ones(width) for width in widths])
    lengths = tf.maximum(tf.sqrt(tf.square(rows) @ _constant(members)), measures.TINY)
    return rows / (lengths if len(several) == 1 else lengths @ _constant(members.T))


def _to_classes(several, along):
    """Return the squared distances along the axes to each class, [batch, pairs, classes]."""
    roots = [np.sqrt(arrays['gains'], dtype=np.float64) for arrays in several]
    points = np.stack([each['points'] * root for each, root in zip(several, roots, strict=True)])
    moved = _joined(along) * _constant(np.concatenate(roots))
    moved = tf.reshape(moved, [-1, len(several), 1, points.shape[2]]) - _constant(points, 'points')
    return tf.reduce_sum(tf.square(moved), axis=3)


def _across_axes(several, parts):
    """Return what the parts of the class means across the axes add to these distances."""
    products = [
        part @ _constant(arrays['planes'], 'planes')
        for part, arrays in zip(parts, several, strict=True)
    ]
    offsets = np.stack([arrays['offsets'] for arrays in several])
    return _constant(offsets) - tf.reshape(_joined(products), [-1, *offsets.shape])


def _blocks(columns):
    """Return a matrix with the given columns, each of them in rows of its own."""
    ends = np.cumsum([len(column) for column in columns])
    found = np.zeros([ends[-1], len(columns)])
    for number, (column, end) in enumerate(zip(columns, ends, strict=True)):
        found[end - len(column) : end, number] = column
    return found


def _mahalanobis(pairs):
    return [tf.math.log(_squared_distances(pairs))]


def _relative(pairs):
    background = [
        (
            {
                name.removeprefix('background_'): value
                for name, value in arrays.items()
                if name.startswith('background_')
            },
            rows,
        )
        for arrays, rows in pairs
    ]
    own, other = tf.split(_squared_distances([*pairs, *background]), 2, axis=1)
    return [own - other]


def _neighbours(pairs):
    found = []
    for arrays, rows in pairs:
        # Divided by the length of the picture's features at the end: that changes no order.
        products = rows @ _constant(arrays['bank'], 'bank')
        nearest, _ = tf.math.top_k(products, int(arrays['count']), sorted=False)
        mean = tf.reduce_mean(nearest, axis=1, keepdims=True)
        found.append(1.0 - mean / _lengths(rows))
    return found


def _collapse(pairs):
    found = []
    for arrays, rows in pairs:
        moved = rows - _constant(arrays['centre'])
        products = moved @ _constant(arrays['planes'], 'planes')
        found.append(1.0 - tf.reduce_max(products, axis=1, keepdims=True) / _lengths(moved))
    return found


def _max_logit(pairs):
    return [-tf.reduce_max(logits, axis=1, keepdims=True) for _, logits in pairs]


def _max_probability(pairs):
    return [-tf.reduce_max(tf.nn.softmax(logits), axis=1, keepdims=True) for _, logits in pairs]


# From [(arrays of a term, rows)] to tensors with the values in their columns. Terms with the same
# builder are built together.
_BUILDERS = {
    'mahalanobis': _mahalanobis,
    'root_mahalanobis': _mahalanobis,  # Of the roots of the features.
    'relative_mahalanobis': _relative,
    **{name: _neighbours for name in measures.MEASURES if name.startswith('neighbours_')},
    'collapse': _collapse,
    'max_logit': _max_logit,
    'max_probability': _max_probability,
}
