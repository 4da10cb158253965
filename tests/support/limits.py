"""Limits of classifiers that tests need at once: fitted to drawn features, for any network."""

import numpy as np
import tensorflow.compat.v1 as tf

from heads.limits import limits_files, measures
from heads.limits.limits import FEATURES, Limits, PredictionSets, Term, soft_maximum

MEASURES = ('mahalanobis', 'max_logit')
SETS = PredictionSets(
    1.1, 'lac', {'lac': {'0.9': 0.31, '0.95': 0.2}, 'aps': {'0.9': 0.93, '0.95': 0.97}}
)


def draw(num_classes, sizes, count=60, seed=0):
    """Return (logits, {layer: features}, outputs) of pictures of known classes."""
    generator, classes = np.random.default_rng(seed), np.random.default_rng(0)
    outputs = np.arange(count) % num_classes
    means = {layer: classes.normal(0, 1, [num_classes, size]) for layer, size in sizes.items()}
    layers = {
        layer: (means[layer][outputs] + generator.normal(0, 0.5, [count, size])).astype(np.float32)
        for layer, size in sizes.items()
    }
    logits = 4 * np.eye(num_classes)[outputs] + generator.normal(0, 1, [count, num_classes])
    return logits.astype(np.float32), layers, outputs


def make_limits(
    num_classes=5, feature_size=8, names=MEASURES, others=None, count=60, seed=0, **changes
):
    """Return Limits with a term for each measure in `names` and each layer that it may read.

    `others` are layers besides FEATURES: {layer: (number of channels, tensor of its map)}.
    """
    others = others or {}
    sizes = {FEATURES: feature_size, **{layer: size for layer, (size, _) in others.items()}}
    drawn = draw(num_classes, sizes, count, seed)
    tensors = {layer: tensor for layer, (_, tensor) in others.items()}
    return fit_limits(*drawn, names, layers=tensors, **changes)


def fit_limits(logits, layers_rows, outputs, names=MEASURES, **changes):
    """Return Limits that are fitted to half of the given logits and {layer: features}.

    The other half shows the usual values.
    """
    terms, values, half = [], [], len(outputs) // 2
    for name in names:
        measure = measures.MEASURES[name]
        by_layer = {measures.LOGITS: logits} if name.startswith('max_') else layers_rows
        for layer, rows in by_layer.items():
            arrays = {
                key: np.asarray(value, np.float32)
                for key, value in measure.fit(rows[:half], outputs[:half]).items()
            }
            found = measure.score(arrays, rows[half:])
            mean, std = float(found.mean()), max(float(found.std()), 1e-3)
            terms.append(Term(name, layer, arrays, mean, std))
            values.append((found - mean) / std)
    scores = soft_maximum(values)
    knots = np.unique(np.quantile(scores, np.linspace(0, 1, 21)).astype(np.float32))
    settings = {
        'temperature': 1.3,
        'terms': tuple(terms),
        'threshold': float(np.quantile(scores, 0.95)),
        'knots': knots,
        'p_values': np.linspace(1, 0.05, len(knots), dtype=np.float32),
        'accept_known': 0.95,
        'sets': SETS,
        'num_held_out': len(scores),
        'layers': {},
    }
    return Limits(**{**settings, **changes})


def write(directory, limits):
    """Write Limits beside the newest checkpoint of a training directory, and return them."""
    limits_files.write(tf.train.latest_checkpoint(directory), limits)
    return limits
