"""Locks on files. The operating system frees them when their process ends."""

import fcntl
import os

from common.errors import UserError


def wait_for_lock(file):
    """Lock an open file (or its descriptor), waiting until no other process holds it."""
    fcntl.flock(file, fcntl.LOCK_EX)


def try_lock(file, shared=False):
    """Lock an open file (or its descriptor) without waiting; return whether that succeeded.

    On a file system without locks this raises an OSError.
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(path):
    """Tell whether another process holds the lock on `path`; an unreadable file counts as held."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return not try_lock(handle, shared=True)
    except OSError:
        return False  # A file system without locks, so nobody holds one.
    finally:
        os.close(handle)


class Lock:
    """Hold the lock on `path` for the length of a `with` block; `path` then has our process id.

    If another process holds it, a UserError says `busy_message` and that process's id.
    """

    def __init__(self, path, busy_message):
        self._path = os.fspath(path)
        self._busy_message = busy_message
        self._handle = -1

    def __enter__(self):
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            is_ours = try_lock(self._handle)
        except OSError as error:
            self._close()
            raise UserError(f'{self._path}: cannot be locked ({error.strerror})') from None
        if not is_ours:
            raise UserError(f'{self._busy_message}{self._holder()}')
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f'{os.getpid()}\n'.encode(), 0)
        return self

    def __exit__(self, *_):
        # The file stays: if it were removed, two later processes could lock two different files.
        os.ftruncate(self._handle, 0)
        self._close()

    def _holder(self):
        process = os.read(self._handle, 32).decode(errors='replace').strip()
        self._close()
        return f' (process {process})' if process else ''

    def _close(self):
        if self._handle != -1:
            os.close(self._handle)
            self._handle = -1
