"""Hashes of what pictures show, and the search for pictures whose hashes are close.

A hash has the signs of the lowest frequencies of a grey picture. Zauner: Implementation and
benchmarking of perceptual image hash functions (2010), section 3.2. Because a crop moves all
content, a picture has a hash for itself and one for each crop in a table. One of the crops of a
picture comes close to a copy that was cropped differently.
"""

import itertools

import numpy as np
from PIL import Image

from common import processors

_SIDE = 64
_FREQUENCIES = 8
_CROP = 0.06
# Left, right, top and bottom, cropped or not; the first is the whole picture.
BOXES = 16
_CROPS_OF_AXIS = 4
# With more pictures only the hashes of whole pictures are compared, with a smaller distance.
MANY = 130_000
_DISTANCE, _DISTANCE_OF_MANY = 10, 8
_ROWS, _COLUMNS = 64, 1 << 13  # Small enough for the caches of a processor.
_AHEAD = 8
# Closest pictures that are kept for each picture.
NEAREST = 8
# The bits of frequencies that change their sign in the mirror.
_MIRROR = np.packbits(
    np.broadcast_to(np.arange(_FREQUENCIES) % 2 == 1, (_FREQUENCIES,) * 2), bitorder='little'
).view(np.uint64)[0]


def hashes(grey):
    """Return the hashes of a grey Pillow image, one for each crop, as uint64 [BOXES]."""
    square = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float32)
    shape = (_CROPS_OF_AXIS, _FREQUENCIES) * 2
    found = (_BASES @ square @ _BASES.T).reshape(shape).transpose(0, 2, 1, 3)
    bits = found.reshape(BOXES, _FREQUENCIES**2) > 0
    bits[:, 0] = False  # The brightness.
    return np.packbits(bits, axis=1, bitorder='little').view(np.uint64)[:, 0]


def _bases():
    """Return the cosines over the parts of an axis, one crop after another: [.., places]."""
    crops = list(itertools.product((0, _CROP), (1, 1 - _CROP)))
    return np.concatenate([_cosines(*crop) for crop in crops]).astype(np.float32)


def _cosines(start, end):
    """Return the cosines between two places of an axis from 0 to 1, integrated over its pixels."""
    edges = (np.linspace(0, 1, _SIDE + 1) - start) / (end - start)
    edges = np.clip(edges, 0, 1)
    waves = np.arange(1, _FREQUENCIES)[:, np.newaxis] * np.pi
    return np.concatenate([np.diff(edges)[np.newaxis], np.diff(np.sin(waves * edges) / waves)])


_BASES = _bases()


def close_pairs(table, advance=lambda count: None):
    """Return (first, second, is mirrored) of pairs of close pictures, the closest first.

    `table` has the hashes of each picture in a row. `advance` is called with the number of rows
    that are done. The memory does not depend on the number of pairs that are close.
    """
    whole = np.ascontiguousarray(table[:, 0])
    if len(table) > MANY:
        queries, distance = [(table[:, :1], False)], _DISTANCE_OF_MANY
    else:
        queries, distance = [(table, False), (table ^ _MIRROR, True)], _DISTANCE
    found = []

    def search(start):
        end = start + _ROWS
        return [
            (_close(query[start:end], whole, start, distance, is_mirrored), is_mirrored)
            for query, is_mirrored in queries
        ]

    starts = range(0, len(table), _ROWS)
    for start, parts in zip(starts, processors.mapped(search, starts, _AHEAD), strict=True):
        found += [np.column_stack([part, np.full(len(part), mirrored)]) for part, mirrored in parts]
        advance(min(_ROWS, len(table) - start))
    return _distinct(np.concatenate(found)) if found else np.zeros((0, 3), np.int64)


def _close(queries, whole, start, distance, is_mirrored):
    """Return [row, column, distance] of the pictures nearest to each query, within `distance`."""
    best = np.zeros((0, 3), np.int64)
    is_symmetric = queries.shape[1] == 1  # Then earlier rows have compared the earlier columns.
    differing = np.empty((len(queries), _COLUMNS), np.uint64)
    counts = np.empty(differing.shape, np.uint8)
    nearest = np.empty(differing.shape, np.uint8)
    for first in range(start if is_symmetric else 0, len(whole), _COLUMNS):
        columns = whole[first : first + _COLUMNS]
        width = len(columns)
        for box in range(queries.shape[1]):
            np.bitwise_xor(queries[:, box, np.newaxis], columns, out=differing[:, :width])
            found = counts if box else nearest
            np.bitwise_count(differing[:, :width], out=found[:, :width])
            if box:
                np.minimum(nearest, counts, out=nearest)
        row, column = np.nonzero(nearest[:, :width] <= distance)
        if len(row):
            here = np.column_stack([row + start, column + first, nearest[row, column]])
            is_same = (here[:, 0] == here[:, 1]) & (not is_mirrored)
            best = _best_of_rows(np.concatenate([best, here[~is_same]]))
    return best


def _best_of_rows(found):
    """Return the NEAREST entries with the smallest distance in each row."""
    found = found[np.lexsort((found[:, 2], found[:, 0]))]
    starts = np.searchsorted(found[:, 0], found[:, 0])
    return found[np.arange(len(found)) - starts < NEAREST]


def _distinct(found):
    """Return each pair once, the smaller number first, sorted by distance."""
    found[:, :2].sort(axis=1)
    found = found[found[:, 0] != found[:, 1]]
    found = found[np.lexsort((found[:, 2], found[:, 3], found[:, 1], found[:, 0]))]
    keys = found[:, [0, 1, 3]]
    is_new = np.ones(len(found), bool)
    is_new[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    found = found[is_new]
    return found[np.argsort(found[:, 2], kind='stable')][:, [0, 1, 3]]
