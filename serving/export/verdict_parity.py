"""Compare the outputs of a classifier's limits with those of the graph."""

import dataclasses

import numpy as np

TOLERANCE = 1e-4  # Of a probability, and of a score in units of its size if it is above 1.


@dataclasses.dataclass(frozen=True)
class Agreement:
    """The largest difference, and the pictures with the same `is_known`."""

    difference: float
    num_agreeing: int
    count: int

    def line(self):
        """Return a part of a line for people."""
        return (
            f'of its limits {self.difference:.1e}, same `is_known` for {self.num_agreeing} of'
            f' {self.count}'
        )


def compare(limits, expected, found):
    """Return the Agreement of two {kind: array}.

    `p_known` may fall steeply between two scores, so it is compared with the values for all scores
    that are near enough.
    """
    scores = expected['unknown_score'].astype(np.float64)
    near = TOLERANCE * np.maximum(1, np.abs(scores))
    low, high = (
        np.interp(scores + shift, limits.knots, limits.p_values) for shift in (near, -near)
    )
    p_known = found['p_known']
    differences = [
        np.abs(expected['probabilities_calibrated'] - found['probabilities_calibrated']).max(),
        (np.abs(scores - found['unknown_score']) / np.maximum(1, np.abs(scores))).max(),
        np.maximum(low - p_known, p_known - high).max(),
    ]
    is_same = expected['is_known'] == found['is_known']
    if not is_same[np.abs(scores - limits.threshold) > near].all():
        differences.append(np.inf)
    # Unlike max(), this returns NaN if one of them is.
    return Agreement(float(np.max(differences)), int(is_same.sum()), len(is_same))
