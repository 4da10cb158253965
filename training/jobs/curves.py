"""A plot of the losses of several trainings."""

import math

from PIL import Image, ImageDraw

from training.evaluation.fonts import FONT_SIZE, GRID, INK, PAPER, TITLE_SIZE

# Safe for colour-blind readers (Okabe and Ito, 2008); used in turns.
_COLOURS = (
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167),
    (230, 159, 0), (86, 180, 233), (120, 94, 60), (90, 90, 90),
)  # fmt: skip
_SIZE = (960, 560)
_LEFT, _TOP, _RIGHT, _BOTTOM = 80, 56, 260, 56
# The plot ends at this multiple of the lowest first loss: a run that diverges must not flatten the
# others.
_HEADROOM = 5


def losses(curves, plot_font, title):
    """Draw {label: {step: loss}} on a logarithmic scale."""
    curves = {
        label: [point for point in curve.items() if math.isfinite(point[1]) and point[1] > 0]
        for label, curve in curves.items()
    }
    picture = Image.new('RGB', _SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    font, title_font = plot_font.font(FONT_SIZE), plot_font.font(TITLE_SIZE)
    draw.text((_LEFT, 18), title, INK, title_font)
    plot = _Plot([curve for curve in curves.values() if curve])
    plot.draw_axes(draw, font)
    for number, (label, points) in enumerate(curves.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        line = [plot.place(*point) for point in points]
        if len(line) > 1:
            draw.line(line, colour, 2, joint='curve')
        for x, y in line[-1:]:
            draw.ellipse([x - 3, y - 3, x + 3, y + 3], colour)
        x, y = _SIZE[0] - _RIGHT + 16, _TOP + 10 + number * 22
        draw.line([x, y, x + 22, y], colour, 3)
        draw.text((x + 30, y), label, INK, font, anchor='lm')
    return picture


class _Plot:
    """The axes of the plot."""

    def __init__(self, curves):
        values = [loss for curve in curves for _, loss in curve]
        begins = [curve[0][1] for curve in curves]
        highest = min(max(values, default=1), min(begins, default=1) * _HEADROOM)
        self._low, self._high = math.log10(min(values, default=0.1)), math.log10(highest)
        if self._high - self._low < 0.1:
            self._low, self._high = self._low - 0.1, self._high + 0.1
        self._steps = max((step for curve in curves for step, _ in curve), default=1)
        self._width = _SIZE[0] - _LEFT - _RIGHT
        self._height = _SIZE[1] - _TOP - _BOTTOM

    def place(self, step, loss):
        share = (min(math.log10(loss), self._high) - self._low) / (self._high - self._low)
        return _LEFT + self._width * step / self._steps, _TOP + self._height * (1 - share)

    def draw_axes(self, draw, font):
        right, bottom = _LEFT + self._width, _TOP + self._height
        for loss in self._round_losses():
            _, y = self.place(0, loss)
            draw.line([_LEFT, y, right, y], GRID)
            draw.text((_LEFT - 8, y), f'{loss:g}', INK, font, anchor='rm')
        for step in _round_steps(self._steps):
            x, _ = self.place(step, 10**self._low)
            draw.line([x, bottom, x, bottom + 5], INK)
            draw.text((x, bottom + 8), str(step), INK, font, anchor='ma')
        draw.rectangle([_LEFT, _TOP, right, bottom], outline=INK)
        draw.text((right, bottom + 28), 'step', INK, font, anchor='ra')
        draw.text((_LEFT, _TOP - 6), 'loss', INK, font, anchor='rb')

    def _round_losses(self):
        """Return at least three round losses in range: powers of ten, or multiples of these too."""
        powers = range(math.floor(self._low), math.ceil(self._high) + 1)
        for factors in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)):
            marks = [factor * 10.0**power for power in powers for factor in factors]
            marks = [mark for mark in marks if self._low <= math.log10(mark) <= self._high]
            if len(marks) >= 3:
                break
        return marks


def _round_steps(last):
    """Return about five round numbers from 0 to the last step."""
    rough = max(1, last / 5)
    power = 10 ** math.floor(math.log10(rough))
    pace = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return range(0, last + 1, int(pace))
