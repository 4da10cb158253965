"""Limit the number of parts (segments, chunks, blocks) that are read from a file."""

from pictures.kinds import BadImage

# Visiting a part of a file takes time in Python, and a part can be as short as a few bytes.
_MOST_PARTS = 100_000


def bounded(parts, kind):
    """Yield the `parts`; raise BadImage if there are too many."""
    for number, part in enumerate(parts):
        if number == _MOST_PARTS:
            raise BadImage(f'{kind} of more than {_MOST_PARTS:,} parts')
        yield part
