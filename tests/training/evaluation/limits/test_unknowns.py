"""How well scores tell unknown pictures from known ones: the figures and their intervals."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from training.evaluation.limits import unknowns
from training.evaluation.limits.unknowns import Scores


def drawn(count, shift, seed):
    """Draw scores of pictures that are `shift` standard deviations stranger than known ones."""
    random = np.random.default_rng(seed)
    limits = random.normal(shift, 1, count)
    return Scores(random.uniform(0, 0.5 + 0.1 * shift, count), limits, limits <= 1.6)


@pytest.mark.parametrize('count', [1, 19, 20, 21, 100, 333])
def test_the_figures_are_those_of_scikit_learn(count):
    known, unknown = drawn(count, 0, 1), drawn(50, 2, 2)
    found = unknowns.measure('folder', 3, known, unknown)
    labels = np.repeat([0, 1], [count, 50])
    for name, part in (('', 'limits'), ('softmax_', 'softmax')):
        scores = np.concatenate([getattr(known, part), getattr(unknown, part)])
        assert found.figures[f'{name}auroc'] == unknowns.auroc(*np.split(scores, [count]))
        rejected, caught, thresholds = roc_curve(labels, scores, drop_intermediate=False)
        # The lowest threshold at which at most 5% of the known pictures are rejected.
        place = np.flatnonzero(rejected <= 0.05 + 1e-12)[-1]
        assert thresholds[place] > 0
        assert found.figures[f'{name}fpr95'] == pytest.approx(1 - caught[place])
    assert found.figures['rejected'] == (unknown.limits > 1.6).mean()
    assert found.figures['known_accepted'] == (known.limits <= 1.6).mean()
    assert (found.count, found.skipped) == (50, 3)


def test_equal_scores_count_half():
    known, unknown = np.array([0.0, 1.0, 1.0]), np.array([1.0, 2.0])
    assert unknowns.auroc(known, unknown) == unknowns.auroc_of_sample(known, unknown) == 5 / 6
    random = np.random.default_rng(0)
    for _ in range(20):
        known, unknown = random.integers(0, 9, 30), random.integers(3, 12, 20)
        by_sample = unknowns.auroc_of_sample(known, unknown)
        assert by_sample == pytest.approx(unknowns.auroc(known, unknown))


def test_unknown_is_the_positive_class():
    found = unknowns.measure('folder', 0, drawn(100, 0, 1), drawn(100, 5, 2)).figures
    assert found['auroc'] > 0.99
    assert found['fpr95'] < 0.01
    assert found['rejected'] > 0.99


def test_without_limits_there_is_only_the_softmax():
    parts = [Scores(drawn(40, shift, shift).softmax) for shift in (0, 2)]
    found = unknowns.measure('folder', 0, *parts)
    assert {name for name, value in found.figures.items() if value is not None} == {
        'softmax_auroc', 'softmax_fpr95',
    }  # fmt: skip
    assert found.intervals['auroc'] is None
    low, high = found.intervals['softmax_auroc']
    assert low < found.figures['softmax_auroc'] < high


def test_without_pictures_there_are_no_figures():
    found = unknowns.measure('folder', 7, drawn(40, 0, 0), Scores.empty(True))
    assert set(found.figures.values()) == {None} == set(found.intervals.values())
    assert (found.count, found.skipped) == (0, 7)


def test_the_intervals_repeat_and_cover_the_truth():
    """Of normal scores two deviations apart, the area is Phi(2 / sqrt(2)) = 0.9214."""
    covered = 0
    for seed in range(10):
        known, unknown = drawn(60, 0, seed), drawn(60, 2, 100 + seed)
        found = unknowns.measure('folder', 0, known, unknown)
        assert found.intervals == unknowns.measure('folder', 0, known, unknown).intervals
        low, high = found.intervals['auroc']
        covered += low <= 0.9214 <= high
    assert covered >= 8
