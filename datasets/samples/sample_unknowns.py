"""Sample pictures without flowers, which a classifier of flowers should be unsure about."""

import math

import numpy as np

from datasets.samples import textures
from datasets.samples.drawing import Brush, colour, curve, mix, new_picture, photograph, shade

_DARK, _WHITE = (30, 28, 32), (245, 245, 240)


def _box(left, bottom, right, top):
    return np.array([(left, bottom), (right, bottom), (right, top), (left, top)])


def _arch(left, bottom, right, top):
    """Return a box with a rounded top."""
    angles = np.linspace(0, math.pi, 16)
    middle, half = (left + right) / 2, (right - left) / 2
    upper = (top + bottom) / 2
    curved = np.stack([middle + half * np.cos(angles), upper + (top - upper) * np.sin(angles)], 1)
    return np.concatenate([[(left, bottom), (right, bottom)], curved])


def _paint(rng, strongest=0.9):
    return colour(rng.random(), rng.uniform(0.3, strongest), rng.uniform(0.45, 0.95))


def _cat(brush, rng):
    fur = colour(rng.uniform(0.04, 0.12), rng.uniform(0.0, 0.6), rng.uniform(0.25, 0.9))
    tail = curve((0.45, -0.8), (0.95, 0.1), rng.uniform(-0.4, 0.4))
    brush.line(tail, shade(fur, 0.8), 0.13)
    brush.disc(0, -0.5, 0.5, fur, squash=0.95)
    for side in (-1, 1):
        brush.polygon([(side * 0.1, 0.5), (side * 0.48, 0.25), (side * 0.42, 0.85)], fur)
        inner = [(side * 0.2, 0.5), (side * 0.42, 0.35), (side * 0.38, 0.7)]
        brush.polygon(inner, mix(fur, (230, 150, 150), 0.6))
        brush.disc(side * 0.2, -0.9, 0.14, shade(fur, 1.15))
    brush.disc(0, 0.25, 0.46, shade(fur, 1.05), squash=0.85)
    eyes = colour(rng.uniform(0.12, 0.55), 0.7, 0.85)
    for side in (-1, 1):
        brush.disc(side * 0.19, 0.32, 0.1, eyes)
        brush.disc(side * 0.19, 0.32, 0.05, _DARK, squash=1.8)
        for rise in (-0.06, 0.02, 0.1):
            brush.line([(side * 0.1, 0.12), (side * 0.62, 0.1 + rise)], _WHITE + (180,), 0.012)
    brush.polygon([(-0.06, 0.2), (0.06, 0.2), (0, 0.12)], (210, 120, 130))


def _car(brush, rng):
    paint = _paint(rng)
    glass = colour(0.55, 0.25, rng.uniform(0.5, 0.9))
    brush.polygon([(-0.6, 0.05), (-0.4, 0.45), (0.3, 0.45), (0.6, 0.05)], shade(paint, 0.85))
    brush.polygon([(-0.5, 0.07), (-0.35, 0.38), (-0.06, 0.38), (-0.06, 0.07)], glass)
    brush.polygon([(0.02, 0.07), (0.02, 0.38), (0.26, 0.38), (0.49, 0.07)], glass)
    body = [(-1, -0.3), (1, -0.3), (1, -0.05), (0.62, 0.08), (-0.9, 0.08), (-1, -0.05)]
    brush.polygon(body, paint)
    brush.polygon(_box(-1, -0.3, 1, -0.18), shade(paint, 0.7))
    brush.disc(0.93, -0.06, 0.06, (255, 244, 190))
    for wheel in (-0.55, 0.55):
        brush.disc(wheel, -0.3, 0.23, _DARK)
        brush.disc(wheel, -0.3, 0.12, (180, 182, 186))


def _house(brush, rng):
    wall, roof = _paint(rng, strongest=0.4), _paint(rng)
    brush.polygon(_box(-0.75, -0.8, 0.75, 0.15), wall)
    brush.polygon(_box(0.35, 0.3, 0.55, 0.85), shade(roof, 0.6))
    brush.polygon([(-0.95, 0.12), (0.95, 0.12), (0, 0.9)], roof)
    for row in np.linspace(0.25, 0.7, 5):
        half = 0.95 * (0.9 - row) / 0.78
        brush.line([(-half, row), (half, row)], shade(roof, 0.8), 0.015)
    brush.polygon(_box(-0.15, -0.8, 0.15, -0.25), shade(roof, 0.75))
    for left in (-0.6, 0.3):
        brush.polygon(_box(left, -0.35, left + 0.3, -0.02), _WHITE)
        brush.polygon(_box(left + 0.03, -0.32, left + 0.27, -0.05), (120, 165, 195))
        brush.line([(left + 0.15, -0.35), (left + 0.15, -0.02)], _WHITE, 0.03)


def _tree(brush, rng):
    bark = colour(0.07, rng.uniform(0.3, 0.6), rng.uniform(0.25, 0.5))
    leaves = colour(rng.uniform(0.05, 0.4), rng.uniform(0.5, 0.85), rng.uniform(0.35, 0.7))
    brush.polygon([(-0.14, -1), (0.14, -1), (0.07, 0.1), (-0.07, 0.1)], bark)
    for _ in range(34):
        angle, distance = rng.uniform(0, 2 * math.pi), 0.5 * math.sqrt(rng.random())
        x, y = distance * math.cos(angle), 0.35 + distance * math.sin(angle)
        brush.disc(x, y, rng.uniform(0.12, 0.26), shade(leaves, 0.75 + 0.45 * (y + 0.2)))


def _fish(brush, rng):
    scales, stripe = _paint(rng), _paint(rng)
    brush.polygon([(-0.55, 0), (-1, 0.38), (-0.86, 0), (-1, -0.38)], shade(scales, 0.8))
    brush.polygon([(-0.2, 0.3), (0.05, 0.62), (0.3, 0.3)], shade(scales, 0.8))
    brush.disc(0.1, 0, 0.75, scales, squash=0.52)
    for x in (-0.3, 0.0, 0.3):
        height = 0.36 * math.sqrt(1 - ((x - 0.1) / 0.75) ** 2)
        brush.line(curve((x, -height), (x, height), -0.12), stripe + (210,), 0.09)
    brush.disc(0.58, 0.1, 0.09, _WHITE)
    brush.disc(0.6, 0.1, 0.045, _DARK)


def _castle(brush, rng):
    stone = colour(rng.uniform(0.05, 0.7), rng.uniform(0.05, 0.25), rng.uniform(0.5, 0.9))
    brush.polygon(_box(-0.6, -0.8, 0.6, 0.1), stone)
    for left in np.linspace(-0.6, 0.45, 5):
        brush.polygon(_box(left, 0.1, left + 0.15, 0.24), stone)
    for middle in (-0.7, 0.7):
        brush.polygon(_box(middle - 0.22, -0.8, middle + 0.22, 0.4), shade(stone, 0.85))
        roof = [(middle - 0.3, 0.4), (middle + 0.3, 0.4), (middle, 0.95)]
        brush.polygon(roof, _paint(rng))
        brush.polygon(_arch(middle - 0.07, 0.0, middle + 0.07, 0.25), _DARK)
    brush.polygon(_arch(-0.2, -0.8, 0.2, -0.15), shade(stone, 0.35))


def _shapes(brush, rng):
    """Draw three to seven random geometric shapes."""
    for _ in range(rng.randint(3, 7)):
        corners = rng.choice((3, 4, 4, 5, 6, 24))
        angles = np.linspace(0, 2 * math.pi, corners, endpoint=False) + rng.uniform(0, 6.3)
        outline = np.stack([np.cos(angles), rng.uniform(0.4, 1) * np.sin(angles)], 1)
        middle = np.array([rng.uniform(-0.7, 0.7), rng.uniform(-0.7, 0.7)])
        tone = _paint(rng) + (rng.randint(150, 255),)
        brush.polygon(middle + rng.uniform(0.2, 0.6) * outline, tone)


_PAINTERS = {
    'cat': _cat,
    'car': _car,
    'house': _house,
    'tree': _tree,
    'fish': _fish,
    'castle': _castle,
    'shapes': _shapes,
}
KINDS = tuple(_PAINTERS)
FURTHER_KINDS = textures.KINDS


def draw_unknown(kind, seed):
    """Return the picture of this kind and `seed` as JPEG bytes.

    The kind is one of KINDS or FURTHER_KINDS.
    """
    if kind in FURTHER_KINDS:
        return textures.draw_texture(kind, seed)
    rng, image = new_picture(f'{kind}/{seed}')
    radius = min(image.size) * rng.uniform(0.3, 0.45)
    centre = [rng.uniform(radius, side - radius) for side in image.size]
    brush = Brush(image, centre, radius, rng.uniform(-0.12, 0.12))
    _PAINTERS[kind](brush, rng)
    return photograph(image, rng)
