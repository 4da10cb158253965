"""Letters for plots: a font that has those of the class names, or another way to write them.

Paper, ink and sizes are those of every plot.
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
# Plain fonts, those with the most letters first.
_PREFERRED = (
    r'NotoSansCJK.*Regular',
    r'SourceHanSans.*Regular',
    r'wqy-|DroidSansFallback|msyh|PingFang|Hiragino',
    r'NanumGothic$|malgun$|AppleSDGothic|UnDotum$|NotoSans(SC|TC|JP|KR|CJK)',
    r'Arial ?Unicode|DejaVuSans$|LiberationSans-Regular|NotoSans-Regular|arial$',
    r'.',
)
_MOST_FONTS = 60
# No font has a letter here: what is drawn instead stands for every letter that is missing.
_NO_LETTER = '\U0010fffd'
_TEST_SIZE = 16


@dataclasses.dataclass(frozen=True)
class Lettering:
    """A font, and class names in letters that it has."""

    path: str | None  # None: the font that comes with Pillow.
    names: list
    labels: list  # The number of each class in the records.
    numbered: int  # So many names are written as their label's number.

    def font(self, size):
        """Return the font at a size in pixels."""
        return _font(self.path, size)

    def spelt(self, text, instead):
        """Return a text as the font can write it: without accents, or else something `instead`."""
        return _spelt(text, self.path) or instead


def choose(names, labels, directories=FONT_DIRECTORIES):
    """Choose a `Lettering` that can write the most of the class `names`.

    A name that no font has the letters of is written without its accents, or else as its label's
    number.
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
    spelt = [_spelt(name, best_path) for name in names]
    written = [name or f'label {label}' for name, label in zip(spelt, labels, strict=True)]
    return Lettering(best_path, written, list(labels), sum(name is None for name in spelt))


def _letters(text):
    return {letter for letter in text if not letter.isspace()}


def _spelt(text, path):
    """Return a text, or the same without accents, or None where the font lacks letters."""
    parts = unicodedata.normalize('NFKD', text)
    plain = ''.join(letter for letter in parts if not unicodedata.combining(letter))
    for form in (text, plain):
        if _letters(form) and _covered(path, _letters(form)) == _letters(form):
            return form
    return None


def _installed(directories):
    """List the font files of the directories, those that promise the most first."""
    found = []
    for directory in directories:
        for parent, _, files in os.walk(os.path.expanduser(directory)):
            found += [os.path.join(parent, file) for file in files if _is_font(file)]

    def promise(path):
        stem = os.path.splitext(os.path.basename(path))[0]
        rank = next(n for n, pattern in enumerate(_PREFERRED) if re.search(pattern, stem, re.I))
        return rank, path

    return sorted(found, key=promise)[:_MOST_FONTS]


def _is_font(file):
    return file.lower().endswith(('.ttf', '.ttc', '.otf'))


def _font(path, size):
    if path is None:
        return ImageFont.load_default(size)
    font = ImageFont.truetype(path, size)
    if font.path != path:
        # Pillow has looked for another file of that name.
        raise OSError(f'{path}: no font')
    return font


def _covered(path, letters):
    """Return those of the letters that a font has."""
    try:
        font = _font(path, _TEST_SIZE)
        absent = _shape(font, _NO_LETTER)
        return {letter for letter in letters if _shape(font, letter) != absent}
    except (OSError, ValueError):
        return set()  # A damaged font file, or one of a kind that cannot be drawn at any size.


def _shape(font, letter):
    mask = font.getmask(letter)
    return mask.size, bytes(mask)
