"""Report unknown names together with the known ones, nearest first."""

import difflib

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
