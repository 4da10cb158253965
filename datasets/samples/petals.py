"""What the painters of flowers share: the tones of petals, and how a flower faces the viewer."""

import math

import numpy as np

from datasets.samples.drawing import Brush, colour

YELLOW, ORANGE, RED, PINK, PURPLE = 0.14, 0.075, 0.985, 0.92, 0.78


def petal_tones(hue, rng, strong=(0.55, 0.95), bright=(0.8, 1.0)):
    """Return the tones of a petal from its edge inwards."""
    hue += rng.uniform(-0.015, 0.015)
    saturation, value = rng.uniform(*strong), rng.uniform(*bright)
    # Darkened yellow looks green, so the shadows of petals turn towards orange.
    shadow = hue - 0.03 if 0.05 < hue < 0.2 else hue
    edge = colour(shadow, saturation, value * 0.78)
    middle = colour(hue, saturation, value)
    inner = colour(hue, saturation * 0.75, value * 1.05)
    return [edge, middle, inner]


def pale_tones(rng):
    """Return the tones of a white petal, none of them pure white."""
    return petal_tones(rng.random(), rng, strong=(0.0, 0.12), bright=(0.9, 1.0))


def open_head(image, centre, radius, rng):
    """Return a brush for a flower seen from the front or a little from the side."""
    turn = rng.uniform(0, 2 * math.pi)
    return Brush(image, centre, radius, turn, squash=rng.uniform(0.72, 1.0))


def bent_petal(brush, path, width, tones, widest=0.5, tip=0.8):
    """Draw a petal along the line `path`, shaded from `tones[0]` at its edge inwards.

    `widest` and `tip` are those of Brush.petals.
    """
    path = np.asarray(path, float)
    along = np.linspace(0, 1, len(path))
    half = np.sin(math.pi * along ** (math.log(0.5) / math.log(widest))) ** tip * width / 2
    forward = np.gradient(path, axis=0)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    sideways = np.stack([-forward[:, 1], forward[:, 0]], 1)
    for layer, tone in enumerate(tones):
        across = sideways * half[:, None] * (1 - layer / (len(tones) + 0.5))
        brush.polygon(np.concatenate([path + across, (path - across)[::-1]]), tone)
