"""Select the tensors of a file that an import uses: renamed, averaged, without a training's state.

A checkpoint of a training contains more than the network: the step, slots of the optimizer
(`X/Momentum` of the variable X) and moving averages (`X/ExponentialMovingAverage`). No variable of
a network is a single number, or has the name of another variable as its scope.
"""

import dataclasses
import re

from classifiers import mismatches
from classifiers.checkpoints import AVERAGE_SUFFIX
from common import text
from common.errors import UserError
from weights.sources import SLIM


def select(source, rename=(), use_averages=True):
    """Return (Source with the tensors to use, lines for the log)."""
    tensors, lines = dict(source.tensors), []
    for rule in rename:
        tensors, line = _renamed(tensors, rule)
        lines.append(line)
    if source.kind == SLIM:
        tensors, more = _of_network(tensors, use_averages)
        lines += more
    if not tensors:
        raise UserError(f'{source.path}: contains no tensors of a network')
    return dataclasses.replace(source, tensors=tensors), lines


def _renamed(tensors, rule):
    """Apply one rule regex:replacement to all names; a tensor with an empty name is left out."""
    pattern, _, replacement = rule.rpartition(':')
    renamed, changed, removed = {}, 0, 0
    for name, tensor in tensors.items():
        try:
            new = re.sub(pattern, replacement, name)
        except (re.error, IndexError) as error:
            raise UserError(f'--rename={rule}: {error}') from None
        changed += new not in ('', name)
        removed += not new
        if new in renamed:
            raise UserError(f'--rename={rule}: two tensors would have the name {new}')
        if new:
            renamed[new] = tensor
    if not changed + removed:
        names = mismatches.shortened([text.printable(name) for name in tensors], 3)
        raise UserError(f'--rename={rule}: fits no tensor; the file has {names}')
    return renamed, f'--rename={rule}: {changed} tensors renamed, {removed} left out'


def _of_network(tensors, use_averages):
    """Leave out the state of a training; put moving averages in place of their variables."""
    bases = {name: _base(name, tensors) for name in tensors}
    found = {name: tensors[name] for name, base in bases.items() if base is None}
    averages = {name: tensor for name, tensor in tensors.items() if name.endswith(AVERAGE_SUFFIX)}
    for name, tensor in averages.items() if use_averages else ():
        found[name.removesuffix(AVERAGE_SUFFIX)] = tensor
    found = {name: tensor for name, tensor in found.items() if tensor.shape}
    rest = [name for name in tensors if name not in found and name not in averages]
    lines = []
    if averages:
        used = 'used' if use_averages else 'not used'
        lines.append(f'{len(averages)} moving averages of variables are {used}')
    if rest:
        names = mismatches.shortened(sorted(rest, key=lambda name: ('/' in name, name)), 2)
        lines.append(f'left out, because they belong to a training: {names}')
    return found, lines


def _base(name, tensors):
    """Return the variable that a tensor belongs to, or None for a variable itself."""
    if name.endswith(AVERAGE_SUFFIX):
        return name.removesuffix(AVERAGE_SUFFIX)
    scope = name.rpartition('/')[0]
    while scope:
        if scope in tensors:
            return scope
        scope = scope.rpartition('/')[0]
    return None
