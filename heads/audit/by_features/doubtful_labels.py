"""Find labels that a classifier doubts which has not seen the picture.

Northcutt, Jiang and Chuang: Confident learning: estimating uncertainty in dataset labels (2021).
The threshold of a class is the mean probability of the class among the pictures with its label.
"""

import numpy as np
from scipy.special import softmax

from heads import solver

# Records are divided into parts of this size, each with a cross-validation of its own, so that
# memory and time per record are bounded.
_PART = 20_000
_PER_CLASS = 50
# Few records are cross-validated several times, because the result depends on the folds.
_FEW = 5000
_REPETITIONS = 3
# A label is doubted if its probability is below this part of its class's threshold, and that of
# the most probable class is above this part of the threshold of that class.
_DOUBTED, _LIKELY = 0.1, 0.5


def find(table, labels, num_classes, report):
    """Return (places, suggested labels, their probabilities, those of the labels), as arrays.

    The most doubtful come first. `labels` are those of the FeatureTable's records. `report` is
    called with lines of text.
    """
    count = len(table)
    size = max(_PART, _PER_CLASS * num_classes)
    shuffled = np.random.default_rng(0).permutation(count)
    parts = [np.sort(part) for part in np.array_split(shuffled, -(-count // size))]
    # The main components of many records are fitted in a fraction of the time.
    rows_of = table.directions().__getitem__ if len(parts) > 1 else table.rows
    found = []
    for number, part in enumerate(parts, 1):
        words = f' (part {number} of {len(parts)})' if len(parts) > 1 else ''
        repetitions = _REPETITIONS if count <= _FEW else 1
        probabilities, accuracy = _held_out(rows_of(part), labels[part], num_classes, repetitions)
        report(f'Cross-validated accuracy on the features{words}: {accuracy}.')
        places, *rest = doubtful(probabilities, labels[part])
        found.append((part[places], *rest))
    columns = [np.concatenate(column) for column in zip(*found, strict=True)]
    order = np.argsort(columns[3] - columns[2], kind='stable')
    return tuple(column[order] for column in columns)


def _held_out(rows, labels, num_classes, repetitions):
    """Return (probabilities of fits that have not seen the record, their accuracy in words).

    The probabilities are NaN for the only picture of a class.
    """
    solutions = [solver.fit(rows, labels, num_classes, seed=seed) for seed in range(repetitions)]
    probabilities = np.mean([softmax(each.held_out, axis=1) for each in solutions], axis=0)
    chosen = solutions[0].chosen
    words = f'{chosen.accuracy:.1%} +- {chosen.standard_error:.1%}' if chosen else 'unknown'
    return probabilities, words


def doubtful(probabilities, labels):
    """Return (places, suggested labels, their probabilities, those of the labels), as arrays.

    Records whose probabilities are NaN are never doubtful.
    """
    known = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
    probabilities, labels = probabilities[known], labels[known]
    thresholds = _thresholds(probabilities, labels)
    places = np.arange(len(known))
    suggested = probabilities.argmax(axis=1) if len(known) else labels
    best, own = probabilities[places, suggested], probabilities[places, labels]
    is_doubted = (
        (suggested != labels)
        & (own < _DOUBTED * thresholds[labels])
        & (best >= _LIKELY * thresholds[suggested])
    )
    found = np.flatnonzero(is_doubted)
    return known[found], suggested[found], best[found], own[found]


def _thresholds(probabilities, labels):
    """Return the mean probability of each class among the pictures with its label."""
    own = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    sums = np.bincount(labels, weights=own, minlength=probabilities.shape[1])
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
