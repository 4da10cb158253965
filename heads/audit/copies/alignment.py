"""Lay one picture over another, and measure how well they agree."""

import dataclasses

import numpy as np
from PIL import Image
from scipy import ndimage

# Both pictures are squeezed into squares of this side.
SIDE = 64
_MIDDLE = (SIDE - 1) / 2
# Coarse to fine: blur in pixels, and the distance of the pixels that are compared.
_LEVELS = ((4, 4), (2, 2), (1, 2))
_STEPS = 12
_SMALLEST_STEP = 0.02
_DAMPING = 1e-4
_MOST_STRETCH = 1.5
_SMALLEST_OVERLAP = 0.5
_HOPELESS = 0.8
_LOW = 4  # Blur that leaves the low frequencies only.
_BLOCK = 8
_FLAT = 1e-6


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How well two pictures agree where they overlap.

    `correlation` is that of brightness, `detail` that of brightness without its low frequencies,
    `difference` the largest mean difference of colour in a block, from 0 to 1.
    """

    correlation: float
    detail: float
    difference: float


_NONE = Agreement(0.0, 0.0, 1.0)


def square(pixels):
    """Return RGB pixels as uint8 [SIDE, SIDE, 3]."""
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX))


def agreement(first, second):
    """Return the Agreement of two squares: `second` is stretched and moved over `first`.

    The two are the same picture, or one is a crop of the other, or neither is; only then is the
    agreement low.
    """
    first, second = np.float32(first) / 255, np.float32(second) / 255
    stretch, shift = np.ones(2), np.zeros(2)
    for level, (blur, spacing) in enumerate(_LEVELS):
        greys = [ndimage.gaussian_filter(each.mean(axis=2), blur) for each in (first, second)]
        stretch, shift = _fit(*greys, stretch, shift, spacing)
        if level == 0 and _correlation(*_overlap(*greys, stretch, shift)) < _HOPELESS:
            return _NONE
    return _compare(first, second, stretch, shift)


def _fit(first, second, stretch, shift, spacing):
    """Improve the transform by Gauss-Newton steps, with any gain and offset of the brightness.

    Baker and Matthews: Lucas-Kanade 20 years on (2004), section 2.
    """
    places = np.arange(spacing // 2, SIDE, spacing)
    centred = places - _MIDDLE
    down, right = np.gradient(second)
    target = first[np.ix_(places, places)]
    for _ in range(_STEPS):
        rows, columns = (stretch[axis] * centred + shift[axis] + _MIDDLE for axis in (0, 1))
        inside = _inside(rows)[:, np.newaxis] & _inside(columns)
        if inside.mean() < _SMALLEST_OVERLAP:
            break
        above, beside = _weights(rows), _weights(columns).T
        moved, dy, dx = (above @ values @ beside for values in (second, down, right))
        columns_of_basis = (dy * centred[:, np.newaxis], dy, dx * centred, dx, moved)
        basis = np.stack([*columns_of_basis, np.ones_like(moved)], axis=-1)[inside]
        normal = basis.T @ basis
        normal[np.diag_indices(6)] += _DAMPING * np.trace(normal) / 6
        step = np.linalg.solve(normal, basis.T @ (target - moved)[inside])[:4]
        stretch = np.clip(stretch + step[::2], 1 / _MOST_STRETCH, _MOST_STRETCH)
        shift = shift + step[1::2]
        if max(np.abs(step[::2]).max() * _MIDDLE, np.abs(step[1::2]).max()) < _SMALLEST_STEP:
            break
    return stretch, shift


def _inside(places):
    return (places >= 0) & (places <= SIDE - 1)


def _weights(places):
    """Return the matrix that interpolates an axis at `places`; outside, the last pixel counts."""
    places = np.clip(places, 0, SIDE - 1)
    low = np.minimum(places.astype(int), SIDE - 2)
    part = places - low
    found = np.zeros((len(places), SIDE), np.float32)
    found[np.arange(len(places)), low] = 1 - part
    found[np.arange(len(places)), low + 1] += part
    return found


def _overlap(first, second, stretch, shift):
    """Return (first, second moved over it, which pixels they share)."""
    centred = np.arange(SIDE) - _MIDDLE
    rows, columns = (stretch[axis] * centred + shift[axis] + _MIDDLE for axis in (0, 1))
    above, beside = _weights(rows), _weights(columns)
    moved = np.einsum('rx,x...->r...', above, second)
    moved = np.einsum('cy,ry...->rc...', beside, moved)
    return first, moved, _inside(rows)[:, np.newaxis] & _inside(columns)


def _compare(first, second, stretch, shift):
    first, moved, inside = _overlap(first, second, stretch, shift)
    if inside.mean() < _SMALLEST_OVERLAP:
        return _NONE
    blurred = [ndimage.gaussian_filter(each, (1, 1, 0)) for each in (first, moved)]
    greys = [each.mean(axis=2) for each in blurred]
    details = [each - ndimage.gaussian_filter(each, _LOW) for each in greys]
    differing = np.abs(blurred[0] - blurred[1]).max(axis=2) * inside
    return Agreement(
        _correlation(*greys, inside),
        _correlation(*details, inside),
        float(ndimage.uniform_filter(differing, _BLOCK).max()),
    )


def _correlation(first, second, inside):
    first, second = first[inside], second[inside]
    if not len(first):
        return 0.0
    first, second = first - first.mean(), second - second.mean()
    scale = np.sqrt(first @ first * (second @ second))
    return float(first @ second / scale) if scale > _FLAT else 0.0
