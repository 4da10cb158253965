"""The regularizer of a network's weights."""

import numbers

import tf_slim as slim


def l2(weight_decay):
    """Return slim's regularizer, or None without decay, to avoid slim's log message."""
    if isinstance(weight_decay, numbers.Real) and not weight_decay:
        return None
    return slim.l2_regularizer(weight_decay)
