"""Names that come from anywhere, made fit for a terminal, a file or a spreadsheet."""

import os
import unicodedata

# With these a spreadsheet takes a cell for a formula, and runs it.
_FORMULA_STARTS = ('=', '+', '-', '@', '\t', '\r', '\n')


def encodable(text):
    """Return text that UTF-8 can hold: bytes of a file name that are none become `\\xe9`."""
    return os.fsencode(text).decode('utf-8', 'backslashreplace')


def is_encodable(text):
    """Tell whether UTF-8 can hold a text; JSON can spell half of a character, such as `\\ud800`."""
    return text.isascii() or text.encode(errors='replace').decode() == text


def printable(text):
    """Return text that stays on its line and gives no orders to a terminal."""
    return ''.join(
        letter if letter.isprintable() else letter.encode('unicode_escape').decode()
        for letter in encodable(text)
    )


def columns(text):
    """Return how many columns of a terminal `text` takes: Chinese and Hangul take two a letter."""
    return sum(
        2 if unicodedata.east_asian_width(letter) in 'WF' else 1
        for letter in text
        if not unicodedata.combining(letter)
    )


def padded(text, width):
    """Fill `text` up with spaces to `width` columns."""
    return text + ' ' * (width - columns(text))


def cell(text):
    """Return text that a spreadsheet shows and does not run, marked as it marks text itself."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def path_cell(path):
    """Return another spelling of a path that a spreadsheet does not take for a formula."""
    return os.path.join(os.curdir, path) if path.startswith(_FORMULA_STARTS) else path


def listed(names):
    """Join names with commas; a name that could be taken for two, or for none, is quoted."""
    return ', '.join(
        f"'{name}'" if ',' in name or name != name.strip() or not name else name for name in names
    )
