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


def held_out_probabilities(table, labels, num_classes, report):
    """Return probabilities [records, classes] of fits that have not seen the record.

    They are NaN for the only picture of a class. `report` is called with lines of text.
    """
    count = len(table)
    size = max(_PART, _PER_CLASS * num_classes)
    shuffled = np.random.default_rng(0).permutation(count)
    parts = np.array_split(shuffled, -(-count // size))
    found = np.full((count, num_classes), np.nan, np.float32)
    for number, part in enumerate(parts, 1):
        part.sort()
        rows = table.rows(part)
        repetitions = _REPETITIONS if count <= _FEW else 1
        solutions = [
            solver.fit(rows, labels[part], num_classes, seed=seed) for seed in range(repetitions)
        ]
        found[part] = np.mean([softmax(each.held_out, axis=1) for each in solutions], axis=0)
        if chosen := solutions[0].chosen:
            part_words = f' (part {number} of {len(parts)})' if len(parts) > 1 else ''
            report(
                f'Cross-validated accuracy on the features{part_words}:'
                f' {chosen.accuracy:.1%} +- {chosen.standard_error:.1%}.'
            )
    return found


def doubtful(probabilities, labels):
    """Return (places, suggested labels, scores) of doubtful labels, the most doubtful first.

    The score is the difference between the probabilities of the suggested label and of the label.
    """
    known = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
    probabilities, labels = probabilities[known], labels[known]
    thresholds = _thresholds(probabilities, labels)
    places = np.arange(len(known))
    suggested = probabilities.argmax(axis=1) if len(known) else labels
    own, best = probabilities[places, labels], probabilities[places, suggested]
    is_doubted = (
        (suggested != labels)
        & (own < _DOUBTED * thresholds[labels])
        & (best >= _LIKELY * thresholds[suggested])
    )
    scores = best - own
    found = np.flatnonzero(is_doubted)
    found = found[np.argsort(-scores[found], kind='stable')]
    return known[found], suggested[found], scores[found]


def _thresholds(probabilities, labels):
    """Return the mean probability of each class among the pictures with its label."""
    own = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    sums = np.bincount(labels, weights=own, minlength=probabilities.shape[1])
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
