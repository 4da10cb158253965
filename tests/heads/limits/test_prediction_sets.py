"""Prediction sets contain the class of a picture as often as they promise, and are small."""

import numpy as np
import pytest
from scipy.special import softmax

from classifiers import verdicts
from heads.limits import prediction_sets, temperature
from heads.limits.limits import Limits, PredictionSets

OVERCONFIDENCE = 2.5


def pictures(random, count, classes=10, spread=2.0):
    """Return (logits, outputs) of a classifier that is as overconfident as OVERCONFIDENCE says."""
    true = random.normal(scale=spread, size=(count, classes))
    sums = np.cumsum(softmax(true, axis=1), axis=1)
    outputs = (random.random(count)[:, np.newaxis] > sums).sum(axis=1)
    return OVERCONFIDENCE * true, np.minimum(outputs, classes - 1)


def described(sets, own_temperature=1.7, shown=None):
    """Return `ModelInfo.limits`."""
    shown = shown or sets.shown
    own = PredictionSets(sets.temperature, shown, sets.thresholds)
    return Limits(own_temperature, (), 0, None, None, 0.95, own, 0, {}).described()


def found_sets(logits, limits, level):
    probabilities = softmax(logits / limits['temperature'], axis=1).astype(np.float32)
    return [verdicts.prediction_set(row, limits, level) for row in probabilities]


def coverage(found, outputs):
    return np.mean([output in each for each, output in zip(found, outputs, strict=True)])


@pytest.mark.parametrize('rule', ['lac', 'aps'])
@pytest.mark.parametrize('count', [60, 1000])
def test_sets_contain_the_class_as_often_as_promised(rule, count):
    shares = {level: [] for level in verdicts.LEVELS}
    sizes = {level: [] for level in verdicts.LEVELS}
    for seed in range(20):
        random = np.random.default_rng(seed)
        limits = described(prediction_sets.fit(*pictures(random, count)), shown=rule)
        logits, outputs = pictures(random, 500)
        for level in verdicts.LEVELS:
            found = found_sets(logits, limits, level)
            shares[level].append(coverage(found, outputs))
            sizes[level].append(np.mean([len(each) for each in found]))
    for level, found in shares.items():
        print(
            f'{level:.0%} sets: {np.mean(found):.1%} covered, {np.mean(sizes[level]):.2f} classes'
        )
    assert np.mean(shares[0.9]) >= 0.89
    assert np.mean(shares[0.95]) >= 0.94
    # The smallest sets that are possible, from the true probabilities, have 3.5 and 4.7 classes.
    assert np.mean(sizes[0.9]) < (3.9 if count < 200 else 3.7)
    assert np.mean(sizes[0.95]) < (5.4 if count < 200 else 5.0)


def test_a_threshold_is_between_two_pictures_and_covers_the_right_number():
    logits, outputs = pictures(np.random.default_rng(3), 150)
    sets = prediction_sets.fit(logits, outputs)
    for rule in ('lac', 'aps'):
        limits = described(sets, shown=rule)
        for level, count in [(0.9, 136), (0.95, 144)]:  # Of 151 * level, rounded up.
            found = found_sets(logits, limits, level)
            assert round(coverage(found, outputs) * 150) == count
            for shift in (-1e-6, 1e-6):
                moved = found_sets(logits + shift * np.sin(np.arange(10)), limits, level)
                assert round(coverage(moved, outputs) * 150) == count


def test_a_level_that_needs_more_pictures_is_left_out():
    logits, outputs = pictures(np.random.default_rng(0), 19)
    assert prediction_sets.fit(logits[:0], outputs[:0]) is None
    assert prediction_sets.fit(logits[:1], outputs[:1]) is None
    assert prediction_sets.fit(logits[:8], outputs[:8]) is None
    for count, levels in [(9, {'0.9'}), (18, {'0.9'}), (19, {'0.9', '0.95'})]:
        sets = prediction_sets.fit(logits[:count], outputs[:count])
        assert [set(each) for each in sets.thresholds.values()] == [levels, levels]
        assert set(sets.thresholds) == {'lac', 'aps'}
    sets = prediction_sets.fit(*pictures(np.random.default_rng(0), 400), levels=(0.8, 0.999))
    assert set(sets.thresholds['aps']) == {'0.8'}


def test_few_pictures_have_the_fitted_temperature_and_all_set_the_thresholds():
    logits, outputs = pictures(np.random.default_rng(1), 100)
    sets = prediction_sets.fit(logits, outputs)
    assert sets.temperature == pytest.approx(temperature.fit(logits, outputs), rel=1e-6)
    order = np.random.default_rng(2).permutation(100)
    again = prediction_sets.fit(logits[order], outputs[order])
    assert again.thresholds['lac'] == pytest.approx(sets.thresholds['lac'], rel=1e-6)


def test_the_pictures_that_set_the_thresholds_do_not_choose():
    logits, outputs = pictures(np.random.default_rng(1), 400)
    sets = prediction_sets.fit(logits, outputs)
    assert prediction_sets.fit(logits, outputs) == sets
    choosing = np.random.default_rng(0).permutation(400)[:100]
    others = np.setdiff1d(np.arange(400), choosing)
    changed = outputs.copy()
    changed[others] = np.roll(outputs[others], 1)
    again = prediction_sets.fit(logits, changed)
    assert (again.temperature, again.shown) == (sets.temperature, sets.shown)
    assert again.thresholds['lac']['0.9'] < sets.thresholds['lac']['0.9']
    changed = outputs.copy()
    changed[choosing] = np.roll(outputs[choosing], 1)
    assert prediction_sets.fit(logits, changed).temperature != sets.temperature


@pytest.mark.parametrize('count', [30, 300])
def test_if_all_answers_are_right_every_set_has_one_class(count):
    logits, _ = pictures(np.random.default_rng(0), count, spread=30)
    sets = prediction_sets.fit(logits, logits.argmax(axis=1))
    assert sets.shown == 'lac'
    for rule in ('lac', 'aps'):
        for level in verdicts.LEVELS:
            found = found_sets(logits, described(sets, shown=rule), level)
            assert np.mean([len(each) for each in found]) < 1.05


@pytest.mark.parametrize('classes', [1, 2])
@pytest.mark.parametrize('count', [20, 300])
def test_one_and_two_classes(classes, count):
    logits, outputs = pictures(np.random.default_rng(0), count, classes)
    sets = prediction_sets.fit(logits, outputs)
    for rule in ('lac', 'aps'):
        found = found_sets(logits, described(sets, shown=rule), 0.9)
        assert coverage(found, outputs) >= 0.9
        assert max(len(each) for each in found) == classes


def test_equal_logits_and_a_class_without_pictures():
    outputs = np.arange(100) % 4
    for logits in (np.zeros((100, 4)), np.insert(np.zeros((100, 4)), 4, -np.inf, axis=1)):
        with np.errstate(all='raise', under='ignore'):
            sets = prediction_sets.fit(logits, outputs)
        assert sets.temperature == 1
        found = found_sets(logits, described(sets), 0.9)
        assert found == [[0, 1, 2, 3]] * 100


def test_what_is_no_logit_is_refused():
    logits, outputs = pictures(np.random.default_rng(0), 30)
    logits[4, 2] = np.nan
    with pytest.raises(ValueError, match='a logit is NaN or infinite'):
        prediction_sets.fit(logits, outputs)


def test_1001_classes():
    logits, outputs = pictures(np.random.default_rng(0), 2000, 1001, spread=5)
    sets = prediction_sets.fit(logits.astype(np.float32), outputs)
    found = found_sets(logits[:300], described(sets), 0.9)
    assert coverage(found, outputs[:300]) > 0.85
    assert np.mean([len(each) for each in found]) < 100
