"""Turn the tensors of a file into the variables of a network here, as its Layers say.

Weights are transposed. What the other program has and the network here has not is folded, exactly
in inference: biases before a batch norm, a gamma where batch norm has none here, another epsilon,
and another normalisation of the pictures.
"""

import dataclasses
import math
import re

import numpy as np

from classifiers import mismatches
from common import text
from common.errors import UserError
from weights.placing import batch_norms
from weights.sources import KERAS, SLIM, TORCH

_DEPTHWISE, _POINTWISE = 'depthwise_weights', 'pointwise_weights'
# Kind of a file -> role of a variable here -> endings of the tensor with that role, the first that
# exists.
_ENDINGS = {
    TORCH: {
        'weights': ('.weight',),
        _DEPTHWISE: ('.weight',),
        _POINTWISE: ('.weight',),
        'biases': ('.bias',),
        'gamma': ('.weight',),
        'beta': ('.bias',),
        'moving_mean': ('.running_mean',),
        'moving_variance': ('.running_var',),
    },
    KERAS: {
        'weights': ('/kernel',),
        _DEPTHWISE: ('/depthwise_kernel', '/kernel'),
        _POINTWISE: ('/pointwise_kernel', '/kernel'),
        'biases': ('/bias',),
        'gamma': ('/gamma',),
        'beta': ('/beta',),
        'moving_mean': ('/moving_mean',),
        'moving_variance': ('/moving_variance',),
    },
    SLIM: {
        role: (f'/{role}',)
        for role in (
            'weights', _DEPTHWISE, _POINTWISE, 'biases',
            'gamma', 'beta', 'moving_mean', 'moving_variance',
        )
    },
}  # fmt: skip
_NORM_ROLES = ('gamma', 'beta', 'moving_mean', 'moving_variance')
# Counters that PyTorch's batch norms keep, and that no result depends on.
_COUNTERS = {TORCH: '.num_batches_tracked'}


@dataclasses.dataclass(frozen=True)
class _Part:
    """A tensor of the file, and the variable here with the same role."""

    tensor: str
    variable: str  # Of biases and batch norms it may be missing here; the tensor is then folded.
    role: str
    shape: tuple[int, ...] | None  # In the layout here; None if there is no such variable.


def tensor_name(source, module, role):
    """Return the name of a module's tensor with a role; if none exists, of the usual one."""
    names = [module + ending for ending in _ENDINGS[source.kind][role]]
    return next((name for name in names if name in source.tensors), names[0])


def _parts(source, layer, target):
    """List the parts of a layer that its file must have or has."""
    found = []
    for variable, module in layer.convolutions:
        found += _of_convolution(source, layer, target, variable, module)
    if layer.norm:
        scope, module = layer.norm
        width = target.variables.get(f'{scope}/moving_mean')
        for role in _NORM_ROLES:
            part = _Part(tensor_name(source, module, role), f'{scope}/{role}', role, width)
            is_here = part.variable in target.variables
            if part.tensor in source.tensors or not _may_be_missing(source, module, role, is_here):
                found.append(part)
    return found


def _of_convolution(source, layer, target, variable, module):
    """Yield the weights and, if the network or the file has them, the biases of a convolution."""
    role = variable.rpartition('/')[2]
    shape = target.variables.get(variable)
    yield _Part(tensor_name(source, module, role), variable, role, shape)
    bias = _bias(source, variable, module, shape)
    has_place = bias.variable in target.variables and variable == _last(layer, variable)
    is_there = bias.tensor in source.tensors and _is_last_in(layer, variable, module)
    if is_there or (has_place and not layer.norm):
        yield bias


def _is_last_in(layer, variable, module):
    """Return whether no later convolution is in the same module, which adds its biases last."""
    return [name for name, each in layer.convolutions if each == module][-1] == variable


def _bias(source, variable, module, shape):
    if shape and variable.endswith(_DEPTHWISE):
        shape = (shape[2] * shape[3],)
    biases = _beside(variable, 'biases')
    return _Part(tensor_name(source, module, 'biases'), biases, 'biases', shape and shape[-1:])


def _may_be_missing(source, module, role, is_here):
    """Return whether batch norm may have no gamma or beta; in PyTorch it has both or neither."""
    if role not in ('gamma', 'beta'):
        return False
    if source.kind == SLIM:
        return not is_here
    if source.kind != TORCH:
        return role == 'gamma' or f'{module}/gamma' in source.tensors
    return not any(
        tensor_name(source, module, each) in source.tensors for each in ('gamma', 'beta')
    )


def _beside(variable, role):
    return f'{variable.rpartition("/")[0]}/{role}'


def _last(layer, variable):
    """Return the last of a layer's weights that share the scope, and the biases, of `variable`."""
    scope = variable.rpartition('/')[0]
    return [name for name, _ in layer.convolutions if name.rpartition('/')[0] == scope][-1]


def check(source, layout, layers, target):
    """Raise a UserError unless the file has a tensor of the right shape for every variable.

    Nothing is read for this. Tensors that have no place are an error too.
    """
    needed = [(part, layer) for layer in layers for part in _parts(source, layer, target)]
    missing = [part.tensor for part, _ in needed if part.tensor not in source.tensors]
    if missing:
        raise UserError(_about_missing(source, layout, missing))
    strange = [part.tensor for part, _ in needed if part.shape is None]
    if strange:
        raise UserError(_about_rest(source, target, strange))
    for part, layer in needed:
        _check_shape(source, part, layer)
    placed = {name for layer in layers for name in _variables_of(layer)}
    unplaced = [name for name in target.variables if name not in placed]
    if unplaced:
        raise UserError(
            f'{source.path}: has nothing for {mismatches.shortened(unplaced, 3)} of {target.name}'
        )
    _check_rest(source, layout, {part.tensor for part, _ in needed}, target)


def _about_missing(source, layout, missing):
    subject = 'tensor' if len(missing) == 1 else f'{len(missing)} tensors'
    return (
        f'{source.path}: lacks the {subject} {mismatches.shortened(missing, 3)} of {layout.name}; '
        'the file is incomplete, or of another network'
    )


def _variables_of(layer):
    """List the variables that a layer may give values to."""
    names = []
    for variable, _ in layer.convolutions:
        names += [variable, _beside(variable, 'biases')]
    if layer.norm:
        names += [f'{layer.norm[0]}/{role}' for role in _NORM_ROLES]
    return names


def _check_shape(source, part, layer):
    shape = source.shape(part.tensor)
    if part.role in (*_NORM_ROLES, 'biases'):
        if shape != part.shape:
            raise UserError(_about_shape(source, part))
        return
    if math.prod(shape) != math.prod(part.shape):
        raise UserError(_about_shape(source, part))
    # Without memory: all elements are the same one.
    _arranged(source, part, np.broadcast_to(np.float32(0), shape), layer.flattened)


def _check_rest(source, layout, used, target):
    counter = _COUNTERS.get(source.kind)
    rest = [
        name
        for name in source.tensors
        if name not in used
        and not (layout.ignored and re.match(layout.ignored, name))
        and not (counter and name.endswith(counter))
    ]
    if rest:
        raise UserError(_about_rest(source, target, rest))


def _about_rest(source, target, rest):
    names = mismatches.shortened([text.printable(name) for name in rest], 3)
    subject = 'a tensor' if len(rest) == 1 else f'{len(rest)} tensors'
    return (
        f'{source.path}: has {subject} without a place in {target.name}: {names}; '
        'the file is of another network, or of a form of it that is not known here '
        '(--rename=regex: leaves tensors out)'
    )


def _about_shape(source, part):
    there, here = (
        'x'.join(map(str, shape)) or 'a scalar' for shape in (source.shape(part.tensor), part.shape)
    )
    return (
        f'{source.path}: {part.tensor} is {there}, which does not fit {part.variable} ({here}); '
        'the file is of another network, or of another size of it'
    )


def _arranged(source, part, value, flattened):
    """Return weights with the axes of the variable here."""
    here = part.shape
    try:
        value = _with_our_axes(source.kind, part.role, value, here, flattened)
        if value.shape[:2] == (1, 1) and value.ndim == 4 and len(here) == 2:
            value = value[0, 0]
        elif value.ndim == 2 and here[:2] == (1, 1) and len(here) == 4:
            value = value[None, None]
        elif flattened and value.ndim == 4 and len(here) == 2:
            value = value.reshape(-1, value.shape[-1])
    except ValueError:
        raise UserError(_about_shape(source, part)) from None
    if value.shape != here:
        raise UserError(_about_shape(source, part))
    return value


def _with_our_axes(kind, role, value, here, flattened):
    """Return weights as [height, width, in, out] or [in, out]; a wrong rank is a ValueError."""
    if value.ndim == 2:
        if kind == TORCH:
            value = value.T
        if flattened:
            height, width, channels = flattened
            if kind == TORCH:
                value = value.reshape(channels, height, width, -1).transpose(1, 2, 0, 3)
            else:
                value = value.reshape(height, width, channels, -1)
        return value
    if kind != TORCH:
        return value
    if role == _DEPTHWISE:
        # The outputs of a channel are beside each other in both.
        if value.ndim != 4 or value.shape[1] != 1:
            raise ValueError
        value = value.reshape(here[2], -1, *value.shape[2:])
        return value.transpose(2, 3, 0, 1)
    return value.transpose(2, 3, 1, 0)


def values(source, layout, layers, target, input_change=None):
    """Yield (name of a variable, its float32 array), layer by layer; see `check`."""
    for layer in layers:
        for name, value in _place(source, layout, layer, target, input_change).items():
            value = np.ascontiguousarray(value, np.float32)
            if not np.isfinite(value).all():
                raise UserError(f'{source.path}: {name} would have values that are not finite')
            yield name, value


def _place(source, layout, layer, target, input_change):
    found, bias = {}, None
    for variable, module in layer.convolutions:
        shape = target.variables[variable]
        role = variable.rpartition('/')[2]
        part = _Part(tensor_name(source, module, role), variable, role, shape)
        weights = _arranged(source, part, source.read(part.tensor), layer.flattened)
        if layer.scale != 1:
            weights = weights * np.float64(layer.scale)
        bias = _through(source, part, weights, bias)
        own = _bias(source, variable, module, shape)
        if own.tensor in source.tensors and _is_last_in(layer, variable, module):
            bias = _sum(bias, source.read(own.tensor) * np.float64(layer.scale))
        if variable == target.first and input_change and not input_change.is_none:
            weights, added = input_change.apply(weights)
            bias = _sum(bias, added.ravel() if role == _DEPTHWISE else added.sum(0))
        found[variable] = weights
        if own.variable in target.variables and variable == _last(layer, variable):
            found[own.variable] = np.zeros(own.shape) if bias is None else bias
            bias = None
    if layer.norm:
        stored = {
            part.role: source.read(part.tensor)
            for part in _parts(source, layer, target)
            if part.role in _NORM_ROLES
        }
        try:
            return batch_norms.fold(stored, layout.epsilon, layer, target, found, bias)
        except ValueError as error:
            raise UserError(f'{source.path}: {layer.norm[1]}: {error}') from None
    if bias is not None and bias.any():
        raise UserError(
            f'{source.path}: {layer.convolutions[-1][1]} has biases, and '
            f'{layer.convolutions[-1][0]} has none here'
        )
    return found


def _sum(bias, other):
    """Return the sum of two vectors, of which either may be None."""
    return other if bias is None else bias.astype(np.float64) + other


def _through(source, part, weights, bias):
    """Return the bias behind a convolution for the bias before it."""
    if bias is None or not bias.any():
        return None
    if part.role == _DEPTHWISE or weights.shape[:2] != (1, 1):
        raise UserError(f'{source.path}: biases before {part.tensor} cannot be folded exactly')
    return bias.astype(np.float64) @ weights[0, 0].astype(np.float64)
