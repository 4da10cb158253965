"""Records by their number, in any order, out of all files of a split."""

import os

import numpy as np

from common.errors import UserError
from datasets.record_files import FOOTER_BYTES, FRAME_BYTES, HEADER_BYTES, data_length

_OPEN_FILES = 256  # A process may not have many more, and data sets have up to 1,024.


class RandomAccess:
    """A function from record numbers to records; several threads may call it."""

    def __init__(self, shards):
        self._paths = [shard.path for shard in shards]
        self._firsts = np.cumsum([0] + [shard.examples for shard in shards])
        starts = [np.asarray(shard.offsets, np.int64) for shard in shards]
        sizes = [os.path.getsize(path) for path in self._paths]
        ends = [np.append(s, size)[1:] for s, size in zip(starts, sizes, strict=True)]
        self._starts, self._ends = np.concatenate(starts), np.concatenate(ends)
        self._handles = {}

    def __del__(self):
        for handle in self._handles.values():
            os.close(handle)

    def __call__(self, numbers):
        """Return the records with these numbers as an array of byte strings."""
        records = np.empty(len(numbers), object)
        shards = np.searchsorted(self._firsts, numbers, side='right') - 1
        for place, (shard, number) in enumerate(zip(shards, numbers, strict=True)):
            records[place] = self._read(int(shard), int(number))
        return records

    def _read(self, shard, number):
        start, end = int(self._starts[number]), int(self._ends[number])
        frame = self._bytes(shard, start, end - start)
        if len(frame) != end - start or data_length(frame) != len(frame) - FRAME_BYTES:
            raise UserError(
                f'{self._paths[shard]}: record {number - self._firsts[shard]} is not in its place'
                ' any more; the file was changed while it was in use'
            )
        return frame[HEADER_BYTES:-FOOTER_BYTES]

    def _bytes(self, shard, start, count):
        handle = self._handles.get(shard)
        if handle is not None:
            return os.pread(handle, count, start)
        handle = os.open(self._paths[shard], os.O_RDONLY)
        try:
            return os.pread(handle, count, start)
        finally:
            is_kept = (
                len(self._handles) < _OPEN_FILES
                and self._handles.setdefault(shard, handle) == handle
            )
            if not is_kept:
                os.close(handle)
