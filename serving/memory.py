"""Find free memory, and return freed memory to the system; glibc would keep most of it."""

import contextlib
import ctypes
import gc
import threading
import time

# From mallopt(3); large blocks get pages of their own, which go back as soon as they are freed.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE_BLOCK = 8 * 2**20  # Pixels. The layers of most networks are smaller and are kept for reuse.
_KEPT_FREE = 64 * 2**20
_SECS_BETWEEN_TRIMS = 1.0


def return_large_blocks():
    """Make the C library return every large block as soon as it is freed."""
    with contextlib.suppress(OSError, AttributeError):  # Where there is another C library.
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT_FREE)


def give_back():
    """Return freed memory to the system."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def collect_and_give_back():
    """Collect garbage, such as graphs, and return freed memory to the system.

    For a network of 90 MB this returns 600 MB.
    """
    gc.collect()
    give_back()


def free_bytes():
    """Return the free memory of the machine or the container; infinity if it is not known."""
    free = _number_in('/proc/meminfo', 'MemAvailable:') * 1024
    limit = _number_in('/sys/fs/cgroup/memory.max')
    used = _number_in('/sys/fs/cgroup/memory.current')
    # The cache of files is freed when memory is needed.
    cached = _number_in('/sys/fs/cgroup/memory.stat', 'inactive_file')
    return min(free, limit - (used - cached if limit < float('inf') else 0))


def _number_in(path, key=None):
    """Return the number on the line of a system file that begins with `key`."""
    try:
        with open(path, encoding='ascii') as stream:
            lines = [line.split() for line in stream]
        words = next(line for line in lines if key is None or line[0] == key)
        return int(words[0 if key is None else 1])
    except (OSError, ValueError, IndexError, StopIteration):
        return float('inf')


class Trimmer:
    """Returns memory to the system after large pieces of work, but at most once a second."""

    def __init__(self, large_bytes=32 * 2**20, clock=time.monotonic, give_back=give_back):
        self._large_bytes = large_bytes
        self._clock = clock
        self._give_back = give_back
        self._lock = threading.Lock()
        self._is_due = False
        self._next = -float('inf')

    def freed(self, size, is_idle):
        """Record that `size` bytes were freed; `is_idle` if no other work is going on."""
        with self._lock:
            self._is_due = self._is_due or size >= self._large_bytes
            if not self._is_due or (self._clock() < self._next and not is_idle):
                return
            self._is_due = False
            self._next = self._clock() + _SECS_BETWEEN_TRIMS
        self._give_back()
