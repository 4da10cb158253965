"""A panel of a plot: two axes with numbers, and what is drawn between them."""

import numpy as np
from PIL import Image, ImageDraw

from training.evaluation.fonts import FONT_SIZE, GRID, INK

WIDTH, HEIGHT = 420, 300
LEFT, TOP, RIGHT, BOTTOM = 64, 34, 24, 56  # Room around a panel for its texts.
_TICKS = 5
_OPACITY = 128


class Panel:
    """A rectangle of a picture in which points have the coordinates of its axes."""

    def __init__(self, picture, at, x_range, y_range, plot_font, height=HEIGHT):
        self._picture, self._draw = picture, ImageDraw.Draw(picture)
        self._left, self._top = at[0] + LEFT, at[1] + TOP
        self._height = height
        self._x_range, self._y_range = x_range, y_range
        self._font = plot_font.font(FONT_SIZE)

    def axes(self, title, x_title, y_title='', y_form='{:.0%}'):
        """Draw the frame, the grid, the numbers and the titles."""
        right, bottom = self._left + WIDTH, self._top + self._height
        for x in ticks(*self._x_range):
            place = self._x(x)
            self._draw.line([place, self._top, place, bottom], GRID)
            self._draw.text((place, bottom + 6), f'{x:g}', INK, self._font, anchor='ma')
        for y in ticks(*self._y_range):
            place = self._y(y)
            self._draw.line([self._left, place, right, place], GRID)
            self._draw.text((self._left - 6, place), y_form.format(y), INK, self._font, anchor='rm')
        self._draw.rectangle([self._left, self._top, right, bottom], outline=INK)
        above = self._top - (26 if y_title else 8)
        self._draw.text((self._left, above), title, INK, self._font, anchor='ls')
        middle = self._left + WIDTH / 2
        self._draw.text((middle, bottom + 28), x_title, INK, self._font, anchor='ma')
        if y_title:
            self._draw.text((self._left, self._top - 8), y_title, INK, self._font, anchor='ls')

    def bars(self, edges, heights, colour):
        """Draw bars that what is behind them shines through; a NaN has none."""
        layer = Image.new('RGBA', self._picture.size)
        draw = ImageDraw.Draw(layer)
        for low, high, value in zip(edges[:-1], edges[1:], heights, strict=True):
            if np.isfinite(value) and value > self._y_range[0]:
                corners = [self._x(low) + 1, self._y(value), self._x(high) - 1, self._y(0)]
                draw.rectangle(corners, (*colour, _OPACITY), colour)
        self._picture.paste(layer, mask=layer)

    def line(self, start, end, colour, width=2):
        """Draw a straight line."""
        points = [(self._x(x), self._y(y)) for x, y in (start, end)]
        self._draw.line(points, colour, width)

    def marks(self, xs, ys, colour):
        """Draw a short horizontal line at each point."""
        for x, y in zip(xs, ys, strict=True):
            if np.isfinite(y):
                place = self._x(x), self._y(y)
                self._draw.line([place[0] - 9, place[1], place[0] + 9, place[1]], colour, 3)

    def note(self, text, x):
        """Write a text beside `x` at the top, on the side that has more room."""
        is_left = x < sum(self._x_range) / 2
        place = self._x(x) + (6 if is_left else -6), self._top + 6
        self._draw.text(place, text, INK, self._font, anchor='lt' if is_left else 'rt')

    def _x(self, value):
        low, high = self._x_range
        return self._left + WIDTH * (value - low) / (high - low)

    def _y(self, value):
        low, high = self._y_range
        return self._top + self._height * (1 - (value - low) / (high - low))


def ticks(low, high):
    """Return round numbers between two bounds, about five of them."""
    rough = (high - low) / _TICKS
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * part for part in (1, 2, 5, 10) if power * part >= rough * 0.999)
    first = np.ceil(low / step - 1e-9)
    last = np.floor(high / step + 1e-9)
    # Plus 0, because -0 is written with its sign.
    return [round(float(number * step), 10) + 0.0 for number in np.arange(first, last + 1)]
