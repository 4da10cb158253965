"""Thresholds and p-values of known pictures keep what they promise."""

import numpy as np
import pytest

from heads.limits import conformal

RANDOM = np.random.default_rng(5)
ACCEPT = 0.95
SCORES = {
    'one': np.array([0.3]),
    'equal': np.full(40, -2.5),
    'two values': np.repeat([0.0, 1.0], [30, 10]),
    'few': RANDOM.normal(size=7),
    'exactly enough': RANDOM.normal(size=19),
    'usual': RANDOM.normal(size=258),
    'many': RANDOM.normal(size=20_000),
    'rounded': RANDOM.normal(size=500).round(1),
    'heavy tails': RANDOM.standard_t(1.5, size=3000),
    'two groups': np.concatenate([RANDOM.normal(size=930), RANDOM.normal(50, size=70)]),
    'far from zero': 1e4 + RANDOM.normal(size=300),
    'large': 1e6 * RANDOM.normal(size=300),
    'tiny': 1e-6 * RANDOM.normal(size=300),
    'nearly equal': 5 + 1e-13 * RANDOM.normal(size=300),
}


def exact(held_out, scores):
    """Return the conformal p-values of scores."""
    smaller = np.searchsorted(np.sort(held_out), scores, side='left')
    return (1 + len(held_out) - smaller) / (1 + len(held_out))


def interpolated(found, scores):
    return np.interp(scores, found.knots, found.p_values)


def unit(held_out):
    return held_out.std() if held_out.std() > 1e-9 * abs(held_out).max() else 1.0


def around(held_out):
    """Return many scores: the held-out ones, their neighbours, and those between and beyond."""
    step = unit(held_out)
    ends = held_out.min() - step, held_out.max() + step
    parts = [held_out + shift * step for shift in (0, -1e-3, 1e-3, -1e-7, 1e-7, 1e-2)]
    return np.concatenate([*parts, np.linspace(*ends, 5001)])


@pytest.mark.parametrize(
    ('level', 'expected'), [(0.95, 19), (0.9, 9), (0.99, 99), (0.5, 1), (0.999, 999), (0.01, 1)]
)
def test_the_smallest_number_of_pictures(level, expected):
    assert conformal.needed(level) == expected
    assert conformal.rank(expected, level) <= expected
    assert expected == 1 or conformal.rank(expected - 1, level) == expected


@pytest.mark.parametrize('level', [0, 1, -0.1, 1.5, float('nan')])
def test_a_level_is_between_0_and_1(level):
    with pytest.raises(ValueError, match='must be above 0 and below 1'):
        conformal.calibrate(np.arange(30.0), level)


def test_the_threshold_is_midway_between_two_pictures():
    scores = RANDOM.permutation(np.arange(39.0) ** 2)
    # The 38th of 39 is 37 squared: 40 * 0.95 = 38.
    assert conformal.calibrate(scores, ACCEPT).threshold == (37**2 + 38**2) / 2
    assert conformal.calibrate(scores, 0.9).threshold == (35**2 + 36**2) / 2


def test_the_threshold_is_beyond_equal_scores():
    scores = np.sort(np.concatenate([np.arange(90.0), np.full(10, 90.0), [200.0]]))
    assert conformal.calibrate(scores, ACCEPT).threshold == (90 + 200) / 2
    scores[-3:-1] += [1e-7, 2e-7]
    assert conformal.calibrate(scores, ACCEPT).threshold == pytest.approx((90 + 200) / 2, abs=1e-3)


def test_the_threshold_is_a_little_beyond_the_largest_score_if_it_is_needed():
    scores = np.array([*np.linspace(-1, 1, 17), 1.5, 1.7])
    assert conformal.calibrate(scores, ACCEPT).threshold == pytest.approx(1.8)
    assert conformal.calibrate(scores[:5], ACCEPT).threshold == pytest.approx(-0.5 + 0.125 / 2)
    # It is not very far from it, and not very near.
    scores[-1] = 1000
    assert conformal.calibrate(scores, ACCEPT).threshold <= 1000 + scores.std()
    assert conformal.calibrate(np.array([3.0]), ACCEPT).threshold == pytest.approx(3.05)


def test_too_few_pictures_are_said_in_one_line():
    assert conformal.shortage(12, 0.95) == (
        'only 12 were held out; accepting 95% of the known pictures needs 19: the promise is 92.3%'
    )
    assert conformal.shortage(1, 0.9).startswith('only 1 picture was held out; accepting 90% of ')
    assert conformal.shortage(0, 0.9).endswith('needs 9: the promise is 0.0%')
    assert conformal.shortage(19, 0.95) is None
    assert conformal.promised(12, 0.95) == 12 / 13
    assert conformal.promised(500, 0.95) == 0.95


@pytest.mark.parametrize('bad', [[], [0.0, np.nan], [np.inf, 0.0], [-np.inf], [[0.0]]])
def test_what_is_no_score_is_refused(bad):
    with pytest.raises(ValueError, match=r'no scores|a score is NaN or infinite'):
        conformal.calibrate(np.array(bad), ACCEPT)


@pytest.mark.parametrize('name', SCORES)
@pytest.mark.parametrize('accept', [0.5, 0.9, 0.95, 0.999])
class TestPValues:
    def test_they_are_never_below_the_exact_ones(self, name, accept):
        held_out = SCORES[name]
        found = conformal.calibrate(held_out, accept)
        places = around(held_out)
        assert (interpolated(found, places) >= exact(held_out, places) - 1e-12).all()

    def test_they_are_close_to_the_exact_ones(self, name, accept):
        held_out = SCORES[name]
        found = conformal.calibrate(held_out, accept)
        places = around(held_out)
        step = unit(held_out)
        # Up to the knots that stand for several scores.
        before = exact(held_out, places - 0.12 * step)
        gaps = 0.005 + 0.015 * before if len(held_out) > 254 else 0
        between = np.diff(np.unique(held_out))
        if len(between) == 0 or between.max() < 0.1 * step:
            assert (interpolated(found, places) <= before + gaps + 1 / len(held_out)).all()
        assert interpolated(found, held_out.min() - step) == 1
        end = held_out.max() + 2 * step
        assert interpolated(found, end) == pytest.approx(1 / (1 + len(held_out)), rel=1e-6)

    def test_the_knots_are_apart_and_few(self, name, accept):
        held_out = SCORES[name]
        found = conformal.calibrate(held_out, accept)
        assert 2 <= len(found.knots) == len(found.p_values) <= conformal.MOST_KNOTS
        assert found.knots.dtype == found.p_values.dtype == np.float32
        assert (np.diff(found.knots) >= 0.0099 * unit(held_out)).all()
        assert (np.diff(found.p_values) <= 0).all()
        slopes = -np.diff(found.p_values.astype(float)) / np.diff(found.knots.astype(float))
        assert slopes.max() * unit(held_out) < 10.1

    def test_known_pictures_have_p_values_above_what_is_not_accepted(self, name, accept):
        held_out = SCORES[name]
        found = conformal.calibrate(held_out, accept)
        places = around(held_out)
        limit = 1 - conformal.promised(len(held_out), accept)
        differs = (places <= found.threshold) != (interpolated(found, places) > limit + 1e-7)
        distances = abs(places[differs] - found.threshold) / unit(held_out)
        assert not len(distances) or distances.max() < 0.1


def test_the_threshold_and_the_p_value_agree_for_a_few_hundred_pictures():
    for count in (5, 19, 30, 60, 100, 250):
        held_out = np.sort(RANDOM.normal(size=count))
        found = conformal.calibrate(held_out, ACCEPT)
        limit = 1 - conformal.promised(count, ACCEPT)
        distances = abs(held_out - found.threshold)
        if distances.min() > 0.03 * held_out.std():
            places = found.threshold + np.array([-1e-3, 1e-3])
            assert (interpolated(found, places) - 1e-7 > limit).tolist() == [True, False]


@pytest.mark.parametrize('name', ['few', 'usual', 'many', 'heavy tails', 'far from zero'])
def test_engines_whose_scores_differ_a_little_agree(name):
    held_out = SCORES[name]
    found = conformal.calibrate(held_out, ACCEPT)
    for shift in (-1e-5, 1e-5):
        changes = interpolated(found, held_out + shift) - interpolated(found, held_out)
        assert abs(changes).max() < 1.2e-4
        if len(held_out) < 1000:
            shifted = held_out + shift <= found.threshold
            assert (shifted == (held_out <= found.threshold)).all()


@pytest.mark.parametrize('count', [19, 20, 50, 258, 1000])
@pytest.mark.parametrize('accept', [0.9, 0.95])
def test_known_pictures_are_accepted_as_often_as_promised(count, accept):
    random = np.random.default_rng(count)
    accepted = []
    for _ in range(400):
        known = random.gamma(2, size=count)
        threshold = conformal.calibrate(known, accept).threshold
        accepted.append((random.gamma(2, size=2000) <= threshold).mean())
    error = 4 * np.std(accepted) / np.sqrt(len(accepted))
    assert accept - error <= np.mean(accepted) <= accept + 2 / (count + 1) + error


def test_with_too_few_pictures_the_smaller_promise_is_kept():
    random = np.random.default_rng(0)
    accepted = [
        (random.normal(size=1000) <= conformal.calibrate(random.normal(size=6), ACCEPT).threshold)
        for _ in range(1000)
    ]
    assert np.mean(accepted) >= conformal.promised(6, ACCEPT) - 0.015


@pytest.mark.parametrize('count', [5, 30, 400])
def test_p_values_are_not_small_too_often(count):
    random = np.random.default_rng(count)
    found = []
    for _ in range(300):
        known = conformal.calibrate(random.standard_t(3, size=count), ACCEPT)
        found.append(interpolated(known, random.standard_t(3, size=500)))
    found = np.concatenate(found)
    for limit in (0.01, 0.05, 0.1, 0.3, 0.5, 0.9):
        assert (found <= limit).mean() <= limit + 0.01
