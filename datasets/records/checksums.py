"""A hash of all records of a split that reads only the checksums in the files, not the pictures."""

import hashlib
import os

from datasets.records.frames import FOOTER_BYTES, HEADER_BYTES


def digest(shards):
    """Return the hexadecimal hash of the lengths and checksums of all records, in their order."""
    state = hashlib.sha256()
    for shard in shards:
        handle = os.open(shard.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            state.update(_between(handle, shard.offsets))
        finally:
            os.close(handle)
    return state.hexdigest()


def _between(handle, offsets):
    """Return the header of each record, and the checksum of the record in front of it."""
    size = os.fstat(handle).st_size
    # A disk would otherwise read 128 kB around each of them.
    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_RANDOM)
    both = HEADER_BYTES + FOOTER_BYTES
    parts = [os.pread(handle, both, max(offset - FOOTER_BYTES, 0)) for offset in offsets]
    return b''.join([*parts, os.pread(handle, FOOTER_BYTES, max(size - FOOTER_BYTES, 0))])
