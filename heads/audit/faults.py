"""Find pictures that are very dark, blurred, tiny or nearly empty.

Each limit was chosen so that photographs, drawings and cut-out objects pass; docs/audit.md has the
figures. A picture must also differ from most of its own data set: in one of digits of 28 x 28
pixels, none is tiny.
"""

import numpy as np

# Where 99% of the pixels are darker than this, of 255.
DARK_HIGHLIGHTS = 75
# The part of the strongest edges' contrast that lies within two of 256 pixels.
BLURRED_SHARPNESS = 0.43
# The part of the pixels that differ from the most frequent colour, and the range of brightness.
EMPTY_CONTENT = 0.005
EMPTY_CONTRAST = 8
# The longer side in pixels.
TINY_SIDE = 48
# Of the median of the data set.
_MOST_OF_MEDIAN = 0.6
_PERCENT = 100


def find_faults(rows):
    """Yield (kind, place in `rows`, score, reason); a picture has one fault at most.

    `rows` are those of intact records.
    """
    longer = np.maximum(rows['width'], rows['height'])
    dark = _below(rows['highlights'], DARK_HIGHLIGHTS)
    tiny = _below(longer, TINY_SIDE)
    blurred = _below(rows['sharpness'], BLURRED_SHARPNESS)
    is_explained = np.zeros(len(rows), bool)
    for kind, is_at_fault, scores, reason in (
        ('dark', dark, rows['highlights'], _dark),
        ('empty', is_empty(rows), rows['content'], _empty),
        ('tiny', tiny, longer, _tiny),
        ('blurred', blurred, rows['sharpness'], _blurred),
    ):
        places = np.flatnonzero(is_at_fault & ~is_explained)
        is_explained |= is_at_fault
        for place in places[np.argsort(scores[places], kind='stable')]:
            yield kind, int(place), float(scores[place]), reason(rows[place])


def is_empty(rows):
    """Return which pictures have almost only one colour."""
    return (rows['content'] < EMPTY_CONTENT) | (rows['contrast'] < EMPTY_CONTRAST)


def _below(values, limit):
    """Return which values are below a limit, and clearly below the median of all values."""
    return values < min(limit, _MOST_OF_MEDIAN * np.median(values)) if len(values) else values < 0


def _dark(row):
    return f'99% of the pixels are darker than {row["highlights"]:.0f} of 255'


def _empty(row):
    return (
        f'{_PERCENT * row["content"]:.1f}% of the pixels differ from the most frequent colour; '
        f'the brightness varies by {row["contrast"]:.0f} of 255'
    )


def _tiny(row):
    return f'{row["width"]} x {row["height"]} pixels'


def _blurred(row):
    return f'sharpness {row["sharpness"]:.2f}; below {BLURRED_SHARPNESS} is blurred'
