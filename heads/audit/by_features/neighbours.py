"""Find the nearest neighbours of each vector, block by block, and the vectors without any."""

import numpy as np

from common import progress
from heads.audit.by_features.table import spread

NEAREST = 5
MANY, _CANDIDATES_OF_MANY = 200_000, 100_000
_ROWS, _COLUMNS = 1024, 8192
# The score of an outlier, in robust standard deviations of all scores, and how many there may be.
_LEAST_SCORE = 3.5
_MOST_FRACTION = 0.02
_FEWEST = 20
_TO_STANDARD_DEVIATION = 1.4826


def nearest(vectors, count=NEAREST):
    """Return (places, cosines), each [vectors, count]: the nearest others, the nearest first.

    Where there are fewer others, the place is -1 and the cosine -1. If there are many vectors, only
    those at equal distances in the list are candidates, because the time would grow with the square
    of their number.
    """
    total = len(vectors)
    among = spread(total, total if total <= MANY else _CANDIDATES_OF_MANY)
    candidates = vectors if len(among) == total else vectors[among]
    places = np.full((total, count), -1, np.int64)
    cosines = np.full((total, count), -1, np.float32)
    with progress.Progress(total, 'comparing features', unit='pictures') as bar:
        for start in range(0, total, _ROWS):
            rows = slice(start, min(start + _ROWS, total))
            for first in range(0, len(among), _COLUMNS):
                columns = slice(first, first + _COLUMNS)
                block = vectors[rows] @ candidates[columns].T
                _forget_self(block, start, among[columns])
                _merge(places[rows], cosines[rows], block, among[columns])
            bar.advance(rows.stop - rows.start)
    return places, cosines


def _forget_self(block, start, among):
    """Let no vector be a neighbour of its own; the block's columns are the vectors `among`."""
    column = np.arange(*np.searchsorted(among, [start, start + len(block)]))
    block[among[column] - start, column] = -np.inf


def _merge(places, cosines, block, among):
    """Put the values of a block that are among the largest of their rows into both arrays."""
    total, count = cosines.shape
    row, column = np.nonzero(block > cosines[:, -1:])
    if len(row) > 4 * count * total:  # The first blocks; later ones have few such values.
        kept = min(count, block.shape[1])
        column = np.argpartition(-block, kept - 1, axis=1)[:, :kept].ravel()
        row = np.repeat(np.arange(total), kept)
    rows = np.concatenate([np.repeat(np.arange(total), count), row])
    names = np.concatenate([places.ravel(), among[column]])
    values = np.concatenate([cosines.ravel(), block[row, column]])
    order = np.lexsort((-values, rows))
    rows = rows[order]
    best = order[np.arange(len(rows)) - np.searchsorted(rows, rows) < count]
    places[:], cosines[:] = names[best].reshape(total, count), values[best].reshape(total, count)


def outliers(cosines):
    """Return (places, scores) of vectors that are far from all others, the farthest first.

    The distance is 1 - the mean cosine of the nearest; the score says how many robust standard
    deviations it is above the median of all vectors.
    """
    if len(cosines) < _FEWEST:
        return np.zeros(0, np.int64), np.zeros(0)
    distances = 1 - cosines.mean(axis=1)
    middle = np.median(distances)
    deviation = _TO_STANDARD_DEVIATION * np.median(np.abs(distances - middle))
    scores = (distances - middle) / max(deviation, 1e-6)
    found = np.argsort(-scores, kind='stable')[: max(1, int(_MOST_FRACTION * len(scores)))]
    found = found[scores[found] >= _LEAST_SCORE]
    return found, scores[found]
