"""Label files: `0:daisy` a line as TF-Slim writes them, or one bare name a line."""

import re
import unicodedata

from common import files
from common.errors import UserError

_MOST_DIGITS = 9
_NUMBERED = re.compile(r'(\d+)\s*:(.*)')


def normalised(name):
    """Return `name` in Unicode NFC: macOS stores accents and Hangul decomposed."""
    return unicodedata.normalize('NFC', name)


def read_labels(path):
    """Read a label file into a dictionary from output number to class name."""
    text = files.read_text(path)
    lines = [normalised(line.strip()) for line in text.removeprefix('\ufeff').splitlines()]
    lines = [line for line in lines if line]
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    # A bare name may contain a colon, so either all lines are numbered or none is.
    if lines and all(matches):
        return _numbered(path, matches)
    return dict(enumerate(lines))


def _numbered(path, matches):
    labels = {}
    for match in matches:
        number, name = _number(path, match[1]), match[2].strip()
        if number in labels:
            raise UserError(f'{path}: label {number} is listed twice')
        labels[number] = name
    return labels


def _number(path, digits):
    if len(digits) > _MOST_DIGITS:
        raise UserError(f'{path}: label {digits[:_MOST_DIGITS]}... is too large a number')
    return int(digits)


def names_in_order(labels, path='labels'):
    """List the names of labels 0, 1, 2, ...; raise a UserError if a number is missing."""
    missing = [number for number in range(len(labels)) if number not in labels]
    if missing:
        raise UserError(
            f'{path}: label {missing[0]} is missing; labels must count from 0 without a gap'
        )
    return [labels[number] for number in range(len(labels))]


def write_labels(path, names):
    """Write `names` (a list, or a dictionary by number) as a `0:daisy` file."""
    files.write_text(path, as_text(names))


def as_text(names):
    """Return the content of a `0:daisy` file."""
    items = sorted(names.items()) if isinstance(names, dict) else enumerate(names)
    return ''.join(f'{number}:{normalised(name)}\n' for number, name in items)
