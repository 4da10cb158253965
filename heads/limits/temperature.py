"""The temperature of a classifier: what its logits are divided by before the softmax."""

import numpy as np
from scipy import optimize

SMALLEST, LARGEST = 0.05, 20.0
# With fewer pictures, one mistake would decide.
LEAST_PICTURES = 20
# If the loss falls by less, the pictures do not say what the temperature is.
_LEAST_GAIN = 1e-9


def fit(logits, outputs):
    """Return the temperature with the smallest log loss (Guo et al., arXiv:1706.04599).

    `logits` [pictures, classes] are those of pictures that were not fitted, and -inf for a class
    without pictures. If all answers are right, the loss has no minimum, and the temperature is 1.
    So it is with fewer pictures than LEAST_PICTURES.
    """
    logits, outputs = checked(logits, outputs)
    if len(logits) < LEAST_PICTURES:
        return 1.0
    below = logits - logits.max(axis=1, keepdims=True)
    own = below[np.arange(len(logits)), outputs]
    if not own.any():
        return 1.0

    def loss(log_temperature):
        factor = np.exp(-log_temperature)
        return (np.log(np.exp(below * factor).sum(axis=1)) - own * factor).mean()

    found = optimize.minimize_scalar(
        loss, bounds=np.log([SMALLEST, LARGEST]), method='bounded', options={'xatol': 1e-4}
    )
    return float(np.exp(found.x)) if loss(0.0) - found.fun > _LEAST_GAIN else 1.0


def checked(logits, outputs):
    """Return (logits as float64, outputs as int); raise a ValueError for what is no logit."""
    logits, outputs = np.asarray(logits, np.float64), np.asarray(outputs, int)
    if logits.ndim != 2 or outputs.shape != logits.shape[:1]:
        raise ValueError(f'{logits.shape} logits for {outputs.shape} pictures')
    if np.isnan(logits).any() or np.isposinf(logits).any():
        raise ValueError('a logit is NaN or infinite')
    if not np.isfinite(logits[np.arange(len(logits)), outputs]).all():
        raise ValueError("the logit of a picture's own class is infinite")
    return logits, outputs
