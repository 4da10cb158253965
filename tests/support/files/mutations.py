"""Change files and requests at random, with a seed."""

import random

_NUMBERS = (0, 1, 127, 128, 255)


def mutated(seed, data, others=()):
    """Return a copy of `data` with a few changes, some of them pieces of `others`."""
    generator = random.Random(seed)
    changed = bytearray(data)
    for _ in range(generator.choice((1, 1, 2, 4, 16))):
        place = generator.randrange(len(changed) + 1)
        # Most of what a decoder believes stands at the beginning.
        place = min(place, generator.randrange(1, 200)) if generator.random() < 0.5 else place
        generator.choice(_CHANGES)(generator, changed, place, others)
    return bytes(changed)


def _flip(generator, changed, place, _):
    if place < len(changed):
        changed[place] ^= 1 << generator.randrange(8)


def _replace(generator, changed, place, _):
    size = generator.choice((1, 2, 4))
    changed[place : place + size] = bytes(generator.choice(_NUMBERS) for _ in range(size))


def _remove(generator, changed, place, _):
    del changed[place : place + generator.choice((1, 4, 100))]


def _repeat(generator, changed, place, _):
    changed[place:place] = changed[place : place + generator.choice((1, 8, 300))]


def _cut(generator, changed, place, _):
    if generator.random() < 0.3:
        del changed[place:]


def _splice(generator, changed, place, others):
    if others:
        other = generator.choice(others)
        start = generator.randrange(len(other))
        changed[place:place] = other[start : start + generator.choice((4, 40, 400))]


_CHANGES = (_flip, _flip, _replace, _replace, _remove, _repeat, _cut, _splice)
