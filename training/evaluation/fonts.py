"""The font of plots: one that can write the class names, or else replacements for the names.

All plots share the colours and sizes here.
"""

import dataclasses
import os
import re
import unicodedata

from PIL import ImageFont

from common import text

PAPER, INK, GRID = (255, 255, 255), (40, 40, 40), (225, 225, 225)
FONT_SIZE, TITLE_SIZE = 14, 18
FONT_DIRECTORIES = (
    '~/.fonts',
    '~/.local/share/fonts',
    '~/Library/Fonts',
    '/usr/local/share/fonts',
    '/usr/share/fonts',
    '/Library/Fonts',
    '/System/Library/Fonts',
    'C:/Windows/Fonts',
)
# Patterns for names of plain fonts; those with the most letters come first.
_PREFERRED = (
    r'NotoSansCJK.*Regular',
    r'SourceHanSans.*Regular',
    r'wqy-|DroidSansFallback|msyh|PingFang|Hiragino',
    r'NanumGothic$|malgun$|AppleSDGothic|UnDotum$|NotoSans(SC|TC|JP|KR|CJK)',
    r'Arial ?Unicode|DejaVuSans$|LiberationSans-Regular|NotoSans-Regular|arial$',
    r'.',
)
_MOST_FONTS = 60
# No font has this character: its replacement shows what a font draws for missing letters.
_NO_LETTER = '\U0010fffd'
_TEST_SIZE = 16


@dataclasses.dataclass(frozen=True)
class PlotFont:
    """A font, and the class names as it can write them."""

    path: str | None  # None: the font that comes with Pillow.
    names: list
    labels: list  # The number of each class in the records.
    numbered: int  # How many names are replaced by the numbers of their labels.

    def font(self, size):
        """Return the font at a size in pixels."""
        return _font(self.path, size)

    def writable(self, text, instead):
        """Return a text that the font can write: as it is, without accents, or `instead`."""
        return _writable(text, self.path) or instead


def choose_font(names, labels, directories=FONT_DIRECTORIES):
    """Return the `PlotFont` that can write the most letters of the class `names`.

    A name with letters that it lacks is written without accents, or else as the label's number.
    """
    names = [text.printable(name) for name in names]
    letters = _letters(''.join(names))
    best_path, best = None, _covered(None, letters)
    # Pillow's own font has English letters alone; directories are searched only for others.
    for path in [] if best == letters else _installed(directories):
        covered = _covered(path, letters | {'0'})
        if '0' in covered and len(covered & letters) > len(best):
            best_path, best = path, covered & letters
        if best == letters:
            break
    found = [_writable(name, best_path) for name in names]
    written = [name or f'label {label}' for name, label in zip(found, labels, strict=True)]
    return PlotFont(best_path, written, list(labels), sum(name is None for name in found))


def _letters(text):
    return {letter for letter in text if not letter.isspace()}


def _writable(text, path):
    """Return a text, or the same without accents, or None if the font lacks letters."""
    parts = unicodedata.normalize('NFKD', text)
    plain = ''.join(letter for letter in parts if not unicodedata.combining(letter))
    for form in (text, plain):
        if _letters(form) and _covered(path, _letters(form)) == _letters(form):
            return form
    return None


def _installed(directories):
    """List the font files of the directories, those with the most letters first."""
    found = []
    for directory in directories:
        for parent, _, files in os.walk(os.path.expanduser(directory)):
            found += [os.path.join(parent, file) for file in files if _is_font(file)]

    def rank(path):
        stem = os.path.splitext(os.path.basename(path))[0]
        place = next(n for n, pattern in enumerate(_PREFERRED) if re.search(pattern, stem, re.I))
        return place, path

    return sorted(found, key=rank)[:_MOST_FONTS]


def _is_font(file):
    return file.lower().endswith(('.ttf', '.ttc', '.otf'))


def _font(path, size):
    if path is None:
        return ImageFont.load_default(size)
    font = ImageFont.truetype(path, size)
    if font.path != path:
        # Pillow found another file of that name.
        raise OSError(f'{path}: no font')
    return font


def _covered(path, letters):
    """Return the letters that a font has."""
    try:
        font = _font(path, _TEST_SIZE)
        absent = _shape(font, _NO_LETTER)
        return {letter for letter in letters if _shape(font, letter) != absent}
    except (OSError, ValueError):
        return set()  # The file is damaged, or its font has no size that can be chosen.


def _shape(font, letter):
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
