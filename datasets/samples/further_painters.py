"""Draw further kinds of flowers, which are in no data set unless they are asked for."""

import math

import numpy as np

from datasets.samples.drawing import Brush, colour, curve, even_angles, mix, shade
from datasets.samples.petals import (
    ORANGE,
    PINK,
    PURPLE,
    RED,
    YELLOW,
    bent_petal,
    open_head,
    pale_tones,
    petal_tones,
)

_BLUE, _VIOLET = 0.63, 0.72


def _iris(image, centre, radius, rng):
    """Draw petals that stand and lean together, and others that hang, with a beard."""
    brush = Brush(image, centre, radius, rng.uniform(-0.3, 0.3))
    hue = rng.choice((_BLUE, _VIOLET, PURPLE, PURPLE, YELLOW, ORANGE, PINK))
    falls = petal_tones(hue, rng, strong=(0.5, 0.95), bright=(0.6, 1.0))
    standards = [mix(tone, (255, 255, 255), rng.uniform(0.0, 0.35)) for tone in falls]
    if rng.random() < 0.25:
        standards = pale_tones(rng)
    beard = colour(rng.uniform(0.09, 0.15), 0.85, rng.uniform(0.8, 1.0))
    green = colour(rng.uniform(0.22, 0.34), 0.5, rng.uniform(0.3, 0.6))
    brush.polygon([(-0.1, -0.15), (0.1, -0.15), (0.06, -0.95), (-0.06, -0.95)], green)
    spread = rng.uniform(0.75, 0.98)
    heart = (0.0, -0.05)
    back = [shade(tone, 0.8) for tone in standards]
    bent_petal(brush, curve(heart, (0.05, 0.95), 0.0), 0.6, back, widest=0.62)
    for side in (-1, 1):
        arm = curve(heart, (side * spread, -0.5), side * -0.42)
        bent_petal(brush, arm, 0.56, [shade(tone, 0.88) for tone in falls], widest=0.66)
        brush.line(arm[1:9], beard, 0.055)
    for side in (-1, 1):
        arched = curve(heart, (side * rng.uniform(0.08, 0.2), 0.98), side * -0.4)
        bent_petal(brush, arched, 0.5, standards, widest=0.56)
    front = curve((0.0, 0.05), (rng.uniform(-0.12, 0.12), -0.95), rng.uniform(-0.08, 0.08))
    bent_petal(brush, front, 0.72, falls, widest=0.62, tip=0.6)
    for x in np.linspace(-0.16, 0.16, 7):
        veins = curve((0.25 * x, 0.0), (x, -0.62), 0.1 * x)
        brush.line(veins, shade(falls[0], 0.7) + (150,), 0.014)
    brush.line(front[:7], beard, 0.09)
    brush.line(front[:5], shade(beard, 1.25), 0.045)


def _lavender(image, centre, radius, rng):
    """Draw a bunch of thin stems, each with a spike of small florets in whorls."""
    brush = Brush(image, centre, radius, rng.uniform(-0.25, 0.25))
    hue = rng.choice((_BLUE, _VIOLET, _VIOLET, PURPLE, PURPLE, PINK, 0.85))
    tones = petal_tones(hue, rng, strong=(0.3, 0.8), bright=(0.55, 0.95))
    if rng.random() < 0.15:
        tones = pale_tones(rng)
    green = colour(rng.uniform(0.22, 0.38), rng.uniform(0.2, 0.6), rng.uniform(0.35, 0.65))
    spikes = rng.randint(3, 6)
    tips = np.linspace(-0.75, 0.75, spikes) + [rng.uniform(-0.1, 0.1) for _ in range(spikes)]
    order = list(enumerate(tips))
    rng.shuffle(order)
    for number, tip in order:
        height = rng.uniform(0.78, 1.0) - 0.25 * abs(tip)
        foot = (0.16 * tip + rng.uniform(-0.05, 0.05), -1.0)
        path = curve(foot, (tip, height), -0.1 * tip, count=20)
        brush.line(path, shade(green, rng.uniform(0.75, 1.15)), 0.028)
        depth = rng.uniform(0.78, 1.12)
        _spike(brush, rng, path[9 + number % 3 :], [shade(tone, depth) for tone in tones], green)


def _spike(brush, rng, path, tones, green):
    """Draw whorls of florets along the end of a stem, smaller towards the tip."""
    for level, (x, y) in enumerate(path):
        size = 0.085 * (1.1 - 0.55 * level / len(path))
        width = 0.15 * (1.0 - 0.6 * level / len(path))
        brush.disc(x, y, size * 0.6, mix(green, tones[0], 0.6))
        for across in (-1.0, 1.0, -0.45, 0.45, 0.0):
            floret = np.array([x + across * width, y + rng.uniform(-0.02, 0.03)])
            outwards = math.pi / 2 - across * rng.uniform(0.6, 1.0)
            end = floret + size * 1.5 * np.array([math.cos(outwards), math.sin(outwards)])
            petal = np.linspace(floret, end, 6)
            bent_petal(brush, petal, size * 1.1, tones[:2] if across else tones, tip=0.6)
            brush.disc(*floret, size * 0.3, shade(tones[0], 0.65))


def _lily(image, centre, radius, rng):
    """Draw a star of six long pointed petals with ribs and spots, and long stamens."""
    brush = open_head(image, centre, radius, rng)
    hue = rng.choice((ORANGE, ORANGE, PINK, PINK, RED, YELLOW, PURPLE))
    tones = petal_tones(hue, rng, strong=(0.35, 0.9), bright=(0.85, 1.0))
    if rng.random() < 0.35:
        tones = pale_tones(rng)
    spots = shade(colour(rng.uniform(0.93, 1.03), 0.75, rng.uniform(0.3, 0.6)), 0.8)
    throat = colour(rng.uniform(0.16, 0.27), rng.uniform(0.3, 0.7), 0.9)
    angles = even_angles(rng, 6, jitter=0.15)
    bend = rng.uniform(-0.16, 0.16)
    for ring, width in ((angles[::2], 0.42), (angles[1::2], 0.54)):
        for angle in ring:
            away = np.array([math.cos(angle), math.sin(angle)])
            path = curve((0, 0), away * rng.uniform(0.93, 1.0), bend + rng.uniform(-0.05, 0.05))
            depth = 0.85 if width < 0.5 else 1.0
            petal = [shade(tone, depth) for tone in tones]
            bent_petal(brush, path, width, petal, widest=0.45, tip=1.15)
            brush.line(path[:12], shade(petal[0], 0.82), 0.022)
            brush.line(path[:5], throat + (170,), 0.09)
            sideways = np.array([-away[1], away[0]])
            near = [path[rng.randint(3, 7)] + sideways * rng.uniform(-0.12, 0.12) for _ in range(9)]
            brush.dots(near, 0.014, spots)
    _stamens(brush, rng, even_angles(rng, 6, jitter=0.5), throat)


def _stamens(brush, rng, angles, tone):
    """Draw the long filaments of a lily, each with a rust-brown anther across its end."""
    rust = colour(rng.uniform(0.02, 0.07), 0.8, rng.uniform(0.3, 0.6))
    brush.disc(0, 0, 0.07, shade(tone, 0.8))
    for angle in angles:
        away = np.array([math.cos(angle), math.sin(angle)])
        end = away * rng.uniform(0.38, 0.52)
        brush.line(curve((0, 0), end, rng.uniform(-0.15, 0.15)), shade(tone, 1.1), 0.026)
        across = np.array([-away[1], away[0]]) * 0.085
        brush.line([end - across, end + across], rust, 0.06)
    brush.line([(0, 0), (0.1, 0.3)], mix(tone, (255, 255, 255), 0.4), 0.035)
    brush.disc(0.1, 0.3, 0.045, shade(rust, 1.3))


PAINTERS = {'irises': _iris, 'lavender': _lavender, 'lilies': _lily}
