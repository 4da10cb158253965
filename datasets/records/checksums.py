"""A hash of all records of a split that reads only the checksums in the files, not the pictures."""

import hashlib
import os

from datasets.records.frames import FOOTER_BYTES, HEADER_BYTES

# Read this many places of a file at a time.
_BLOCK = 4096


def digest(shards):
    """Return the hexadecimal hash of the lengths and checksums of all records, in their order."""
    state = hashlib.sha256()
    for shard in shards:
        handle = os.open(shard.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for part in _frames(handle, shard.offsets):
                state.update(part)
        finally:
            os.close(handle)
    return state.hexdigest()


def _frames(handle, offsets):
    """Yield the header of each record with the checksum of the record before it."""
    # Otherwise 128 kB would be read for each place.
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_RANDOM)
    ends = [*offsets, os.fstat(handle).st_size]
    size = FOOTER_BYTES + HEADER_BYTES
    for first in range(0, len(ends), _BLOCK):
        places = [max(end - FOOTER_BYTES, 0) for end in ends[first : first + _BLOCK]]
        # The disk finds many places at a time, five times as fast as one after the other.
        for place in places:
            os.posix_fadvise(handle, place, size, os.POSIX_FADV_WILLNEED)
        yield b''.join([os.pread(handle, size, place) for place in places])
