"""The modules in state dicts of PyTorch, and the layers that they become."""

import re

from weights.layouts.layout import Layer
from weights.sources import TORCH, Source


def in_order(names):
    """Sort names by their parts, numbers by value: `features.2` is before `features.10`."""
    return sorted(names, key=lambda name: [_comparable(part) for part in re.split(r'(\d+)', name)])


def _comparable(part):
    return int(part) if part.isdigit() else part


def modules(source: Source, pattern):
    """List the modules whose whole name matches, in order; a module is what has a weight."""
    names = (name.removesuffix('.weight') for name in source.tensors if name.endswith('.weight'))
    return in_order(name for name in names if re.fullmatch(pattern, name))


def has(source: Source, expected):
    """Return whether a file has these modules; `expected` is {module: shape of its weight}.

    None in a shape is any size.
    """
    return source.kind == TORCH and all(
        _is_like(source, f'{module}.weight', shape) for module, shape in expected.items()
    )


def _is_like(source, name, shape):
    found = source.tensors[name].shape if name in source.tensors else ()
    return len(found) == len(shape) and all(
        size in (None, actual) for size, actual in zip(shape, found, strict=True)
    )


def first(source: Source, *names):
    """Return the first of these modules that a file has; the last if it has none."""
    return next((name for name in names if f'{name}.weight' in source.tensors), names[-1])


def dense(scope, module):
    """Return a layer with biases and without batch norm."""
    return Layer([(f'{scope}/weights', module)])


def normalised(scope, convolution, norm, weights='weights'):
    """Return a convolution and its batch norm."""
    return Layer([(f'{scope}/{weights}', convolution)], (f'{scope}/BatchNorm', norm))
