"""Check and complete the rows of numbers that a model returns for pictures."""

import numpy as np

from classifiers.verdicts import KINDS, Outputs, Verdicts
from common.errors import UserError

_SUM_TOLERANCE = 1e-2  # bfloat16 keeps 8 bits of each probability.


def outputs(arrays, are_logits):
    """Return the Outputs of what a model returns: arrays [pictures, numbers].

    The first has a column for each class. Those of verdicts.KINDS follow if the model has them.
    """
    first, *others = arrays
    verdicts = None
    if others:
        calibrated, scores, p_known, is_known = others
        verdicts = Verdicts(calibrated, scores[:, 0], p_known[:, 0], is_known[:, 0].astype(bool))
    return Outputs(softmax(first) if are_logits else first, verdicts)


def require_sound(arrays):
    """Raise a UserError if a number is not finite, or an array of verdicts.KINDS does not fit."""
    if not all(np.isfinite(rows).all() for rows in arrays):
        raise UserError('the model returns numbers that are not finite (its weights may be NaN)')
    for kind, rows in zip(KINDS, arrays[1:], strict=False):
        width = arrays[0].shape[1] if kind == KINDS[0] else 1
        if rows.shape[1] != width:
            raise UserError(f'{kind} has {rows.shape[1]} numbers per picture, and needs {width}')


def are_distributions(rows):
    """Return whether each row consists of probabilities that sum to 1."""
    sums = rows.sum(axis=1)
    return bool((rows >= 0).all() and (abs(sums - 1) < _SUM_TOLERANCE).all())


def softmax(rows):
    """Turn logits into probabilities."""
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
