"""Find the first frame of a GIF.

Pillow accepts a GIF that is cut anywhere after its first frame, which TensorFlow refuses, and
would allocate the whole canvas for a small frame. So all blocks are read here.
"""

import re
import struct

from pictures import kinds
from pictures.kinds import BadImage
from pictures.parts import bounded

_TRAILER, _EXTENSION, _FRAME, _CONTROL = 0x3B, 0x21, 0x2C, 0xF9
_ZEROS = re.compile(rb'\0+')
_MOST_PIECES = 500_000  # Usually of 255 bytes each.


def first_picture(data):
    """Return (width, height, offset of the first frame, file with only that frame)."""
    first, control = None, b''
    for block, start, end in bounded(_blocks(data), kinds.GIF):
        if block == _FRAME and first is None:
            first = start, end
        elif first is None and data[start + 1] == _CONTROL and end - start == 8:
            control = data[start:end]
    if first is None:
        raise BadImage('GIF without a picture')
    start, end = first
    left, top, width, height = struct.unpack_from('<4H', data, start + 1)
    canvas_width, canvas_height, flags = struct.unpack_from('<HHB', data, 6)
    if control:  # Keep the transparent colour; how the frame is disposed of does not matter.
        control = control[:3] + bytes([control[3] & 1]) + control[4:]
    colours = data[10 : 13 + _table(flags)]
    size = struct.pack('<HH', width, height)
    frame = data[:6] + size + colours + control + b',\0\0\0\0' + size + data[start + 9 : end] + b';'
    canvas = max(canvas_width, left + width), max(canvas_height, top + height)
    return *canvas, (left, top), frame


def _blocks(data):
    """Yield (kind, start, end) of each extension and frame up to the trailer."""
    position = 13 + _table(data[10])
    pieces = 0
    while (block := data[position]) != _TRAILER:
        start = position
        if block == _FRAME:
            position += 11 + _table(data[position + 9])
        elif block == _EXTENSION:
            position += 2
        elif block == 0:  # Some writers close a block twice.
            position = _ZEROS.match(data, position).end()
            continue
        else:
            raise BadImage('damaged GIF')
        while length := data[position]:
            position += 1 + length
            pieces += 1
            if pieces > _MOST_PIECES:
                raise BadImage(f'GIF of more than {_MOST_PIECES:,} pieces')
        position += 1
        yield block, start, position


def _table(flags):
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
