"""Measures of strangeness of a picture: larger for pictures that are less like the known ones.

Each is fitted to the features of known pictures, and has a NumPy form here and a TensorFlow form in
limits_graph.py.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from scipy import linalg
from scipy.special import softmax
from sklearn.utils.extmath import randomized_svd

LOGITS = 'logits'  # The layer of measures that read the logits.
# A covariance keeps so many of its main directions; the others share one variance.
_MOST_DIRECTIONS, _LEAST_DIRECTIONS = 64, 8
_MOST_BETWEEN = 64  # Further directions, in which the classes differ.
# For 10 classes, the arrays of one measure take no more than this; a model contains several.
_MOST_BYTES = 600_000
# Below this, lengths and squared distances are noise.
TINY = 1e-12
# If directions vary less around the means of the classes, 32-bit numbers do not show how.
_LEAST_VARIANCE = 1e-9


@dataclasses.dataclass(frozen=True)
class Measure:
    """How to fit a measure to (rows, outputs), and to apply what was learnt to (arrays, rows)."""

    fit: Callable
    score: Callable


def directions(rows):
    """Return rows divided by their lengths, in float64."""
    rows = np.asarray(rows, np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), TINY)


def roots(rows):
    """Return the square roots of features with their signs.

    They make small features count more, and few large ones less.
    """
    rows = np.asarray(rows, np.float64)
    return np.sign(rows) * np.sqrt(np.abs(rows))


@dataclasses.dataclass(frozen=True)
class _Precision:
    """The inverse of a covariance: `gains` along the orthonormal `axes`, `scale` across them."""

    scale: float
    axes: np.ndarray  # [features, kept directions]
    gains: np.ndarray  # [kept directions]


def shrinkage_of(residuals):
    """Return the shrinkage of Ledoit and Wolf (2004) for rows whose mean is 0.

    It equals scikit-learn's, and is several times faster if there are fewer rows than columns.
    """
    count, width = residuals.shape
    squares = (residuals**2).sum(axis=1)
    products = residuals @ residuals.T if count < width else residuals.T @ residuals
    of_covariance = (products**2).sum() / count**2
    distance = of_covariance - (squares.sum() / count) ** 2 / width
    error = ((squares**2).sum() / count - of_covariance) / count
    return float(np.clip(error / distance, 0, 1)) if distance > 0 else 0.0


def _precision(residuals):
    """Return the _Precision of residuals by Ledoit and Wolf's shrinkage (2004)."""
    count, width = residuals.shape
    shrinkage = shrinkage_of(residuals)
    total = (residuals**2).sum() / count
    affordable = max(_MOST_BYTES // (4 * width), _LEAST_DIRECTIONS)
    kept = max(min(_MOST_DIRECTIONS, affordable, count - 1, width - 1), 1)
    _, lengths, rotation = randomized_svd(residuals, kept, n_iter=4, random_state=0)
    smallest = shrinkage * total / width
    kept_variances = lengths**2 / count
    # What is cut off is spread evenly over the directions that are not kept.
    others = max(total - kept_variances.sum(), 0) / max(width - kept, 1)
    rest = max((1 - shrinkage) * others + smallest, TINY)
    variances = (1 - shrinkage) * kept_variances + smallest
    return _Precision(1 / rest, rotation.T, 1 / np.maximum(variances, rest))


def _fit_mahalanobis(rows, outputs):
    """Return the arrays for squared Mahalanobis distances of directions to the class means.

    The class means are `points` on axes: those of the precision, and further ones between the
    classes. If there are more classes than such axes, what is left of the means x across them is in
    `planes` and `offsets`: |r - x|^2 = |r|^2 - 2 r x + |x|^2.
    """
    rows = directions(rows)
    centre = rows.mean(axis=0)
    rows -= centre
    means, places = _class_means(rows, outputs)
    residuals = rows - means[places]
    if (residuals**2).sum() < _LEAST_VARIANCE * len(rows):
        raise ValueError('the pictures of each class have the same features')
    precision = _precision(residuals)
    axes = np.concatenate([precision.axes, _axes_between(means, precision.axes)], axis=1)
    gains = np.full(axes.shape[1], precision.scale)
    gains[: len(precision.gains)] = precision.gains
    found = {
        'centre': centre,
        'scale': np.array(precision.scale),
        'axes': axes,
        'gains': gains,
        'points': means @ axes,
    }
    if len(means) - 1 > _MOST_BETWEEN:
        left = means - (means @ axes) @ axes.T
        found['planes'] = 2 * precision.scale * left.T
        found['offsets'] = precision.scale * (left**2).sum(axis=1)
    return found


def _axes_between(means, axes):
    """Return orthonormal directions across `axes` in which the class means differ most."""
    left = means - (means @ axes) @ axes.T
    _, lengths, rotation = linalg.svd(left, full_matrices=False)
    kept = lengths[:_MOST_BETWEEN] > TINY
    return rotation[:_MOST_BETWEEN][kept].T


def _class_means(rows, outputs):
    _, places, counts = np.unique(outputs, return_inverse=True, return_counts=True)
    sums = np.add.reduceat(rows[np.argsort(places, kind='stable')], np.cumsum(counts) - counts)
    return sums / counts[:, np.newaxis], places


def _mahalanobis_squares(arrays, rows):
    """Return the squared distance to the nearest class."""
    rows = directions(rows) - arrays['centre']
    axes, gains, points = (np.float64(arrays[name]) for name in ('axes', 'gains', 'points'))
    along = rows @ axes
    across = rows - along @ axes.T
    to_classes = (along**2 @ gains)[:, np.newaxis] - 2 * (along * gains) @ points.T
    to_classes += points**2 @ gains
    if 'planes' in arrays:
        to_classes += arrays['offsets'] - across @ arrays['planes']
    own = arrays['scale'] * (across**2).sum(axis=1)
    return np.maximum(own + to_classes.min(axis=1), TINY)


def _score_mahalanobis(arrays, rows):
    return np.log(_mahalanobis_squares(arrays, rows))


def _fit_root_mahalanobis(rows, outputs):
    return _fit_mahalanobis(roots(rows), outputs)


def _score_root_mahalanobis(arrays, rows):
    return _score_mahalanobis(arrays, roots(rows))


def _fit_relative(rows, outputs):
    background = _fit_mahalanobis(rows, np.zeros(len(rows), int))
    own = _fit_mahalanobis(rows, outputs)
    return {**own, **{f'background_{name}': value for name, value in background.items()}}


def _score_relative(arrays, rows):
    background = {
        name.removeprefix('background_'): value
        for name, value in arrays.items()
        if name.startswith('background_')
    }
    return _mahalanobis_squares(arrays, rows) - _mahalanobis_squares(background, rows)


def _fit_collapse(rows, outputs):
    """Return the directions from the mean of all pictures to the means of the classes.

    In a trained network, pictures of a class lie in its direction (neural collapse; Papyan, Han
    and Donoho 2020; Liu and Qin, arXiv:2311.01479).
    """
    rows = np.asarray(rows, np.float64)
    centre = rows.mean(axis=0)
    means, _ = _class_means(rows - centre, outputs)
    return {'centre': centre, 'planes': directions(means).T}


def _score_collapse(arrays, rows):
    return 1 - (directions(rows - arrays['centre']) @ arrays['planes']).max(axis=1)


def _fit_neighbours(count, rows, outputs):
    bank = directions(_of_each_class(rows, outputs))
    return {'bank': bank.T, 'count': np.array(min(count, len(bank)))}


def _of_each_class(rows, outputs):
    """Return as many rows as a bank may have, about equally many of each class."""
    most = max(_MOST_BYTES // (4 * rows.shape[1]), len(np.unique(outputs)))
    if len(rows) <= most:
        return rows
    # The first of each class, the second of each, and so on.
    order = np.argsort(outputs, kind='stable')
    counts = np.bincount(outputs)
    firsts = np.repeat(np.cumsum(counts) - counts, counts)
    places = np.empty(len(rows), int)
    places[order] = np.arange(len(rows)) - firsts
    return rows[np.sort(np.argsort(places, kind='stable')[:most])]


def _score_neighbours(arrays, rows):
    similarities = directions(rows) @ arrays['bank']
    count = int(arrays['count'])
    nearest = np.partition(similarities, -count, axis=1)[:, -count:]
    return 1 - nearest.mean(axis=1)


def _nothing_to_fit(rows, outputs):
    del rows, outputs
    return {}


def _score_max_logit(arrays, rows):
    del arrays
    return -np.asarray(rows, np.float64).max(axis=1)


def _score_max_probability(arrays, rows):
    del arrays
    return -softmax(np.asarray(rows, np.float64), axis=1).max(axis=1)


MEASURES = {
    'mahalanobis': Measure(_fit_mahalanobis, _score_mahalanobis),
    'root_mahalanobis': Measure(_fit_root_mahalanobis, _score_root_mahalanobis),
    'relative_mahalanobis': Measure(_fit_relative, _score_relative),
    **{
        f'neighbours_{count}': Measure(functools.partial(_fit_neighbours, count), _score_neighbours)
        for count in (1, 5, 10, 20)
    },
    'collapse': Measure(_fit_collapse, _score_collapse),
    'max_logit': Measure(_nothing_to_fit, _score_max_logit),
    'max_probability': Measure(_nothing_to_fit, _score_max_probability),
}
