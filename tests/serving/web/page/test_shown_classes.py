"""Rare classes fold into one line, and what is not sure does not look so."""

import pytest

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
    assert choose(predictions(*probabilities), classes).is_unsure == is_unsure


def test_a_percentage_is_not_printed_as_nothing():
    assert [percent(each) for each in (0.98, 0.0005, 0.0004, 0.0)] == [
        '98.0%', '0.1%', '<0.1%', '0.0%',
    ]  # fmt: skip
