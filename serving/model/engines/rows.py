"""Check and complete the rows of numbers that a model returns for pictures."""

import numpy as np

from common.errors import UserError

_SUM_TOLERANCE = 1e-2  # bfloat16 keeps 8 bits of each probability.


def require_finite(rows):
    """Raise a UserError if a number is infinite or not a number."""
    if not np.isfinite(rows).all():
        raise UserError('the model returns numbers that are not finite (its weights may be NaN)')


def are_distributions(rows):
    """Return whether each row consists of probabilities that sum to 1."""
    sums = rows.sum(axis=1)
    return bool((rows >= 0).all() and (abs(sums - 1) < _SUM_TOLERANCE).all())


def softmax(rows):
    """Turn logits into probabilities."""
    powers = np.exp(rows - rows.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
