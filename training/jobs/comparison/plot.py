"""A plot of accuracy against time: one numbered point for each network."""

import math

from PIL import Image, ImageDraw

from training.evaluation.fonts import FONT_SIZE, GRID, INK, PAPER, TITLE_SIZE
from training.jobs.comparison.results import fastest_of_their_accuracy

_COLOUR, _OTHER = (0, 114, 178), (120, 120, 120)
_PLOT_SIZE = (560, 420)
_LEFT, _TOP, _GAP, _BOTTOM, _MARGIN = 80, 84, 48, 64, 20
RADIUS = 5
_ROW = 22


def accuracy_against_time(results, plot_font, title):
    """Draw the ranked results with their standard errors; the legend lists them in this order.

    A network is blue if all that are at least as accurate take longer.
    """
    font, title_font = plot_font.font(FONT_SIZE), plot_font.font(TITLE_SIZE)
    legend = [f'{result.name}: {result}' for result in results]
    note = 'Blue: all networks that are at least as accurate take longer.'
    left = _LEFT + _PLOT_SIZE[0] + _GAP
    width = left + max(font.getlength(line) for line in [*legend, note]) + _MARGIN
    rows = (len(legend) + 2) * _ROW
    height = _TOP + max(_PLOT_SIZE[1] + _BOTTOM, rows + _MARGIN)
    picture = Image.new('RGB', (math.ceil(width), height), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((_MARGIN, _MARGIN), title, INK, title_font)
    axes = _Axes(results)
    axes.draw(draw, font)
    best = fastest_of_their_accuracy(results)
    for number, result in reversed([*enumerate(results, start=1)]):
        colour = _COLOUR if result in best else _OTHER
        axes.draw_point(draw, font, result, str(number), colour)
        y = _TOP + (number - 1) * _ROW
        draw.text((left - 8, y), str(number), colour, font, anchor='ra')
        draw.text((left, y), legend[number - 1], colour, font)
    draw.text((left, _TOP + (len(legend) + 1) * _ROW), note, INK, font)
    return picture


class _Axes:
    """The axes: milliseconds on a logarithmic scale, accuracy on a linear one."""

    def __init__(self, results):
        times = [math.log10(result.milliseconds) for result in results]
        margin = max(0.15, 0.5 - (max(times) - min(times)) / 2)
        self._first, self._last = min(times) - margin, max(times) + margin
        lows = [result.accuracy - result.standard_error for result in results]
        highs = [result.accuracy + result.standard_error for result in results]
        spread = max(max(highs) - min(lows), 0.05)
        self._low = max(min(lows) - 0.08 * spread, 0)
        self._high = min(max(highs) + 0.08 * spread, 1)

    def place(self, milliseconds, accuracy):
        """Return the point of the picture for a time and an accuracy."""
        across = (math.log10(milliseconds) - self._first) / (self._last - self._first)
        up = (min(max(accuracy, self._low), self._high) - self._low) / (self._high - self._low)
        return _LEFT + across * _PLOT_SIZE[0], _TOP + (1 - up) * _PLOT_SIZE[1]

    def draw(self, draw, font):
        """Draw the frame, the grid and the labels."""
        right, bottom = _LEFT + _PLOT_SIZE[0], _TOP + _PLOT_SIZE[1]
        for accuracy in self._round_accuracies():
            _, y = self.place(1, accuracy)
            draw.line([_LEFT, y, right, y], GRID)
            draw.text((_LEFT - 8, y), f'{100 * accuracy:g}%', INK, font, anchor='rm')
        for milliseconds in self._round_times():
            x, _ = self.place(milliseconds, self._low)
            draw.line([x, _TOP, x, bottom], GRID)
            draw.text((x, bottom + 8), f'{milliseconds:g}', INK, font, anchor='ma')
        draw.rectangle([_LEFT, _TOP, right, bottom], outline=INK)
        draw.text((right, bottom + 30), 'milliseconds per picture', INK, font, anchor='ra')
        draw.text((_LEFT, _TOP - 8), 'accuracy in cross-validation', INK, font, anchor='lb')

    def draw_point(self, draw, font, result, text, colour):
        """Draw a point with its error bar and its number."""
        x, y = self.place(result.milliseconds, result.accuracy)
        for sign in (-1, 1):
            _, end = self.place(result.milliseconds, result.accuracy + sign * result.standard_error)
            draw.line([x, y, x, end], colour)
            draw.line([x - 4, end, x + 4, end], colour)
        draw.ellipse([x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS], colour)
        draw.text((x + RADIUS + 4, y), text, INK, font, anchor='lm')

    def _round_accuracies(self):
        """Return a few round accuracies in range."""
        steps = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
        step = next((s for s in steps if (self._high - self._low) / s <= 8), steps[-1])
        first, last = math.ceil(self._low / step), math.floor(self._high / step)
        return [round(number * step, 3) for number in range(first, last + 1)]

    def _round_times(self):
        """Return the round times in range: 1, 2, 5, 10, 20, ..."""
        powers = range(math.floor(self._first), math.ceil(self._last) + 1)
        marks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
        return [mark for mark in marks if self._first <= math.log10(mark) <= self._last]
