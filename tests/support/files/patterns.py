"""Pictures of patterns that a small network learns in a few seconds."""

import itertools
import os

import numpy as np
from PIL import Image

from support.files import records

HALVES = {
    'first': ('columns', 'rows', 'checks'),
    'second': ('leaning', 'lying'),
}
_SIDE = 40
_WAVES = {
    'columns': lambda x, y: np.sin(x),
    'rows': lambda x, y: np.sin(y),
    'checks': lambda x, y: np.sign(np.sin(x) * np.sin(y)),
    # What tells columns from rows tells these two apart as well.
    'leaning': lambda x, y: np.sin(x + 0.15 * y),
    'lying': lambda x, y: np.sin(y + 0.15 * x),
}


def write(directory, half, sizes):
    """Write the records of one half of the patterns, as a data set of its name."""
    kinds = HALVES[half]
    os.makedirs(directory, exist_ok=True)
    for split, size in sizes.items():
        random = np.random.default_rng([len(split), len(half)])
        examples = [
            records.example(records.encoded(_draw(kind, random), 'png'), kinds.index(kind))
            for kind in itertools.islice(itertools.cycle(kinds), size)
        ]
        records.write(f'{directory}/{half}_{split}_00000-of-00001.tfrecord', examples)
    with open(f'{directory}/{half}_labels.txt', 'w', encoding='utf-8') as stream:
        stream.writelines(f'{number}:{kind}\n' for number, kind in enumerate(kinds))


def _draw(kind, random):
    frequency, *shift = random.uniform([0.35, 0, 0], [0.55, 6, 6])
    grid = np.arange(_SIDE) * frequency
    wave = _WAVES[kind](grid[np.newaxis] + shift[0], grid[:, np.newaxis] + shift[1])
    light, dark = random.uniform(120, 255, 3), random.uniform(0, 110, 3)
    blend = ((wave + 1) / 2)[..., np.newaxis]
    pixels = light * blend + dark * (1 - blend) + random.normal(0, 8, [_SIDE, _SIDE, 3])
    return np.asarray(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))
