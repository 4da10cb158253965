"""Prediction sets from the calibrated probabilities of a picture."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.special import softmax

from classifiers import verdicts
from support.checkout import ROOT

LOGITS = np.array([1.0, 4.0, -2.0, 3.5])
OWN_TEMPERATURE, SETS_TEMPERATURE = 1.6, 0.8


def limits(shown='lac', **thresholds):
    sets = {'shown': shown, 'temperature': SETS_TEMPERATURE, 'lac': {}, 'aps': {}}
    return {'temperature': OWN_TEMPERATURE, 'sets': {**sets, **thresholds}}


def calibrated(logits=LOGITS):
    return softmax(logits / OWN_TEMPERATURE).astype(np.float32)


def test_lac_contains_the_classes_that_reach_the_threshold_at_the_temperature_of_the_sets():
    at_sets = softmax(LOGITS / SETS_TEMPERATURE)
    for place, expected in [(1, [1]), (3, [1, 3]), (0, [1, 3, 0]), (2, [1, 3, 0, 2])]:
        known = limits(lac={'0.9': at_sets[place] - 1e-6})
        assert verdicts.prediction_set(calibrated(), known) == expected


def test_lac_contains_the_best_class_even_below_the_threshold():
    assert verdicts.prediction_set(calibrated(), limits(lac={'0.9': 0.999})) == [1]


def test_aps_adds_the_best_classes_until_the_sum_reaches_the_threshold():
    sums = np.cumsum(np.sort(softmax(LOGITS / SETS_TEMPERATURE))[::-1])
    for number, expected in enumerate([[1], [1, 3], [1, 3, 0], [1, 3, 0, 2]]):
        known = limits('aps', aps={'0.9': sums[number] - 1e-6})
        assert verdicts.prediction_set(calibrated(), known) == expected
    assert verdicts.prediction_set(calibrated(), limits('aps', aps={'0.9': 0.0})) == [1]


def test_aps_contains_each_class_once_if_the_sum_never_reaches_the_threshold():
    known = limits('aps', aps={'0.9': 1.1})
    assert verdicts.prediction_set(calibrated(), known) == [1, 3, 0, 2]


def test_each_level_has_its_own_threshold():
    known = limits(lac={'0.9': 0.99, '0.95': 1e-9})
    assert verdicts.prediction_set(calibrated(), known) == [1]
    assert verdicts.prediction_set(calibrated(), known, level=0.95) == [1, 3, 0, 2]
    assert {verdicts.level_name(level) for level in verdicts.LEVELS} == {'0.9', '0.95'}


@pytest.mark.parametrize(
    'known', [{}, {'temperature': 1.0, 'sets': {}}, {'temperature': 1.0, 'sets': None}, limits()]
)
def test_without_sets_for_the_level_the_list_is_empty(known):
    assert verdicts.prediction_set(calibrated(), known) == []


def test_probabilities_of_zero_and_one_class_give_sets():
    certain = np.array([0, 1, 0], np.float32)
    assert verdicts.prediction_set(certain, limits(lac={'0.9': 0.5})) == [1]
    assert verdicts.prediction_set(certain, limits('aps', aps={'0.9': 0.5})) == [1]
    assert verdicts.prediction_set(np.ones(1, np.float32), limits(lac={'0.9': 0.5})) == [0]


def test_equal_probabilities_keep_the_order_of_the_classes():
    assert verdicts.prediction_set(np.full(3, 1 / 3), limits(lac={'0.9': 0.1})) == [0, 1, 2]


def test_verdicts_do_not_need_scipy():
    code = 'import sys, classifiers.verdicts; print("scipy" in sys.modules)'
    printed = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert printed.stdout == 'False\n'
