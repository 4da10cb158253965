"""Read chunked bodies strictly: a body that a proxy reads differently may hide a request."""

import re

from waitress import utilities

_LONGEST_LINE = 4096  # Of a chunk's size and extensions, and of the trailer in all.
# Each chunk costs time, however small it is. After the first ones, they must be larger.
_FREE_CHUNKS = 1000
_MEAN_CHUNK_BYTES = 256
_SIZE = re.compile(rb'([0-9A-Fa-f]+)[ \t]*(?:;[\t\x20-\x7e]*)?')
_DIGITS = re.compile(rb'[0-9A-Fa-f]*')


class ChunkReceiver:
    """Takes the bytes of a chunked body into `buffer`, as waitress's receivers do."""

    def __init__(self, buffer, most_bytes):
        self.completed = False
        self.error = None
        self._buffer = buffer
        self._most_bytes = most_bytes
        self._chunks = 0
        self._left = 0  # Of the chunk that is being received.
        self._line = b''  # The start of a line whose end has not come.
        self._end_line = self._end_size
        self._trailer_bytes = 0

    def __len__(self):
        return len(self._buffer)

    def getbuf(self):
        """Return the buffer."""
        return self._buffer

    def getfile(self):
        """Return what has been received as a file."""
        return self._buffer.getfile()

    def received(self, data):
        """Process bytes; return how many belong to the body."""
        taken = 0
        while taken < len(data) and not self.completed and not self.error:
            take = self._take_chunk if self._left else self._take_line
            taken = take(data, taken)
        return taken

    def _take_chunk(self, data, start):
        piece = data[start : start + self._left]
        self._buffer.append(piece)
        self._left -= len(piece)
        return start + len(piece)

    def _take_line(self, data, start):
        end = data.find(b'\n', start) + 1
        self._line += data[start : end or len(data)]
        if len(self._line) > _LONGEST_LINE:
            self._refuse('a line between chunks is too long')
        elif not end:
            self._check_size(_DIGITS.match(self._line).group())
        elif not self._line.endswith(b'\r\n') or b'\r' in self._line[:-2]:
            self._refuse('a line between chunks does not end with CR LF')
        else:
            line, self._line = self._line[:-2], b''
            self._end_line(line)
        return end or len(data)

    def _end_size(self, line):
        if not (match := _SIZE.fullmatch(line)):
            self._refuse('the size of a chunk is not valid')
            return
        self._check_size(match.group(1))
        self._chunks += 1
        if self._chunks > _FREE_CHUNKS + len(self) // _MEAN_CHUNK_BYTES:
            self._refuse('the chunks are too small')
        self._left = int(match.group(1), 16)
        self._end_line = self._end_chunk if self._left else self._end_trailer

    def _end_chunk(self, line):
        if line:
            self._refuse('a chunk is longer than its size')
        self._end_line = self._end_size

    def _end_trailer(self, line):
        self.completed = not line
        self._trailer_bytes += len(line)
        if self._trailer_bytes > _LONGEST_LINE:
            self._refuse('the trailer is too long')

    def _check_size(self, digits):
        """Refuse a chunk above the limit as soon as its size is known."""
        is_size = self._end_line == self._end_size
        if is_size and len(self) + int(digits or b'0', 16) > self._most_bytes:
            self.error = utilities.RequestEntityTooLarge('the chunks are too long')

    def _refuse(self, reason):
        self.error = utilities.BadRequest(reason)
