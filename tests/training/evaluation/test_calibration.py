"""The calibration error, and how sure it is of a few pictures."""

import numpy as np
import pytest

from training.evaluation import calibration


def drawn(count, seed, share=1.0):
    """Draw confidences, and whether each is right with `share` of its probability."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(0.3, 1, count)
    return confidence, random.uniform(size=count) < share * confidence


def test_a_bin_has_its_mean_confidence_and_share_of_right_predictions():
    bins = calibration.Bins()
    bins.add(np.array([0.91, 0.93, 1.0]), np.array([True, False, True]))
    confidence, right = bins.points
    assert bins.counts.tolist() == [0] * 13 + [2, 1]
    assert (confidence[13], right[13]) == (pytest.approx(0.92), 0.5)
    assert np.isnan(confidence[:13]).all()
    assert bins.error == pytest.approx((2 * 0.42 + 0) / 3)


def test_the_interval_covers_the_error_of_an_overconfident_classifier():
    """Most right predictions are 0.8 times as frequent as promised: the error is 0.13."""
    confidence, right = drawn(20000, 1, share=0.8)
    low, high = calibration.interval_of_error(confidence, right)
    assert low < 0.2 * confidence.mean() < high
    assert high - low < 0.03


@pytest.mark.parametrize(('share', 'truth'), [(1.0, 0.0), (0.8, 0.13)])
def test_the_interval_of_few_pictures_covers_the_truth_of_many(share, truth):
    covered = 0
    for seed in range(20):
        low, high = calibration.interval_of_error(*drawn(70, seed, share))
        covered += low <= truth <= high
    assert covered >= 16


def test_the_interval_repeats_and_has_no_negative_bounds():
    confidence, right = drawn(60, 3)
    found = calibration.interval_of_error(confidence, right)
    assert found == calibration.interval_of_error(confidence, right)
    assert 0 <= found[0] <= found[1]
    assert calibration.interval_of_error(np.array([]), np.array([], bool)) is None
    assert calibration.interval_of_error(np.ones(5), np.ones(5, bool)) == [0, 0]
