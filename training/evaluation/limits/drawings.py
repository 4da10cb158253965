"""Plots of the limits of a classifier: reliability diagram, and scores of unknown pictures."""

import math

import numpy as np
from PIL import Image, ImageDraw

from training.evaluation import calibration
from training.evaluation.fonts import FONT_SIZE, INK, PAPER, TITLE_SIZE
from training.evaluation.limits import panels

_KNOWN, _UNKNOWN, _IDEAL = (33, 102, 172), (178, 24, 43), (110, 110, 110)
_MARGIN, _GAP = 20, 24
_COUNTS_HEIGHT = 80
_SCORE_BINS = 40
_MOST_FOLDERS = 8
# The plot ends where these shares of the scores do; scores beyond are drawn in the last bar.
_SHOWN = (0.002, 0.998)


def reliability(limits, plot_font, title):
    """Draw how often predictions are right by their probability, before and after temperature."""
    below = panels.TOP + panels.HEIGHT + panels.BOTTOM
    size = 2, below + panels.TOP + _COUNTS_HEIGHT + panels.BOTTOM
    picture, top = _sheet(*size, [title], plot_font)
    parts = {'before temperature': limits.before, 'after temperature': limits.after}
    most = max(part.bins.counts.max() for part in parts.values()) or 1
    for column, (name, part) in enumerate(parts.items()):
        at = _MARGIN + column * _column_width(), top
        _draw_reliability(picture, at, part, name, plot_font)
        panel = panels.Panel(
            picture, (at[0], at[1] + below), (0, 1), (0, most), plot_font, _COUNTS_HEIGHT
        )
        panel.axes('pictures', 'probability of the prediction', y_form='{:g}')
        panel.bars(_edges(), part.bins.counts, _IDEAL)
    return picture


def _draw_reliability(picture, at, part, name, plot_font):
    panel = panels.Panel(picture, at, (0, 1), (0, 1), plot_font)
    confidence, right = part.bins.points
    panel.axes(
        f'{name}: calibration error {part.error:.2%}',
        '',
        'share of right predictions (red: mean probability)',
    )
    panel.bars(_edges(), right, _KNOWN)
    panel.line((0, 0), (1, 1), _IDEAL)
    panel.marks((_edges()[:-1] + _edges()[1:]) / 2, confidence, _UNKNOWN)


def _edges():
    return np.linspace(0, 1, calibration.BINS + 1)


def unknown_scores(known, unknowns, threshold, plot_font, title):
    """Draw the scores of the pictures of each folder beside those of the split's pictures.

    `known` are the Scores of the split, `unknowns` UnknownFigures. `threshold` is None if the
    limits are not known.
    """
    shown = [each for each in unknowns if each.count][:_MOST_FOLDERS]
    row_height = panels.TOP + panels.HEIGHT + panels.BOTTOM + FONT_SIZE + 8
    columns = 1 if threshold is None else 2
    key = 'blue: pictures of the split, red: pictures of none of the classes'
    picture, top = _sheet(columns, row_height * len(shown), [title, key], plot_font)
    draw = ImageDraw.Draw(picture)
    for row, each in enumerate(shown):
        y = top + row * row_height
        name = plot_font.writable(each.folder, f'folder {row + 1}')
        heading = f'{name}: {each.count} pictures'
        draw.text((_MARGIN, y), heading, INK, plot_font.font(FONT_SIZE))
        at = _MARGIN, y + FONT_SIZE + 8
        if threshold is not None:
            _draw_scores(
                picture, at, (known.limits, each.scores.limits), threshold,
                f'limits: AUROC {each.figures["auroc"]:.4f}', 'unknown_score', plot_font,
            )  # fmt: skip
            at = at[0] + _column_width(), at[1]
        _draw_scores(
            picture, at, (known.softmax, each.scores.softmax), None,
            f'plain softmax: AUROC {each.figures["softmax_auroc"]:.4f}', '1 - probability',
            plot_font,
        )  # fmt: skip
    return picture


def _draw_scores(picture, at, scores, threshold, title, x_title, plot_font):
    low, high = np.quantile(np.concatenate(scores), _SHOWN)
    if threshold is not None:
        low, high = min(low, threshold), max(high, threshold)
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _SCORE_BINS + 1)
    shares = [np.histogram(np.clip(part, low, high), edges)[0] / len(part) for part in scores]
    panel = panels.Panel(picture, at, (low, high), (0, 1.1 * np.max(shares)), plot_font)
    panel.axes(title, x_title)
    for heights, colour in zip(shares, (_KNOWN, _UNKNOWN), strict=True):
        panel.bars(edges, heights, colour)
    if threshold is not None:
        top = 1.1 * np.max(shares)
        panel.line((threshold, 0), (threshold, top), INK)
        panel.note('threshold', threshold)


def _column_width():
    return panels.LEFT + panels.WIDTH + panels.RIGHT + _GAP


def _sheet(columns, height, titles, plot_font):
    """Return an empty picture with its titles, and where the room below them begins."""
    fonts = [plot_font.font(TITLE_SIZE), *[plot_font.font(FONT_SIZE)] * (len(titles) - 1)]
    widths = [font.getlength(text) for font, text in zip(fonts, titles, strict=True)]
    width = max(columns * _column_width() - _GAP, math.ceil(max(widths)))
    top = _MARGIN + 2 * TITLE_SIZE + (len(titles) - 1) * (FONT_SIZE + 10)
    picture = Image.new('RGB', (width + 2 * _MARGIN, top + height + _MARGIN), PAPER)
    draw = ImageDraw.Draw(picture)
    y = _MARGIN
    for font, text in zip(fonts, titles, strict=True):
        draw.text((_MARGIN, y), text, INK, font)
        y += 2 * TITLE_SIZE - 6
    return picture, top
