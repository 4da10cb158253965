"""Sets of classes that contain the class of a known picture with a given probability.

`lac` takes the classes whose probability reaches a threshold (Sadinle, Lei and Wasserman 2019), and
always the best one. `aps` adds the best classes until the sum of their probabilities reaches a
threshold (Romano, Sesia and Candes 2020), without their random last step; its threshold is
calibrated for that rule. classifiers.verdicts.prediction_set applies them.

If there are enough pictures, a part of them chooses the temperature and the rule with the smaller
sets, and the others set the thresholds. So the thresholds come from pictures that are exchangeable
with new ones. With fewer pictures, all of them do both, but the temperature is only fitted: one
number that hardly depends on a single picture.
"""

import numpy as np
from scipy.special import softmax

from classifiers.verdicts import LEVELS, level_name
from heads.limits import conformal, temperature
from heads.limits.limits import PredictionSets

_LEAST_TO_SPLIT = 200  # Pictures.
_CHOOSING_PART = 4  # A quarter of the pictures chooses, but no more than this:
_MOST_CHOOSING = 2000
_FACTORS = (1.0, 0.84, 1.2, 0.7, 1.4, 0.5, 2.0)  # Of the fitted temperature.
# Probabilities that differ by a smaller part are equal: the engines of a model differ so much.
_SAME = 2e-6
_BEYOND = 1e-4  # How far a threshold is beyond the last picture.


def fit(logits, outputs, levels=LEVELS, seed=0):
    """Return the PredictionSets for held-out pictures, or None if they are too few for any level.

    `logits` are as for `temperature.fit`; the `seed` chooses the part that chooses.
    """
    logits, outputs = temperature.checked(logits, outputs)
    choosing, others = _parts(len(outputs), seed)
    levels = [level for level in levels if len(others) >= conformal.needed(level)]
    if not levels:
        return None
    fitted = temperature.fit(logits[choosing], outputs[choosing])
    factors = _FACTORS if len(others) < len(outputs) else (1.0,)
    chosen, shown = _smallest(
        logits[choosing], outputs[choosing], [fitted * factor for factor in factors], min(levels)
    )
    strangeness = _strangeness(softmax(logits[others] / chosen, axis=1), outputs[others])
    thresholds = {
        rule: {level_name(level): _threshold(rule, values, level) for level in levels}
        for rule, values in strangeness.items()
    }
    return PredictionSets(chosen, shown, thresholds)


def _parts(count, seed):
    """Return the numbers of the pictures that choose, and of those that set the thresholds."""
    numbers = np.random.default_rng(seed).permutation(count)
    if count < _LEAST_TO_SPLIT:
        return numbers, numbers
    return np.split(numbers, [min(count // _CHOOSING_PART, _MOST_CHOOSING)])


def _smallest(logits, outputs, temperatures, level):
    """Return (temperature, rule) with the smallest sets; of equal ones the first."""
    best = None
    for number in temperatures:
        probabilities = softmax(logits / number, axis=1)
        ordered = -np.sort(-probabilities, axis=1)
        for rule, values in _strangeness(probabilities, outputs).items():
            size = _sizes(rule, ordered, _threshold(rule, values, level)).mean()
            if best is None or size < best[0]:
                best = size, number, rule
    return best[1:]


def _strangeness(probabilities, outputs):
    """Return {rule: numbers of the pictures}; a picture's class is in its set if it is small."""
    rows = np.arange(len(outputs))
    own = probabilities[rows, outputs][:, np.newaxis]
    comes_first = np.arange(probabilities.shape[1]) < outputs[:, np.newaxis]
    is_better = (probabilities > own) | ((probabilities == own) & comes_first)
    return {'lac': -own[:, 0], 'aps': (probabilities * is_better).sum(axis=1)}


def _threshold(rule, values, level):
    end = 0.0 if rule == 'lac' else 1.0
    low, _ = conformal.midway(values, level)
    low, high = conformal.midway(values, level, _SAME * (end - low))
    if high is None:
        high = min(end, low + 2 * _BEYOND)
    middle = (low + high) / 2
    return -middle if rule == 'lac' else middle


def _sizes(rule, ordered, threshold):
    """Return how many classes are in the sets for rows of probabilities, largest first."""
    if rule == 'lac':
        return np.maximum((ordered >= threshold).sum(axis=1), 1)
    is_needed = np.cumsum(ordered, axis=1) < threshold
    return np.minimum(1 + is_needed.sum(axis=1), ordered.shape[1])
