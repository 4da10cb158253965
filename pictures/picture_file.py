"""Read a picture from a file, and let it through the gate."""

import os
import stat

from pictures import gate, kinds
from pictures.decode import LibraryDecoder
from pictures.gate import BadImage

_HEAD_BYTES = 4096
_MOST_BYTES = 2**30


def read(path):
    """Return the NormalisedImage of a file; raise BadImage if it is not a good picture."""
    try:
        with open(path, 'rb', opener=_open_without_waiting) as stream:
            _require_file(stream)
            return read_stream(stream)
    except FileNotFoundError:
        raise BadImage('no such file') from None
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        raise BadImage(f'cannot be read ({reason})') from None


def read_stream(stream):
    """Return the NormalisedImage of a stream; of other files only the beginning is read."""
    head = stream.read(_HEAD_BYTES)
    if kinds.kind_of(head) is None:
        raise BadImage(kinds.why_not_a_picture(head))
    data = head + stream.read(_MOST_BYTES - len(head) + 1)
    if len(data) > _MOST_BYTES:
        raise BadImage(f'larger than {_MOST_BYTES:,} bytes')
    return gate.normalise(data, LibraryDecoder())


def _open_without_waiting(path, flags):
    """Open a file without blocking on a pipe that nobody writes to."""
    return os.open(path, flags | getattr(os, 'O_NONBLOCK', 0))


def _require_file(stream):
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        raise BadImage('not a regular file')
