"""Measures of strangeness of a picture: larger for pictures that are less like the known ones.

Each is fitted to the features of known pictures, and has a NumPy form here and a TensorFlow form in
limits_graph.py.
"""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from scipy import linalg
from sklearn.covariance import ledoit_wolf_shrinkage

LOGITS = 'logits'  # The layer of measures that read the logits.
# A covariance keeps this many of its main directions; the others share one variance.
MOST_DIRECTIONS = 64
# Below this, lengths and squared distances are noise.
TINY = 1e-12


@dataclasses.dataclass(frozen=True)
class Measure:
    """How to fit a measure to (rows, outputs), and to apply what was learnt to (arrays, rows)."""

    fit: Callable
    score: Callable
    reads: str = 'features'  # Or LOGITS.


def directions(rows):
    """Return rows divided by their lengths, in float64."""
    rows = np.asarray(rows, np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), TINY)


@dataclasses.dataclass(frozen=True)
class _Precision:
    """The inverse of a covariance: `scale` times the identity minus factors @ factors.T."""

    scale: float
    factors: np.ndarray  # [features, kept directions]

    def times(self, rows):
        """Return rows @ precision."""
        return self.scale * rows - (rows @ self.factors) @ self.factors.T


def _precision(residuals):
    """Return the _Precision of residuals by Ledoit and Wolf's shrinkage (2004)."""
    count, width = residuals.shape
    shrinkage = ledoit_wolf_shrinkage(residuals, assume_centered=True)
    total = (residuals**2).sum() / count
    _, lengths, rotation = linalg.svd(residuals, full_matrices=False, lapack_driver='gesdd')
    kept = min(MOST_DIRECTIONS, len(lengths), width - 1)
    smallest = shrinkage * total / width
    variances = (1 - shrinkage) * lengths**2 / count + smallest
    # What is cut off is spread evenly over the directions that are not kept.
    rest = (1 - shrinkage) * (lengths[kept:] ** 2).sum() / count / max(width - kept, 1) + smallest
    rest = max(rest, TINY)
    gains = 1 / rest - 1 / np.maximum(variances[:kept], rest)
    return _Precision(1 / rest, rotation[:kept].T * np.sqrt(gains))


def _fit_mahalanobis(rows, outputs):
    """Return the arrays for squared Mahalanobis distances of directions x to the class means m.

    (x - m) P (x - m) = x P x - x (2 P m) + m P m, where P is the _Precision of the residuals.
    """
    rows = directions(rows)
    centre = rows.mean(axis=0)
    rows -= centre
    means, places = _class_means(rows, outputs)
    precision = _precision(rows - means[places])
    turned = precision.times(means)
    return {
        'centre': centre,
        'scale': np.array(precision.scale),
        'factors': precision.factors,
        'planes': 2 * turned.T,
        'offsets': (turned * means).sum(axis=1),
    }


def _class_means(rows, outputs):
    _, places = np.unique(outputs, return_inverse=True)
    counts = np.bincount(places)
    sums = np.zeros((len(counts), rows.shape[1]))
    np.add.at(sums, places, rows)
    return sums / counts[:, np.newaxis], places


def _mahalanobis_squares(arrays, rows):
    """Return the squared distance to the nearest class."""
    rows = directions(rows) - arrays['centre']
    own = arrays['scale'] * (rows**2).sum(axis=1) - ((rows @ arrays['factors']) ** 2).sum(axis=1)
    to_classes = arrays['offsets'] - rows @ arrays['planes']
    return np.maximum(own + to_classes.min(axis=1), TINY)


def _score_mahalanobis(arrays, rows):
    return np.log(_mahalanobis_squares(arrays, rows))


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


def _fit_neighbours(count, rows, outputs):
    del outputs
    bank = directions(rows)
    return {'bank': bank.T, 'count': np.array(min(count, len(bank)))}


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


MEASURES = {
    'mahalanobis': Measure(_fit_mahalanobis, _score_mahalanobis),
    'relative_mahalanobis': Measure(_fit_relative, _score_relative),
    **{
        f'neighbours_{count}': Measure(functools.partial(_fit_neighbours, count), _score_neighbours)
        for count in (1, 5, 10, 20)
    },
    'max_logit': Measure(_nothing_to_fit, _score_max_logit, LOGITS),
}
