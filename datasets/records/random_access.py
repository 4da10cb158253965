"""Read the records of a split by number, in any order, and verify each."""

import bisect
import itertools
import os
import weakref

import numpy as np

from common.errors import UserError
from datasets.records import frames
from datasets.records.frames import FOOTER_BYTES, FRAME_BYTES, HEADER_BYTES

_OPEN_FILES = 256  # A process may not have many more, and data sets have up to 1,024.


class DamagedRecordError(UserError):
    """A record whose bytes are not those that were written; the message names it and its file."""


class RandomAccess:
    """A function from record numbers to records; several threads may call it.

    It keeps files open until it is garbage-collected.
    """

    def __init__(self, shards):
        self._paths = [shard.path for shard in shards]
        examples = (shard.examples for shard in shards)
        self._firsts = list(itertools.accumulate(examples, initial=0))
        starts = [np.asarray(shard.offsets, np.int64) for shard in shards]
        sizes = [os.path.getsize(path) for path in self._paths]
        ends = [np.append(s, size)[1:] for s, size in zip(starts, sizes, strict=True)]
        self._starts, self._ends = np.concatenate(starts), np.concatenate(ends)
        self._handles = {}
        # Unlike __del__, this also works after an error above, and while Python exits.
        weakref.finalize(self, _close_all, self._handles)

    def __len__(self):
        return len(self._starts)

    def __call__(self, numbers):
        """Return the records with these numbers as an array of byte strings."""
        records = np.empty(len(numbers), object)
        for place, number in enumerate(numbers):
            records[place] = self.read(number)
        return records

    def read(self, number):
        """Return one record; a DamagedRecordError names one that fails its checksums."""
        shard = self._shard_of(number)
        start, end = int(self._starts[number]), int(self._ends[number])
        handle = self._handles.get(shard)
        if handle is None:
            handle = os.open(self._paths[shard], os.O_RDONLY)
        try:
            # Three reads instead of one, so that the data need not be copied out of the frame.
            header = os.pread(handle, HEADER_BYTES, start)
            data = os.pread(handle, max(end - start - FRAME_BYTES, 0), start + HEADER_BYTES)
            footer = os.pread(handle, FOOTER_BYTES, max(end - FOOTER_BYTES, 0))
        except OSError as error:
            raise DamagedRecordError(
                f'{self.name(number)} cannot be read ({error.strerror})'
            ) from None
        finally:
            self._keep_or_close(shard, handle)
        fault = frames.fault(header, data, footer, end - start)
        if fault:
            raise DamagedRecordError(f'{self.name(number)} {fault}')
        return data

    def name(self, number):
        """Name a record for a message: its file, and its number within the file."""
        shard = self._shard_of(number)
        return f'{self._paths[shard]}: record {number - self._firsts[shard]}'

    def _shard_of(self, number):
        return bisect.bisect_right(self._firsts, number) - 1

    def _keep_or_close(self, shard, handle):
        if len(self._handles) < _OPEN_FILES:
            self._handles.setdefault(shard, handle)
        if self._handles.get(shard) != handle:
            os.close(handle)


def spread(numbers, count):
    """List `count` of the numbers at equal distances, because records may be sorted by class."""
    places = np.linspace(0, len(numbers) - 1, min(count, len(numbers))).astype(int)
    return [numbers[place] for place in places]


def _close_all(handles):
    for handle in handles.values():
        os.close(handle)
