"""What a classifier says of a picture besides its probabilities, if its limits are known.

calibrate_image_classifier.py learns the limits; see docs/knowing_its_limits.md.
"""

import dataclasses

import numpy as np

# The outputs of a graph, in this order: the names of nodes, and their kinds in model.json.
KINDS = ('probabilities_calibrated', 'unknown_score', 'p_known', 'is_known')
# What calibrate_image_classifier.py writes beside a checkpoint: the description, and the arrays.
LIMITS_FILES = ('limits.json', 'limits.npz')
LEVELS = (0.9, 0.95)  # Of prediction sets.


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What is said of one picture."""

    probabilities: np.ndarray  # Calibrated, [classes].
    unknown_score: float  # How strange the picture is; 0 is usual, 1 is one standard deviation.
    p_known: float  # The share of known pictures that are at least as strange.
    is_known: bool  # Whether it is taken for a picture of one of the classes.


@dataclasses.dataclass(frozen=True)
class Verdicts:
    """What is said of several pictures, as arrays with a row for each."""

    probabilities: np.ndarray  # Calibrated, [pictures, classes].
    unknown_scores: np.ndarray
    p_known: np.ndarray
    is_known: np.ndarray  # bool

    def __len__(self):
        return len(self.is_known)

    def __getitem__(self, number):
        return Verdict(
            self.probabilities[number],
            float(self.unknown_scores[number]),
            float(self.p_known[number]),
            bool(self.is_known[number]),
        )


def tensors(info):
    """Return the names of the tensors of KINDS in the graph of a ModelInfo.

    It is empty unless there are all of them, and `info.limits`, which explain them.
    """
    found = tuple(map(info.tensor, KINDS)) if info.limits else ()
    return found if all(found) else ()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a model says of one picture; the verdict is None if the model's limits are unknown."""

    probabilities: np.ndarray  # As the network returns them, [classes].
    verdict: Verdict | None = None


@dataclasses.dataclass(frozen=True)
class Outputs:
    """What a model says of several pictures."""

    probabilities: np.ndarray  # float32 [pictures, classes]
    verdicts: Verdicts | None = None

    def __len__(self):
        return len(self.probabilities)

    def __getitem__(self, number):
        verdict = None if self.verdicts is None else self.verdicts[number]
        return Outcome(self.probabilities[number], verdict)

    def __iter__(self):
        return map(self.__getitem__, range(len(self)))


def prediction_set(probabilities, limits, level=0.9):
    """List the outputs that a picture may belong to, best first.

    `probabilities` are the calibrated ones of the picture, and `limits` is `ModelInfo.limits`. The
    list contains the class of a known picture with probability `level`. It is empty only if there
    are no prediction sets for this level.
    """
    sets = limits.get('sets') or {}
    threshold = sets.get(sets.get('shown'), {}).get(level_name(level))
    if threshold is None:
        return []
    scaled = _with_exponent(probabilities, limits['temperature'] / sets['temperature'])
    order = np.argsort(-scaled, kind='stable')
    if sets['shown'] == 'lac':
        count = max(1, int((scaled >= threshold).sum()))
    else:
        count = 1 + int((np.cumsum(scaled[order]) < threshold).sum())
    return order[:count].tolist()


def level_name(level):
    """Return the key of a level in `ModelInfo.limits`, such as `0.9`."""
    return f'{level:g}'


def _with_exponent(probabilities, exponent):
    """Return probabilities to a power, so that they have another temperature."""
    # A probability that is too small for float32 is 0, and the logarithm of 0 is not finite.
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), np.finfo(np.float32).tiny))
    powers = np.exp(exponent * (logs - logs.max()))
    return powers / powers.sum()
