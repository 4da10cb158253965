"""Rare classes fold into one line, and what is not sure does not look so."""

import numpy as np
import pytest

from classifiers.verdicts import Verdict
from serving.model.predictor import Prediction
from serving.web.page.shown_classes import choose, percent


def predictions(*probabilities):
    return tuple(Prediction(index, f'c{index}', each) for index, each in enumerate(probabilities))


@pytest.mark.parametrize(
    ('probabilities', 'classes', 'lines', 'others', 'left'),
    [
        ((0.6, 0.4), 2, 2, 0, 0),
        ((0.98, 0.01, 0.005, 0.005), 4, 2, 2, 0.01),
        ((0.98, 0.009, 0.006), 5, 1, 4, 0.02),
        ((0.5, 0.2, 0.1), 1000, 3, 997, 0.2),  # What was not asked for is among the others.
        ((0.004, 0.003, 0.003), 1000, 1, 999, 0.996),  # The best is shown, be it rare.
        ((0.9, 0.9), 2, 2, 0, 0),  # Of a graph whose classes do not exclude each other.
    ],
)
def test_classes_under_one_percent_fold_into_others(probabilities, classes, lines, others, left):
    shown = choose(predictions(*probabilities), classes)
    assert len(shown.predictions) == lines
    assert shown.others == others
    assert shown.others_probability == pytest.approx(left)


@pytest.mark.parametrize(
    ('probabilities', 'classes', 'is_unsure'),
    [
        ((0.98, 0.02), 2, False),
        ((0.445, 0.3), 5, True),
        ((0.445, 0.1), 1000, True),
        ((0.7, 0.3), 2, True),  # Of two, chance alone has 50%.
        ((0.8, 0.2), 2, False),
        ((0.55, 0.1), 1000, False),
        ((0.52, 0.47), 1000, True),  # More than half, but hardly ahead.
        ((1.0,), 1, False),
        ((0.55,), 1000, False),  # The server was told to answer with one class.
        ((0.2,) * 5, 5, True),
    ],
)
def test_an_answer_is_unsure_by_the_number_of_classes(probabilities, classes, is_unsure):
    assert choose(predictions(*probabilities), classes).kind == ('unsure' if is_unsure else '')


def verdict(*calibrated, is_known=True):
    return Verdict(np.array(calibrated), 0.5, 0.3, is_known)


@pytest.mark.parametrize(
    ('calibrated', 'is_known', 'likely', 'kind', 'lines'),
    [
        ((0.9, 0.1), True, ('c0',), '', ['best', '']),
        ((0.6, 0.4), True, ('c0',), '', ['best', '']),  # By itself this would be unsure.
        ((0.9, 0.1), True, ('c0', 'c1'), 'several', ['likely', 'likely']),
        ((0.6, 0.4), True, (), 'unsure', ['best', '']),  # Too few pictures for a set.
        ((0.9, 0.1), True, (), '', ['best', '']),
        ((0.9, 0.1), False, ('c0',), 'unknown', ['', '']),
        ((0.6, 0.4), False, ('c0', 'c1'), 'unknown', ['', '']),
        ((0.6, 0.4), False, (), 'unknown', ['', '']),
    ],
)
def test_limits_decide_what_is_said(calibrated, is_known, likely, kind, lines):
    shown = choose(predictions(0.98, 0.02), 2, verdict(*calibrated, is_known=is_known), likely)
    assert shown.kind == kind
    assert [shown.kind_of_line(rank) for rank in range(2)] == lines
    assert [each.probability for each in shown.predictions] == list(calibrated)


def test_the_line_of_a_class_that_is_not_likely_is_a_usual_one():
    shown = choose(predictions(0.5, 0.4, 0.1), 3, verdict(0.5, 0.4, 0.1), ('c0', 'c1'))
    assert [shown.kind_of_line(rank) for rank in range(3)] == ['likely', 'likely', '']


def test_calibrated_percentages_fold_into_others():
    shown = choose(predictions(0.96, 0.02, 0.02), 5, verdict(0.991, 0.005, 0.002, 0.001, 0.001))
    assert [each.probability for each in shown.predictions] == [0.991]
    assert shown.others == 4
    assert shown.others_probability == pytest.approx(0.009)


def test_a_percentage_is_not_printed_as_nothing():
    assert [percent(each) for each in (0.98, 0.0005, 0.0004, 0.0)] == [
        '98.0%', '0.1%', '<0.1%', '0.0%',
    ]  # fmt: skip
