"""Plots of limits: of few pictures and many, of scores that are all the same."""

import numpy as np
import pytest

from training.evaluation import calibration, fonts
from training.evaluation.limits import drawings, panels, unknowns
from training.evaluation.limits.known import Calibration, LimitsFigures
from training.evaluation.limits.unknowns import Scores

FONT = fonts.choose_font(('daisy', 'rose'), (0, 1))


def figures(confidence, right):
    """Return LimitsFigures with these predictions before and after temperature."""
    bins = calibration.Bins()
    bins.add(np.asarray(confidence), np.asarray(right))
    part = Calibration(bins, None)
    return LimitsFigures({}, len(right), 1, 1, part, part, np.zeros(2), np.zeros(2), {})


def colours(picture):
    """Return which of blue and red fields a picture has."""
    red, _, blue = np.moveaxis(np.asarray(picture).astype(int), -1, 0)
    return bool((blue - red > 60).sum() > 50), bool((red - blue > 60).sum() > 50)


@pytest.mark.parametrize('count', [1, 20, 5000])
def test_a_reliability_diagram_shows_bars_and_what_was_promised(count):
    confidence = np.random.default_rng(0).uniform(0.4, 1, count)
    picture = drawings.reliability(figures(confidence, confidence > 0.3), FONT, 'title')
    assert colours(picture) == (True, True)
    assert (np.asarray(picture)[:, -10:] == 255).all(), 'the margin is empty'


def test_a_diagram_without_pictures_is_empty():
    assert colours(drawings.reliability(figures([], []), FONT, 'title')) == (False, False)


def scores(count, value=None):
    limits = np.random.default_rng(count).normal(0, 1, count) if value is None else [value] * count
    return Scores(np.full(count, 0.01 * count), np.asarray(limits, float), np.ones(count, bool))


@pytest.mark.parametrize('value', [None, 0.0, 1e6])
@pytest.mark.parametrize('threshold', [1.5, None])
def test_the_scores_of_every_folder_are_drawn(value, threshold):
    known = scores(30)
    found = [unknowns.measure(f'folder {n}', 0, known, scores(n + 1, value)) for n in range(2)]
    found.append(unknowns.measure('empty', 1, known, Scores.empty(True)))
    picture = drawings.unknown_scores(known, found, threshold, FONT, 'title')
    assert colours(picture) == (True, True)
    assert (picture.width > 800) == (threshold is not None)
    one = drawings.unknown_scores(known, found[:1], threshold, FONT, 'title')
    assert one.height < picture.height < 2.2 * one.height


@pytest.mark.parametrize(
    ('low', 'high', 'expected'),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-3.2, 3.1, [-2, 0, 2]),
        (0, 39, [0, 10, 20, 30]),
        (0.12, 0.13, [0.12, 0.122, 0.124, 0.126, 0.128, 0.13]),
    ],
)
def test_axes_have_round_numbers(low, high, expected):
    found = panels.ticks(low, high)
    assert found == pytest.approx(expected)
    assert all(str(number)[:2] != '-0' for number in found)
