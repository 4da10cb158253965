"""Find pictures that are the same but for their size, quality or crop, by laying them over another.

Hashes, and the features of a network if there are any, only propose pairs.
"""

import functools
import itertools

import numpy as np

from common import processors, progress
from heads.audit import faults, measures
from heads.audit.copies import alignment, duplicates, hashes
from pictures import decode
from pictures.kinds import BadImage

# Pairs that are compared at most, the most similar ones first.
_MOST_PAIRS = 100_000
_SQUARES_KEPT = 4096  # 12 kB each.
_AHEAD = 64
_LEAST_DETAIL = 0.4
# The smaller the correlation, the smaller must be the largest difference.
_LARGEST_DIFFERENCE, _SLOPE, _USUAL = 0.1, 3, 0.95
_IDENTICAL = 0.999


def find(collection, scanned, copies, similarity, proposed=()):
    """Return ([pairs with the same pixels], [pairs of near duplicates]), as for `as_findings`.

    `copies` are records with the same bytes as another, which are left out. `proposed` are more
    (first, second) pairs to compare, such as neighbours in feature space.
    """
    rows = scanned.rows
    is_compared = rows['is_intact'] & ~faults.is_empty(rows)
    is_compared[list(copies)] = False
    numbers = np.flatnonzero(is_compared)
    pairs = _candidates(scanned.hashes[numbers], numbers)
    allowed = [(*pair, False) for pair in proposed if is_compared[list(pair)].all()]
    pairs = list(dict.fromkeys([*pairs, *allowed]))[:_MOST_PAIRS]
    same, near = _compared(pairs, _Comparison(collection, rows, similarity))
    return _best_partners(same, collection), _best_partners(near, collection)


def _candidates(table, numbers):
    with progress.Progress(len(table), 'comparing hashes', unit='pictures') as bar:
        found = hashes.close_pairs(table, bar.advance)
    for first, second, is_mirrored in found[:_MOST_PAIRS].tolist():
        yield int(numbers[first]), int(numbers[second]), bool(is_mirrored)


def _compared(pairs, compare):
    same, near = [], []
    pairs.sort()  # So that most squares are still known.
    with progress.Progress(len(pairs), 'comparing similar pictures', unit='pairs') as bar:
        for pair, found in zip(pairs, processors.mapped(compare, pairs, _AHEAD), strict=True):
            if found:
                is_same, score, reason = found
                (same if is_same else near).append((pair[1], pair[0], score, reason))
            bar.advance()
    return same, near


def _best_partners(pairs, collection):
    """Keep one pair for each copy: one that crosses splits or classes if there is any."""

    def rank(pair):
        copy, original, score, _ = pair
        crosses = duplicates.crosses(collection.picture(copy), collection.picture(original))
        return len(crosses), score

    pairs = sorted(pairs, key=lambda pair: pair[0])
    groups = itertools.groupby(pairs, key=lambda pair: pair[0])
    return [max(group, key=rank) for _, group in groups]


def _is_same(found, similarity):
    largest = _LARGEST_DIFFERENCE + _SLOPE * max(found.correlation - _USUAL, 0)
    return (
        found.correlation >= similarity
        and found.detail >= _LEAST_DETAIL
        and found.difference <= largest
    )


class _Comparison:
    """Compare the pictures of a pair; several threads may do so."""

    def __init__(self, collection, rows, similarity):
        self._collection = collection
        self._rows = rows
        self._similarity = similarity
        self._square = functools.lru_cache(_SQUARES_KEPT)(self._read_square)

    def __call__(self, pair):
        """Return (whether all pixels are equal, score, reason) of two copies, or None."""
        first, second, is_mirrored = pair
        squares = self._square(first), self._square(second)
        if is_mirrored:
            squares = squares[0], squares[1][:, ::-1]
        found = alignment.agreement(*squares)
        if not _is_same(found, self._similarity):
            return None
        if not is_mirrored and self._are_equal(first, second, found):
            return True, 1.0, 'the same pixels'
        words = 'mirrored, ' if is_mirrored else ''
        sizes = ' and '.join(
            f'{self._rows["width"][number]} x {self._rows["height"][number]}'
            for number in (second, first)
        )
        return False, found.correlation, f'{words}correlation {found.correlation:.3f}; {sizes}'

    def _read_square(self, number):
        _, pixels = measures.reduced(self._collection.example(number)[0], alignment.SIDE)
        return alignment.square(pixels)

    def _are_equal(self, first, second, found):
        rows = self._rows[[first, second]]
        sizes = {(row['width'], row['height']) for row in rows}
        if found.correlation < _IDENTICAL or len(sizes) > 1:
            return False
        try:
            pixels = [self._pixels(number) for number in (first, second)]
        except BadImage:  # Neither a JPEG nor a PNG.
            return False
        return np.array_equal(*pixels)

    def _pixels(self, number):
        return decode.pixels(self._collection.example(number)[0], 3)
