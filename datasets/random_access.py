"""Records by their number, in any order, out of all files of a split."""

import os

import numpy as np

from common.errors import UserError
from datasets.record_files import FRAME_BYTES, HEADER_BYTES, data_length

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
        handle = self._handles.get(shard)
        if handle is None:
            handle = os.open(self._paths[shard], os.O_RDONLY)
        try:
            header = os.pread(handle, HEADER_BYTES, start)
            # Read apart from the frame's ends, the data need not be copied out from between them.
            data = os.pread(handle, end - start - FRAME_BYTES, start + HEADER_BYTES)
        finally:
            self._keep_or_close(shard, handle)
        is_whole = len(header) == HEADER_BYTES and len(data) == end - start - FRAME_BYTES
        if not is_whole or data_length(header) != len(data):
            raise UserError(
                f'{self._paths[shard]}: record {number - self._firsts[shard]} is not in its place'
                ' any more; the file was changed while it was in use'
            )
        return data

    def _keep_or_close(self, shard, handle):
        if len(self._handles) < _OPEN_FILES:
            self._handles.setdefault(shard, handle)
        if self._handles.get(shard) != handle:
            os.close(handle)
