"""Check values: names against the known ones, numbers against a range."""

import dataclasses
import difflib
import math
from typing import Any, Protocol

from common import text
from common.errors import UserError


def nearest(name, known):
    """List all `known` names, the most similar to `name` first."""
    wanted = str(name).lower()

    def distance(candidate):
        ratio = difflib.SequenceMatcher(None, wanted, candidate.lower()).ratio()
        return -ratio, candidate

    return sorted(known, key=distance)


def unknown(kind, name, known):
    """Return the message for a `name` that is not among the `known` ones."""
    ordered = nearest(name, known)
    if not ordered:
        return f'unknown {kind} {name!r}; no names are known'
    return f'unknown {kind} {name!r}; known, nearest first: {text.listed(ordered)}'


def lookup(kind, name, table):
    """Return `table[name]`, or raise a UserError that lists the table's names."""
    if name not in table:
        raise UserError(unknown(kind, name, table))
    return table[name]


class Check(Protocol):
    """Describe the valid values of an option."""

    def fault(self, name: str, value: Any) -> str | None:
        """Return what is wrong with a value, or None if it is valid."""

    def describe(self) -> str:
        """Return the valid values in words: 'at least 1'."""


@dataclasses.dataclass(frozen=True)
class Range:
    """Accept finite numbers between two bounds; `open_low` and `open_high` exclude the bound."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def fault(self, name: str, value: float) -> str | None:
        """Return what the value must be, or None if it is valid."""
        # A whole number is finite, even where it is too large for a float.
        if isinstance(value, float) and not math.isfinite(value):
            return 'must be a finite number'
        too_low = value <= self.low if self.open_low else value < self.low
        too_high = value >= self.high if self.open_high else value > self.high
        return f'must be {self.describe()}' if too_low or too_high else None

    def describe(self) -> str:
        """Return the range in words."""
        bounds = []
        if self.low > -math.inf:
            bounds.append(f'{"above" if self.open_low else "at least"} {self.low:.10g}')
        if self.high < math.inf:
            bounds.append(f'{"below" if self.open_high else "at most"} {self.high:.10g}')
        return ' and '.join(bounds)


@dataclasses.dataclass(frozen=True)
class OneOf:
    """Accept one of some names."""

    names: tuple[str, ...]

    def fault(self, name: str, value: str) -> str | None:
        """Return the names that are known, the nearest first, or None if the value is one."""
        if value in self.names:
            return None
        return unknown(name.replace('_', ' '), value, self.names)

    def describe(self) -> str:
        """Return the names."""
        return ', '.join(self.names)


COUNT = Range(low=1)
NOT_NEGATIVE = Range(low=0)
POSITIVE = Range(low=0, open_low=True)
DECAY = Range(low=0, high=1, open_high=True)
