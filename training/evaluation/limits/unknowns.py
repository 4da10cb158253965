"""How well scores tell pictures of none of the classes from known pictures."""

import dataclasses

import numpy as np

_CONFIDENCE = 0.95
_RESAMPLES, _MOST_SCORES = 1000, 2_000_000  # As many samples as the second number allows ...
_LEAST_RESAMPLES = 100  # ... but not fewer than this.
NAMES = ('auroc', 'fpr95', 'rejected', 'known_accepted', 'softmax_auroc', 'softmax_fpr95')


@dataclasses.dataclass(frozen=True)
class Scores:
    """The scores of some pictures, larger for strange ones."""

    softmax: np.ndarray  # 1 minus the largest probability.
    limits: np.ndarray | None = None  # unknown_score; None if the limits are not known.
    is_known: np.ndarray | None = None  # The decision at the threshold.

    @classmethod
    def of(cls, log_probabilities, verdicts):
        """Return the Scores of pictures from what an evaluator says of them."""
        softmax = -np.expm1(log_probabilities.max(axis=1))
        if verdicts is None:
            return cls(softmax)
        return cls(softmax, np.asarray(verdicts.unknown_scores, float), verdicts.is_known)

    @classmethod
    def empty(cls, has_limits):
        """Return the Scores of no pictures."""
        none = np.empty(0)
        return cls(none, none, none.astype(bool)) if has_limits else cls(none)

    @classmethod
    def joined(cls, parts):
        """Return the Scores of all pictures."""
        columns = zip(*((part.softmax, part.limits, part.is_known) for part in parts), strict=True)
        return cls(*(None if each[0] is None else np.concatenate(each) for each in columns))

    def drawn(self, random):
        """Return as many pictures, drawn with replacement."""
        places = random.integers(len(self.softmax), size=len(self.softmax))
        parts = (self.softmax, self.limits, self.is_known)
        return Scores(*(None if part is None else part[places] for part in parts))


@dataclasses.dataclass(frozen=True)
class UnknownFigures:
    """The results of one folder. A figure is None if it cannot be known."""

    folder: str  # As the user wrote it.
    count: int
    skipped: int
    figures: dict  # {name: number or None}
    intervals: dict  # {name: [low, high] or None}
    scores: Scores


def measure(folder, skipped, known, unknown, seed=0):
    """Return the UnknownFigures for the Scores of the split and of a folder."""
    found = _figures(known, unknown, auroc)
    random = np.random.default_rng(seed)
    count = len(known.softmax) + len(unknown.softmax)
    samples = [
        _figures(known.drawn(random), unknown.drawn(random), auroc_of_sample)
        for _ in range(int(np.clip(_MOST_SCORES // count, _LEAST_RESAMPLES, _RESAMPLES)))
        if found['softmax_auroc'] is not None
    ]
    return UnknownFigures(
        folder=folder,
        count=len(unknown.softmax),
        skipped=skipped,
        figures=found,
        intervals={name: _interval([each[name] for each in samples]) for name in NAMES},
        scores=unknown,
    )


def _figures(known, unknown, area):
    found = dict.fromkeys(NAMES)
    if not len(known.softmax) or not len(unknown.softmax):
        return found
    found['softmax_auroc'] = area(known.softmax, unknown.softmax)
    found['softmax_fpr95'] = fpr95(known.softmax, unknown.softmax)
    if known.limits is not None:
        found['auroc'] = area(known.limits, unknown.limits)
        found['fpr95'] = fpr95(known.limits, unknown.limits)
        found['rejected'] = float((~unknown.is_known).mean())
        found['known_accepted'] = float(known.is_known.mean())
    return found


def auroc(known, unknown):
    """Return the probability that an unknown picture has a larger score than a known one."""
    # Late: it takes a second to load.
    from sklearn.metrics import roc_auc_score

    is_unknown = np.repeat([0, 1], [len(known), len(unknown)])
    return float(roc_auc_score(is_unknown, np.concatenate([known, unknown])))


def auroc_of_sample(known, unknown):
    """Return the same in a fraction of the time: of equal scores, half of the pairs count."""
    ordered = np.sort(known)
    smaller = np.searchsorted(ordered, unknown, 'left') + np.searchsorted(ordered, unknown, 'right')
    return float(smaller.sum() / (2 * len(known) * len(unknown)))


def fpr95(known, unknown):
    """Return the share of unknown pictures below the threshold that 95% of the known ones pass."""
    place = -(-95 * len(known) // 100) - 1
    return float((unknown <= np.partition(known, place)[place]).mean())


def _interval(values):
    if not values or values[0] is None:
        return None
    tail = (1 - _CONFIDENCE) / 2
    return [float(bound) for bound in np.quantile(values, [tail, 1 - tail])]
