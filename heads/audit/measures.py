"""Measure one picture: its size, brightness and sharpness, and a hash of its bytes."""

import hashlib

import numpy as np
from PIL import Image

from heads.audit.copies import hashes
from pictures import decode, gate, jpeg, kinds

# Pictures are measured at about this size: larger ones are reduced, smaller ones stay.
SIDE = 256
_CONTENT_SIDE = 64
# How much a pixel must differ from the most frequent colour to count as content.
_CONTENT_STEP = 20
# Edges are the pixels with the largest differences between their neighbours. The contrast across
# one is that of the pixels up to _REACH away.
_EDGES = 99.7  # Percent.
_WEAKEST_EDGE = 4
_FEWEST_EDGES = 5
_REACH = 6

# What is known about each record; 41 bytes, so that a million records fit into memory.
RECORD = np.dtype(
    [
        ('digest', np.uint64),
        ('width', np.int32),
        ('height', np.int32),
        ('label', np.int32),
        ('brightness', np.float32),
        ('highlights', np.float32),
        ('contrast', np.float32),
        ('content', np.float32),
        ('sharpness', np.float32),
        ('is_intact', np.bool_),
    ]
)


def measure(encoded, label):
    """Return (row of RECORD, hashes of what it shows); a damaged picture raises BadImage."""
    (height, width), pixels = reduced(encoded, SIDE)
    grey = Image.fromarray(pixels).convert('L')
    counts = grey.histogram()
    low, high = _percentile(counts, 1), _percentile(counts, 99)
    row = (
        digest(encoded),
        width,
        height,
        label,
        np.dot(counts, np.arange(256)) / sum(counts),
        high,
        high - low,
        _content(_shrunk(pixels, _CONTENT_SIDE)),
        _sharpness(grey),
        True,
    )
    return row, hashes.hashes(grey)


def digest(encoded):
    """Return 64 bits of a hash of the bytes of a picture."""
    return int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), 'little')


def reduced(encoded, side):
    """Return ((height, width), RGB pixels reduced until the longer side has about `side` pixels).

    Most of a large JPEG is never computed: libjpeg decodes it at 1/2, 1/4 or 1/8 of its size.
    """
    kind = kinds.kind_of(encoded)
    if kind not in (kinds.JPEG, kinds.PNG):
        encoded = gate.normalise(encoded, decode.LibraryDecoder()).data
        kind = kinds.kind_of(encoded)
    if kind == kinds.JPEG:
        height, width, _ = jpeg.header(encoded)
        fitting = (ratio for ratio in (8, 4, 2) if max(height, width) >= side * ratio)
        pixels = jpeg.decode(encoded, 3, next(fitting, 1))
    else:
        pixels = decode.pixels(encoded, 3)
        height, width = pixels.shape[:2]
    return (height, width), _shrunk(pixels, side)


def _shrunk(pixels, side):
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = [max(1, round(length * scale)) for length in pixels.shape[1::-1]]
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _content(pixels):
    """Return the part of a picture that differs from its most frequent colour."""
    coarse = pixels >> 4
    codes = coarse[..., 0].astype(np.uint16) << 8 | coarse[..., 1] << 4 | coarse[..., 2]
    fullest = np.bincount(codes.ravel(), minlength=1 << 12).argmax()
    centre = np.array([fullest >> 8, fullest >> 4 & 15, fullest & 15]) * 16 + 8
    differs = (np.abs(pixels - centre.astype(np.int16)) > _CONTENT_STEP).any(axis=2)
    return differs.mean()


def _sharpness(grey):
    """Return how much of the contrast across the strongest edges lies within two pixels, up to 1.

    It depends on these edges alone, not on how many there are: a sharp drawing on an empty ground
    has about the same value as a sharp photograph. Without any edge it is 1.
    """
    values = np.asarray(grey)
    found = [_edge_sharpness(values), _edge_sharpness(values.T)]
    return max((each for each in found if each is not None), default=1.0)


def _edge_sharpness(values):
    """Return the sharpness across the columns, or None without an edge."""
    if values.shape[1] <= 2 * _REACH:
        return None
    steps = np.abs(values[:, 2:].astype(np.int16) - values[:, :-2])[:, _REACH - 1 : 1 - _REACH]
    counts = np.bincount(steps.ravel(), minlength=256)
    weakest = max(_percentile(counts, _EDGES), _WEAKEST_EDGE)
    rows, columns = np.nonzero(steps >= weakest)
    if len(rows) < _FEWEST_EDGES:
        return None
    around = columns[:, np.newaxis] + np.arange(2 * _REACH + 1)
    return float(
        np.median(steps[rows, columns] / np.ptp(values[rows[:, np.newaxis], around], axis=1))
    )


def _percentile(counts, percent):
    """Return the value below which so many percent of the counted pixels are."""
    return int(np.searchsorted(np.cumsum(counts), percent / 100 * sum(counts)))
