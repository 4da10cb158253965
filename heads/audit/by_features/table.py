"""The features of all records of a data set, reduced to a table that fits into memory."""

import dataclasses

import numpy as np

# With more records, fewer dimensions, so that the table takes about 0.5 GB for a million.
_DIMENSIONS, _DIMENSIONS_OF_MANY = 256, 128
_MANY = 200_000
_SAMPLE = 10_000
_BLOCK = 4096


@dataclasses.dataclass(frozen=True)
class FeatureTable:
    """The features of the records with these `numbers`, in the same order.

    `parts` are memory maps of whole splits; `places` says where in them the records are.
    """

    parts: tuple
    numbers: np.ndarray

    def __len__(self):
        return len(self.numbers)

    def rows(self, places):
        """Return the features of some of the records."""
        firsts = np.cumsum([0, *(len(part) for part in self.parts)])
        numbers = self.numbers[places]
        rows = np.empty((len(numbers), self.parts[0].shape[1]), np.float32)
        for first, part in zip(firsts, self.parts, strict=False):
            is_here = (numbers >= first) & (numbers < first + len(part))
            rows[is_here] = part[numbers[is_here] - first]
        return rows

    def without(self, numbers):
        """Return the table without some records."""
        return dataclasses.replace(self, numbers=np.setdiff1d(self.numbers, list(numbers)))

    def directions(self):
        """Return the records as vectors of length 1 of the main components, float32.

        The components are computed from a sample of the records; the mean is in the middle.
        """
        sample = self.rows(spread(len(self), _SAMPLE))
        mean = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
        sample -= mean
        _, vectors = np.linalg.eigh((sample.T @ sample).astype(np.float64))
        most = _DIMENSIONS_OF_MANY if len(self) > _MANY else _DIMENSIONS
        basis = np.ascontiguousarray(vectors[:, ::-1][:, :most], dtype=np.float32)
        found = np.empty((len(self), basis.shape[1]), np.float32)
        for start in range(0, len(self), _BLOCK):
            places = np.arange(start, min(start + _BLOCK, len(self)))
            found[places] = (self.rows(places) - mean) @ basis
        found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        return found


def spread(count, most):
    """Return at most `most` of the numbers below `count`, at equal distances."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(int))
