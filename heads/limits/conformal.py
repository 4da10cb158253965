"""The threshold of the strangeness of known pictures, and p-values (split-conformal).

If a new picture and the held-out ones are exchangeable, it is accepted with the wanted probability,
and the chance that its p-value is at most p is at most p (Vovk, Gammerman and Shafer 2005).
"""

import dataclasses

import numpy as np

MOST_KNOTS = 256
# Distances in standard deviations of the scores. Knots of p-values are not closer than this.
_LEAST_GAP = 0.01
# A p-value falls by no more than this over one standard deviation, except if pictures are few.
_STEEPEST = 10.0
# Scores that differ by less are equal: the engines of a model differ so much.
_SAME = 4e-5
# How far the threshold is above the largest score, at least and at most.
_LEAST_BEYOND, _MOST_BEYOND = 0.05, 1.0
# With many pictures, a p-value p of the next knot is smaller by at least this part and number.
_PART, _NUMBER = 0.012, 0.001
# Products such as 20 * 0.95 are whole numbers in spite of rounding.
_ROUNDING = 1e-9


def rank(count, level):
    """Return k: a new score is at most the k-th smallest of `count` with probability `level`.

    It is larger than `count` if there are too few scores.
    """
    if not 0 < level < 1:
        raise ValueError(f'{level}: must be above 0 and below 1')
    return int(np.ceil((count + 1) * level - _ROUNDING))


def needed(level):
    """Return the smallest number of pictures for a level, such as 19 for 0.95."""
    return max(1, int(np.ceil(level / (1 - level) - _ROUNDING)))


def promised(count, accept_known):
    """Return the share of known pictures that a threshold from so many pictures accepts."""
    return min(accept_known, count / (count + 1))


def shortage(count, accept_known):
    """Return one line for people if there are too few pictures for the promise, else None."""
    least = needed(accept_known)
    if count >= least:
        return None
    pictures = {0: 'no pictures were', 1: 'only 1 picture was'}.get(count, f'only {count} were')
    return (
        f'{pictures} held out; accepting {100 * accept_known:g}% of the known pictures needs '
        f'{least}: the promise is {promised(count, accept_known):.1%}'
    )


def midway(scores, level, same=0.0):
    """Return (low, high): new scores are at most `low` with probability `level`; see `rank`.

    `high` is the next larger score, or None. Scores that differ by less than `same` are equal.
    """
    ordered = np.sort(scores)
    low = ordered[min(rank(len(ordered), level), len(ordered)) - 1]
    number = np.searchsorted(ordered, low + same, side='right')
    high = float(ordered[number]) if number < len(ordered) else None
    return float(ordered[number - 1]), high


@dataclasses.dataclass(frozen=True)
class Acceptance:
    """What held-out scores say of new ones; see `Limits`."""

    threshold: float
    knots: np.ndarray  # float32
    p_values: np.ndarray  # float32


def calibrate(scores, accept_known):
    """Return the Acceptance for the scores of held-out known pictures.

    The interpolated p-value is never below the exact one, (1 + held-out scores that are at least as
    large) / (1 + held-out scores). It is larger than 1 - `promised` up to the threshold and not
    beyond it, except for scores that are within a few hundredths of a standard deviation of it.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 1 or not len(scores):
        raise ValueError('no scores')
    if not np.isfinite(scores).all():
        raise ValueError('a score is NaN or infinite')
    unit = float(scores.std())
    unit = unit if unit > _ROUNDING * abs(scores).max() else 1.0
    threshold = _threshold(scores, accept_known, unit)
    p_threshold = 1 - promised(len(scores), accept_known)
    places, p_values = _points(scores, threshold, p_threshold, unit)
    knots, p_values = _joined(places, p_values, p_threshold + _ROUNDING, unit)
    return Acceptance(threshold, _rounded_up(knots), _rounded_up(p_values))


def _threshold(scores, accept_known, unit):
    """Return a number between two scores, so that two engines sort the pictures alike."""
    low, high = midway(scores, accept_known, _SAME * unit)
    if high is not None:
        return (low + high) / 2
    smaller = scores[scores < low]
    gap = low - smaller.max() if len(smaller) else 0
    return low + float(np.clip(gap / 2, _LEAST_BEYOND * unit, _MOST_BEYOND * unit))


def _points(scores, threshold, p_threshold, unit):
    """Return (scores, p-values) in order, with the threshold and an end beyond all scores."""
    places, counts = np.unique(scores, return_counts=True)
    count = len(scores)
    p_values = (1 + np.cumsum(counts[::-1])[::-1]) / (count + 1)
    gap = _LEAST_GAP * unit
    if (abs(places - threshold) >= gap).all():
        places = np.append(places, threshold)
        p_values = np.append(p_values, p_threshold)
        places, p_values = np.sort(places), -np.sort(-p_values)
    end = 1 / (count + 1)
    if p_values[-1] > end:
        places, p_values = np.append(places, places[-1] + gap), np.append(p_values, end)
    return places, p_values


def _joined(places, p_values, p_threshold, unit):
    """Return fewer points; each replaces the points between the previous one and itself.

    It has the p-value of the first of them, the largest, and lies at the last or beyond. So the
    lines between the points are never below the p-values.
    """
    least = max(_LEAST_GAP * unit, 16 * float(np.spacing(np.float32(abs(places).max()))))
    part, number = (_PART, _NUMBER) if len(places) > MOST_KNOTS - 1 else (0, 0)
    at_threshold = np.searchsorted(-p_values, -p_threshold)

    def gap(fall):
        return max(least, fall * unit / _STEEPEST)

    knots, values, first = [places[0]], [p_values[0]], 1
    while first < len(places):
        value = p_values[first]
        # All that have fallen by less than this are joined, but not across the threshold.
        after = np.searchsorted(-p_values, part * value + number - value)
        if value > p_threshold:
            after = min(after, at_threshold)
        elif values[-1] > p_threshold:
            after = first + 1
        knots.append(max(places[max(after - 1, first)], knots[-1] + gap(values[-1] - value)))
        values.append(value)
        first = np.searchsorted(places, knots[-1], side='right')
    if values[-1] > p_values[-1]:
        knots.append(knots[-1] + gap(values[-1] - p_values[-1]))
        values.append(p_values[-1])
    return np.array(knots), np.array(values)


def _rounded_up(values):
    """Return float32 numbers that are not smaller."""
    rounded = values.astype(np.float32)
    return np.where(rounded < values, np.nextafter(rounded, np.float32(np.inf)), rounded)
