"""Plots of an evaluation: the confusion matrix, and a sheet of the worst mistakes."""

import math

import numpy as np
from PIL import Image, ImageDraw

from training.evaluation.fonts import FONT_SIZE, GRID, INK, PAPER, TITLE_SIZE

_RIGHT, _WRONG = np.array([8, 81, 156]), np.array([178, 24, 43])
_MARGIN = 20
# The matrix is about this wide; below the first size names have no room, below the second counts.
_MATRIX_SIDE, _MOST_CELL, _LEAST_CELL = 1000, 56, 2
_CELL_FOR_NAMES, _CELL_FOR_COUNTS = 11, 26
_LONGEST_NAME = 220  # Pixels.
# One mistake among thousands must be visible, even in a field of two pixels.
_FAINTEST, _FAINTEST_WITHOUT_NAMES = 0.18, 0.6
_TILE, _TILE_COLUMNS = 168, 6


def confusion_matrix(confusion, plot_font, title):
    """Draw how often examples of each class (rows) were taken for each class (columns).

    A darker field has a larger share of its row; mistakes are red.
    """
    count = len(confusion)
    cell = int(np.clip(_MATRIX_SIDE // count, _LEAST_CELL, _MOST_CELL))
    axis = _Axis(plot_font, cell)
    left, top = _MARGIN + 28 + axis.width, _MARGIN + 2 * TITLE_SIZE + 34 + axis.width
    side = cell * count
    font, title_font = plot_font.font(FONT_SIZE), plot_font.font(TITLE_SIZE)
    notes = [*_notes(plot_font, cell)]
    texts = [title_font.getlength(title), *(font.getlength(note) for note in notes)]
    width = math.ceil(max(left + side, _MARGIN + max(texts)) + _MARGIN)
    height = top + side + 12 + len(notes) * (FONT_SIZE + 6) + _MARGIN
    picture = Image.new('RGB', (width, height), PAPER)
    picture.paste(_fields(confusion, cell), (left, top))
    draw = ImageDraw.Draw(picture)
    draw.rectangle([left - 1, top - 1, left + side, top + side], outline=INK)
    draw.text((_MARGIN, _MARGIN), title, INK, title_font)
    draw.text((left, _MARGIN + 2 * TITLE_SIZE), 'taken for', INK, font)
    _paste_upright(picture, 'true class', font, (_MARGIN, top))
    axis.draw(picture, left, top)
    if cell >= _CELL_FOR_COUNTS:
        _write_counts(draw, confusion, cell, left, top, plot_font)
    for number, note in enumerate(notes):
        at = _MARGIN, top + side + 12 + number * (FONT_SIZE + 6)
        draw.text(at, note, INK, font)
    return picture


def _notes(plot_font, cell):
    yield 'A darker field has a larger share of its row. Blue is right, red is wrong.'
    if cell < _CELL_FOR_NAMES:
        yield 'The numbers are labels; see metrics.json for the names.'
    elif plot_font.numbered:
        yield f'No font here can write {plot_font.numbered} of the names; see metrics.json.'


def _fields(confusion, cell):
    """Return the coloured fields of the matrix as a picture."""
    rows = np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    share = confusion / rows
    faintest = _FAINTEST if cell >= _CELL_FOR_NAMES else _FAINTEST_WITHOUT_NAMES
    share = np.where(confusion > 0, faintest + (1 - faintest) * share, 0)[..., np.newaxis]
    is_right = np.eye(len(confusion), dtype=bool)[..., np.newaxis]
    colour = np.where(is_right, _RIGHT, _WRONG)
    pixels = (np.array(PAPER) * (1 - share) + colour * share).round().astype(np.uint8)
    picture = pixels.repeat(cell, axis=0).repeat(cell, axis=1)
    if cell >= _CELL_FOR_NAMES:
        picture[cell - 1 :: cell] = GRID
        picture[:, cell - 1 :: cell] = GRID
    return Image.fromarray(picture)


def _write_counts(draw, confusion, cell, left, top, plot_font):
    """Write the count of each field, unless it is 0 or does not fit."""
    font = plot_font.font(min(FONT_SIZE, cell // 2))
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    for row, column in np.argwhere(confusion):
        text = str(confusion[row, column])
        colour = PAPER if shares[row, column] > 0.45 else INK
        if font.getlength(text) <= cell - 4:
            middle = left + (column + 0.5) * cell, top + (row + 0.5) * cell
            draw.text(middle, text, colour, font, anchor='mm')


class _Axis:
    """The names of the classes or, if they have no room, some of their numbers."""

    def __init__(self, plot_font, cell):
        self._cell = cell
        has_room = cell >= _CELL_FOR_NAMES
        self._font = plot_font.font(min(FONT_SIZE, cell - 1) if has_room else FONT_SIZE)
        if has_room:
            self._texts = {
                place: shortened(name, self._font, _LONGEST_NAME)
                for place, name in enumerate(plot_font.names)
            }
        else:
            step = _round_up(3 * FONT_SIZE / cell)
            labels = enumerate(plot_font.labels)
            self._texts = {place: str(label) for place, label in labels if not label % step}
        self.width = 8 + math.ceil(max(self._font.getlength(text) for text in self._texts.values()))

    def draw(self, picture, left, top):
        """Write the texts to the left of the matrix and above it."""
        draw = ImageDraw.Draw(picture)
        for place, text in self._texts.items():
            middle = (place + 0.5) * self._cell
            draw.text((left - 6, top + middle), text, INK, self._font, anchor='rm')
            _paste_upright(picture, text, self._font, (left + middle, top - 6), above=True)


def _round_up(number):
    """Return the next of 1, 2, 5, 10, 20, 50, ..."""
    power = 10 ** math.floor(math.log10(number))
    return next(int(power * step) for step in (1, 2, 5, 10) if power * step >= number)


def _paste_upright(picture, text, font, at, above=False):
    """Write a text from bottom to top, below the point `at`, or centred `above` it."""
    box = font.getbbox(text)
    mask = Image.new('L', (math.ceil(box[2]) + 1, math.ceil(box[3]) + 1))
    ImageDraw.Draw(mask).text((0, 0), text, 255, font)
    mask = mask.rotate(90, expand=True)
    x, y = at
    if above:
        x, y = x - (box[1] + box[3]) / 2, y - mask.height
    picture.paste(INK, (round(x), round(y)), mask)


def shortened(text, font, width):
    """Return a text, shortened to `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + '...') > width:
        text = text[:-1]
    return text + '...'


def mistakes_sheet(tiles, plot_font, title):
    """Draw the mistakes with the highest probabilities.

    `tiles` are (picture, true output, predicted output, probability of the prediction).
    """
    font, title_font = plot_font.font(FONT_SIZE), plot_font.font(TITLE_SIZE)
    columns = min(_TILE_COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    tile_height = _TILE + 2 * (FONT_SIZE + 4) + 12
    top = _MARGIN + 2 * TITLE_SIZE
    across = max(columns * (_TILE + 8), math.ceil(title_font.getlength(title)))
    size = across + 2 * _MARGIN, top + rows * tile_height + _MARGIN
    sheet = Image.new('RGB', size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_MARGIN, _MARGIN), title, INK, title_font)
    for number, (picture, true, predicted, probability) in enumerate(tiles):
        x = _MARGIN + number % columns * (_TILE + 8)
        y = top + number // columns * tile_height
        sheet.paste(_thumbnail(picture), (x, y))
        y += _TILE + 4
        name = shortened(plot_font.names[true], font, _TILE)
        draw.text((x, y), name, tuple(_RIGHT), font)
        percent = f' {probability:.0%}'
        room = _TILE - font.getlength(percent)
        name = shortened(plot_font.names[predicted], font, room) + percent
        draw.text((x, y + FONT_SIZE + 4), name, tuple(_WRONG), font)
    return sheet


def _thumbnail(picture):
    """Return the picture, scaled to fit into a tile."""
    tile = Image.new('RGB', (_TILE, _TILE), GRID)
    picture = picture.convert('RGB')
    scale = _TILE / max(picture.size)
    size = [max(1, round(side * scale)) for side in picture.size]
    tile.paste(picture.resize(size), ((_TILE - size[0]) // 2, (_TILE - size[1]) // 2))
    return tile
