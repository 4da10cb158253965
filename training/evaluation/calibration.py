"""How well the probabilities of predictions agree with the share of right ones."""

import numpy as np

BINS = 15
_RESAMPLES = 1000
_CONFIDENCE = 0.95


class Bins:
    """Predictions, counted by their probability in bins of the same width."""

    def __init__(self):
        self._sums = np.zeros([BINS, 3])  # Examples, confidence, right.

    def add(self, confidence, right):
        """Add predictions: their probabilities, and whether they are right."""
        columns = np.stack([np.ones_like(confidence), confidence, right], axis=1)
        np.add.at(self._sums, _numbers(confidence), columns)

    @property
    def counts(self):
        """Return the number of predictions in each bin."""
        return self._sums[:, 0]

    @property
    def points(self):
        """Return the mean confidence and the share of right predictions of each bin, or NaN."""
        counts, confidence, right = self._sums.T
        with np.errstate(invalid='ignore'):
            return confidence / counts, right / counts

    @property
    def error(self):
        """Return the expected calibration error (Guo et al., arXiv:1706.04599)."""
        counts, confidence, right = self._sums.T
        return float(np.abs(confidence - right).sum() / max(counts.sum(), 1))


def _numbers(confidence):
    # Bins exclude their lower bound, so a confidence of exactly 1 is in the last one.
    return np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1).astype(int)


def interval_of_error(confidence, right, seed=0):
    """Return the bounds of the 95% interval of the expected calibration error by the bootstrap.

    The error of few predictions is too large on average, and that of a sample of them is larger
    still. The interval takes this off: twice the error, minus the quantiles of the samples. It
    begins at 0 if perfect probabilities might have as large an error on so few predictions.
    """
    if not len(confidence):
        return None
    numbers = _numbers(confidence)
    random = np.random.default_rng(seed)
    tail = (1 - _CONFIDENCE) / 2

    def errors(draw):
        sums = (np.bincount(*draw(), BINS) for _ in range(_RESAMPLES))
        return [np.abs(each).sum() / len(numbers) for each in sums]

    def sample():
        drawn = random.integers(len(numbers), size=len(numbers))
        return numbers[drawn], confidence[drawn] - right[drawn]

    def perfect():
        return numbers, confidence - (random.uniform(size=len(numbers)) < confidence)

    error = np.abs(np.bincount(numbers, confidence - right, BINS)).sum() / len(numbers)
    high, low = 2 * error - np.quantile(errors(sample), [tail, 1 - tail])
    if error <= np.quantile(errors(perfect), 1 - tail):
        low = 0.0
    return [max(float(low), 0.0), max(float(high), 0.0)]
