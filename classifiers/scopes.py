"""Lists of scopes in flags, such as `InceptionV4/Logits,InceptionV4/AuxLogits`."""

import re

from common import checks
from common.errors import UserError

HEAD = 'head'  # Means the scopes of the network's head.


def parse(text, head=(HEAD,)):
    """Split a comma-separated list of scopes, and replace `head` by the given scopes."""
    parts = [part.strip() for part in (text or '').split(',')]
    return [scope for part in parts if part for scope in (head if part == HEAD else (part,))]


def within(name, scopes):
    """Return whether a variable's name begins with one of the scopes.

    As in TensorFlow's collections, a scope may also be a regular expression.
    """
    return any(name.startswith(scope) or _matches(scope, name) for scope in scopes)


def _matches(pattern, name):
    try:
        return re.match(pattern, name) is not None
    except re.error:
        return False


def require_matches(flag, scopes, variable_names):
    """Raise UserError for a scope without variables, which is misspelt."""
    for scope in scopes:
        if not any(within(name, [scope]) for name in variable_names):
            near = checks.nearest(scope, _all_scopes(variable_names))[:5]
            raise UserError(
                f'{flag}: no variable of the network is in {scope!r}; nearest: {", ".join(near)}'
            )


def _all_scopes(variable_names):
    return {name[:end] for name in variable_names for end in range(len(name)) if name[end] == '/'}


def frozen(scopes):
    """Return a function for `get_network_fn(frozen=...)` that returns whether a layer is frozen.

    Without scopes everything is trained; return None.
    """
    if not scopes:
        return None
    return lambda layer: not within(f'{layer}/moving_mean', scopes)


def trainable(variables, scopes, flag='--trainable_scopes'):
    """List the variables in the scopes, or all variables without scopes."""
    if not scopes:
        return list(variables)
    require_matches(flag, scopes, [variable.op.name for variable in variables])
    return [variable for variable in variables if within(variable.op.name, scopes)]
