"""Make untrusted names safe for a terminal, a file or a spreadsheet."""

import os
import unicodedata

# A spreadsheet treats a cell that starts with one of these as a formula, and runs it.
_FORMULA_STARTS = ('=', '+', '-', '@', '\t', '\r', '\n')


def encodable(text):
    """Return text that UTF-8 can encode: other bytes of a file name become `\\xe9`."""
    return os.fsencode(text).decode('utf-8', 'backslashreplace')


def is_encodable(text):
    """Tell whether UTF-8 can encode a text; JSON can hold half a character, such as `\\ud800`."""
    return text.isascii() or text.encode(errors='replace').decode() == text


def printable(text):
    """Return text on one line, without control sequences for a terminal."""
    return ''.join(
        letter if letter.isprintable() else letter.encode('unicode_escape').decode()
        for letter in encodable(text)
    )


def excerpt(text, most):
    """Return the first `most` characters of any text, half characters replaced, as `printable`."""
    return printable(text.encode(errors='replace').decode()[:most])


def columns(text):
    """Return the width of `text` in a terminal; Chinese and Hangul letters take two columns."""
    return sum(
        2 if unicodedata.east_asian_width(letter) in 'WF' else 1
        for letter in text
        if not unicodedata.combining(letter)
    )


def padded(text, width):
    """Pad `text` with spaces to `width` columns."""
    return text + ' ' * (width - columns(text))


def cell(text):
    """Return text that a spreadsheet shows instead of running, marked by an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def path_cell(path):
    """Return an equivalent path that a spreadsheet does not treat as a formula."""
    return os.path.join(os.curdir, path) if path.startswith(_FORMULA_STARTS) else path


def listed(names):
    """Join names with commas; quote names that contain commas or outer spaces, or are empty."""
    return ', '.join(
        f"'{name}'" if ',' in name or name != name.strip() or not name else name for name in names
    )
