"""Networks of other programs that resemble one here but differ from it, and why.

Their weights would give other results here, so they are refused with the reason.
"""

import dataclasses
from collections.abc import Callable

from weights.sources import Source


@dataclasses.dataclass(frozen=True)
class Different:
    """A network elsewhere that has no equal here."""

    name: str  # As people call it: 'Keras ResNet50'.
    kind: str  # Of its Source.
    fits: Callable[[Source], bool]  # Whether a file is of it, from its names and shapes alone.
    why: str  # One sentence without a full stop: what differs, and what to use instead.


DIFFERENT: tuple[Different, ...] = ()


def reason(source):
    """Return why a file cannot be imported, or '' if it is not of one of these networks."""
    for row in DIFFERENT:
        if row.kind == source.kind and row.fits(source):
            return f'{row.name}: {row.why}'
    return ''
