"""Draw the sample flowers."""

import math

import numpy as np

from datasets.samples import further_painters
from datasets.samples.drawing import (
    Brush,
    colour,
    curve,
    even_angles,
    mix,
    new_picture,
    photograph,
    shade,
)
from datasets.samples.petals import (
    ORANGE,
    PINK,
    PURPLE,
    RED,
    YELLOW,
    open_head,
    pale_tones,
    petal_tones,
)


def _seeds(brush, rng, radius, count, tones, size):
    """Draw the seeds of a sunflower in a spiral, with the golden angle between neighbours."""
    points = []
    for number in range(count):
        distance = radius * math.sqrt((number + 0.5) / count)
        angle = number * math.pi * (3 - math.sqrt(5))
        points.append((distance * math.cos(angle), distance * math.sin(angle)))
    rng.shuffle(points)
    for part, tone in enumerate(tones):
        brush.dots(points[part :: len(tones)], size, tone)


def _daisy(image, centre, radius, rng):
    """Draw narrow, round-tipped petals around a small raised disc."""
    brush = open_head(image, centre, radius, rng)
    tones = pale_tones(rng)
    if rng.random() < 0.5:
        hue = rng.choice((RED, PINK, PINK, PURPLE, PURPLE, YELLOW, ORANGE))
        tones = petal_tones(hue, rng, strong=(0.2, 0.85))
    count = rng.randint(11, 18)
    width = 4.2 / count
    for ring in (1.0, 0.94)[: rng.randint(1, 2)]:
        lengths = [ring * rng.uniform(0.92, 1.0) for _ in range(count)]
        brush.petals(even_angles(rng, count), 0.15, lengths, width, tones, widest=0.68, tip=0.55)
    disc = rng.uniform(0.24, 0.32)
    heart = colour(rng.uniform(0.1, 0.155), rng.uniform(0.75, 1.0), rng.uniform(0.75, 1.0))
    brush.disc(0, 0, disc, shade(heart, 0.65))
    brush.disc(0, 0, disc * 0.88, heart)
    _seeds(brush, rng, disc * 0.85, 50, [shade(heart, 0.8), shade(heart, 1.15)], 0.022)


def _sunflower(image, centre, radius, rng):
    """Draw two rings of pointed petals around a broad dark disc."""
    brush = open_head(image, centre, radius, rng)
    hue = rng.choice((YELLOW, YELLOW, YELLOW, ORANGE, 0.03))
    tones = petal_tones(hue, rng, strong=(0.6, 1.0))
    if rng.random() < 0.25:
        tones = petal_tones(rng.choice((YELLOW, ORANGE)), rng, strong=(0.05, 0.4))
    count = rng.randint(17, 26)
    for ring, tone in ((1.0, 0.8), (0.93, 1.0)):
        lengths = [ring * rng.uniform(0.9, 1.0) for _ in range(count)]
        brush.petals(
            even_angles(rng, count),
            0.35,
            lengths,
            4.4 / count,
            [shade(each, tone) for each in tones],
            widest=0.42,
            tip=1.1,
        )
    disc = rng.uniform(0.47, 0.58)
    seed = colour(rng.uniform(0.03, 0.09), rng.uniform(0.5, 0.9), rng.uniform(0.16, 0.36))
    brush.disc(0, 0, disc, shade(seed, 0.75))
    _seeds(
        brush, rng, disc * 0.97, 190, [shade(seed, 1.9), shade(seed, 1.3), shade(seed, 1.6)], 0.023
    )
    brush.disc(0, 0, disc * 0.45, seed + (190,))
    _seeds(brush, rng, disc * 0.42, 40, [mix(seed, (120, 130, 40), 0.5)], 0.018)


def _dandelion(image, centre, radius, rng):
    """Draw a ball of seeds, or a fringed yellow bloom."""
    if rng.random() < 0.5:
        _parachutes(Brush(image, centre, radius), rng)
    else:
        _fringes(open_head(image, centre, radius, rng), rng)


def _parachutes(brush, rng):
    white = colour(rng.random(), rng.uniform(0, 0.1), rng.uniform(0.88, 1.0))
    brush.disc(0, 0, 0.98, (30, 40, 40, 60))
    brush.disc(0, 0, 0.93, white + (40,))
    for reach, count, alpha in ((0.62, 26, 130), (0.82, 34, 170), (1.0, 44, 220)):
        for angle in even_angles(rng, count, jitter=0.8):
            away = np.array([math.cos(angle), math.sin(angle)])
            end = away * reach * rng.uniform(0.84, 0.92)
            brush.line([away * 0.08, end], white + (alpha,), 0.012)
            for spread in np.linspace(-1.1, 1.1, 6):
                hair = np.array([math.cos(angle + spread), math.sin(angle + spread)])
                brush.line([end, end + hair * 0.15], white + (alpha,), 0.012)
    heart = colour(rng.uniform(0.08, 0.2), 0.45, rng.uniform(0.3, 0.6))
    brush.disc(0, 0, 0.11, heart)


def _fringes(brush, rng):
    tones = petal_tones(rng.uniform(0.11, 0.16), rng, strong=(0.75, 1.0), bright=(0.85, 1.0))
    for ring, count in ((1.0, 40), (0.82, 34), (0.62, 28), (0.42, 20), (0.24, 10)):
        lengths = [ring * rng.uniform(0.86, 1.0) for _ in range(count)]
        tone = [shade(each, 1.12 - 0.3 * ring) for each in tones]
        brush.petals(even_angles(rng, count, 0.6), 0.0, lengths, 0.115, tone, widest=0.75, tip=0.35)


def _rose(image, centre, radius, rng):
    """Draw rings of broad, overlapping petals around a coiled centre."""
    brush = Brush(image, centre, radius, rng.uniform(0, 6.3), squash=rng.uniform(0.85, 1.0))
    hue = rng.choice((RED, RED, PINK, YELLOW, YELLOW, ORANGE, PURPLE))
    tones = petal_tones(hue, rng, strong=(0.5, 0.95), bright=(0.72, 1.0))
    if rng.random() < 0.28:
        tones = pale_tones(rng)
    for ring, count in ((1.0, 6), (0.84, 5), (0.68, 5), (0.52, 4), (0.37, 3), (0.24, 3)):
        depth = 0.62 + 0.38 * ring
        for angle in even_angles(rng, count, 0.5):
            away = np.array([math.cos(angle), math.sin(angle)])
            size = ring * 0.56
            x, y = away * (ring - size)
            brush.disc(x, y, size, shade(tones[0], depth * 0.72))
            brush.disc(x, y, size * 0.96, shade(tones[2], depth * 1.12))
            x, y = away * (ring - size - 0.05)
            brush.disc(x, y, size * 0.96, shade(tones[1], depth * 0.92))
    turns = np.linspace(0, 4.5 * math.pi, 40)
    coil = np.stack([np.cos(turns), np.sin(turns)], 1) * (0.16 * turns / turns[-1])[:, None]
    brush.disc(0, 0, 0.17, shade(tones[1], 0.75))
    brush.line(coil, shade(tones[0], 0.5), 0.03)


def _tulip(image, centre, radius, rng):
    """Draw a cup from the side: petals behind, two at its sides, one in front."""
    brush = Brush(image, centre, radius, rng.uniform(-0.35, 0.35))
    hue = rng.choice((RED, PINK, PURPLE, YELLOW, YELLOW, ORANGE))
    tones = petal_tones(hue, rng, strong=(0.55, 1.0), bright=(0.8, 1.0))
    if rng.random() < 0.28:
        tones = pale_tones(rng)
    opening = rng.uniform(0.1, 0.42)
    base = np.array([0.0, -0.95])
    dark = [shade(tone, 0.72) for tone in tones]
    for lean, width, petal in (
        (-0.5, 0.62, dark),
        (0.5, 0.62, dark),
        (0.0, 0.7, dark),
        (-0.85, 0.78, tones),
        (0.85, 0.78, tones),
    ):
        _cup_petal(brush, base, lean * opening, width, petal)
    _cup_petal(
        brush, base, rng.uniform(-0.1, 0.1), 0.88, [shade(tone, 1.1) for tone in tones], 0.86
    )


def _cup_petal(brush, base, lean, width, tones, height=1.0):
    """Draw one petal of a cup, round below and pointed above."""
    along = np.linspace(0, 1, 14)
    half = width * 0.62 * np.sin(math.pi * along**0.62) ** 0.75
    for layer, tone in enumerate(tones):
        scale = 1 - 0.26 * layer
        y = base[1] + 1.95 * height * along * (0.25 + 0.75 * scale)
        middle = lean * 1.1 * along**1.4
        outline = np.concatenate(
            [
                np.stack([middle - half * scale, y], 1),
                np.stack([middle + half * scale, y], 1)[::-1],
            ]
        )
        brush.polygon(outline, tone)


_PAINTERS = {
    'daisy': _daisy,
    'dandelion': _dandelion,
    'roses': _rose,
    'sunflowers': _sunflower,
    'tulips': _tulip,
}
KINDS = tuple(_PAINTERS)
FURTHER_KINDS = tuple(further_painters.PAINTERS)


def draw_flower(kind, seed):
    """Return the picture of this kind of flower and `seed` as JPEG bytes.

    The kind is one of KINDS or FURTHER_KINDS.
    """
    paint = (_PAINTERS | further_painters.PAINTERS)[kind]
    rng, image = new_picture(f'{kind}/{seed}')
    short = min(image.size)
    count = rng.choice((1, 1, 1, 2, 2, 3))
    placed = []
    for radius in sorted(rng.uniform(0.35, 0.49) / count**0.38 for _ in range(count)):
        centre = _free_place(image.size, radius * short, placed, rng)
        placed.append(centre)
        _stem(image, centre, radius * short, rng)
        paint(image, centre, radius * short, rng)
    return photograph(image, rng)


def _free_place(size, radius, taken, rng):
    """Return a centre that keeps the flower inside the picture and away from other flowers."""
    margins = [min(0.85 * radius, side / 2) for side in size]

    def draw():
        return [rng.uniform(m, side - m) for m, side in zip(margins, size, strict=True)]

    def distance(place):
        return min(math.dist(place, other) for other in taken)

    return max((draw() for _ in range(5)), key=distance) if taken else draw()


def _stem(image, centre, radius, rng):
    """Draw a stem from the flower out of the picture, with a leaf or two."""
    green = colour(rng.uniform(0.22, 0.36), rng.uniform(0.4, 0.8), rng.uniform(0.25, 0.6))
    brush = Brush(image, (0, 0), 1)
    x, y = centre
    foot = x + rng.uniform(-0.6, 0.6) * radius, -image.height - 10
    path = curve((x, -y - 0.5 * radius), foot, rng.uniform(-0.12, 0.12))
    width = radius * rng.uniform(0.05, 0.1)
    brush.line(path, shade(green, 0.7), width)
    brush.line(path - [width * 0.2, 0], green, width * 0.5)
    for _ in range(rng.randint(0, 2)):
        start = path[rng.randint(5, 12)]
        leaf = Brush(image, (start[0], -start[1]), radius * rng.uniform(0.6, 1.3))
        angle = math.pi / 2 + rng.choice((-1, 1)) * rng.uniform(0.3, 1.2)
        leaf.petals(
            [angle], 0.0, 1.0, rng.uniform(0.2, 0.45), [shade(green, 0.75), green], 0.4, 1.2
        )
