"""What the limits of a classifier say of the evaluated split, whose pictures it should accept."""

import dataclasses

import numpy as np

from classifiers.verdicts import LEVELS, level_name, prediction_set
from training.evaluation import calibration
from training.evaluation.limits.unknowns import Scores


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How well probabilities agree with the share of right predictions."""

    bins: calibration.Bins
    interval: list | None  # Bounds of the 95% interval of the error; None without pictures.

    @property
    def error(self):
        """Return the expected calibration error."""
        return self.bins.error


@dataclasses.dataclass(frozen=True)
class PredictionSetFigures:
    """The prediction sets of one level."""

    coverage: float  # The share that contains the true class.
    mean_size: float


@dataclasses.dataclass(frozen=True)
class LimitsFigures:
    """The results of a split with the limits of the classifier."""

    described: dict  # As ModelInfo.limits.
    count: int
    accepted: int
    accepted_and_right: int
    before: Calibration
    after: Calibration
    examples: np.ndarray  # Pictures of each class ...
    rejected: np.ndarray  # ... and how many of them were rejected.
    sets: dict[str, PredictionSetFigures]  # By level.

    @property
    def share_accepted(self):
        """Return the share of pictures that are taken for one of the classes."""
        return self.accepted / max(self.count, 1)

    @property
    def accuracy_on_accepted(self):
        """Return the share of right predictions among accepted pictures; None if there are none."""
        return self.accepted_and_right / self.accepted if self.accepted else None


class KnownPictures:
    """Collect a few numbers for each picture of the split."""

    def __init__(self, described, num_classes):
        self._described = described
        self._examples, self._rejected = np.zeros([2, num_classes], int)
        levels = [level for level in LEVELS if _has_sets(described, level)]
        self._sets = {level: np.zeros(2) for level in levels}  # Right sets, sum of their sizes.
        self._scores = [Scores.empty(bool(described))]
        self._right, self._calibrated = [np.empty(0, bool)], [np.empty(0)]

    def add(self, batch):
        """Add a batch."""
        self._scores.append(Scores.of(batch.log_probabilities, batch.verdicts))
        if batch.verdicts is None:
            return
        self._right.append(batch.log_probabilities.argmax(axis=1) == batch.labels)
        self._calibrated.append(batch.verdicts.probabilities.max(axis=1))
        np.add.at(self._examples, batch.labels, 1)
        np.add.at(self._rejected, batch.labels[~batch.verdicts.is_known], 1)
        for label, probabilities in zip(batch.labels, batch.verdicts.probabilities, strict=True):
            for level, sums in self._sets.items():
                outputs = prediction_set(probabilities, self._described, level)
                sums += label in outputs, len(outputs)

    @property
    def scores(self):
        """Return the Scores of the pictures."""
        return Scores.joined(self._scores)

    def figures(self):
        """Return the LimitsFigures, or None if the limits are not known."""
        if not self._described:
            return None
        scores, right = self.scores, np.concatenate(self._right)
        return LimitsFigures(
            described=self._described,
            count=len(right),
            accepted=int(scores.is_known.sum()),
            accepted_and_right=int((scores.is_known & right).sum()),
            before=_calibration(1 - scores.softmax, right),
            after=_calibration(np.concatenate(self._calibrated), right),
            examples=self._examples,
            rejected=self._rejected,
            sets={
                level_name(level): PredictionSetFigures(*(sums / max(len(right), 1)).tolist())
                for level, sums in self._sets.items()
            },
        )


def _has_sets(described, level):
    sets = described.get('sets') or {}
    return level_name(level) in sets.get(sets.get('shown'), {})


def _calibration(confidence, right):
    bins = calibration.Bins()
    bins.add(confidence, right)
    return Calibration(bins, calibration.interval_of_error(confidence, right))
