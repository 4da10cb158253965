"""Find the first frame of a WebP.

TensorFlow decodes every frame of an animation, which a small file can have thousands of. So the
first frame is found here and decoded as a still picture.
"""

import struct

from pictures import kinds, tiff
from pictures.kinds import BadImage
from pictures.parts import bounded

_START = 12
_ANIMATED, _ALPHA = 0x02, 0x10  # Flags of the extended header.


def first_picture(data):
    """Return (width, height, orientation, offset, file) of the first frame."""
    (size,) = struct.unpack_from('<I', data, 4)
    if size + 8 > len(data):
        raise BadImage('truncated WebP')
    name = data[12:16]
    if name != b'VP8X':
        return *_size(name, data, 20), 1, (0, 0), data
    width, height = _numbers(data, 24, 2)
    chunks = list(bounded(_chunks(data), kinds.WEBP))
    orientation = 1
    for name, start, end in chunks:
        if name == b'EXIF':
            orientation = tiff.exif_orientation(data[start:end])
            break
    frame, offset = data, (0, 0)
    if data[20] & _ANIMATED:
        frame, offset = _first_frame(data, chunks, width + 1, height + 1)
    return width + 1, height + 1, orientation, offset, frame


def _numbers(data, start, count):
    """Return numbers of 24 bits each."""
    ends = range(start + 3, start + 3 * count + 1, 3)
    return [int.from_bytes(data[end - 3 : end], 'little') for end in ends]


def _size(name, data, start):
    """Return (width, height) of a chunk of pixels."""
    if name == b'VP8L':
        (bits,) = struct.unpack_from('<I', data, start + 1)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from('<HH', data, start + 6)
    return width & 0x3FFF, height & 0x3FFF


def _first_frame(data, chunks, canvas_width, canvas_height):
    """Return the first frame of an animation as a still WebP, and its position."""
    found = [(start, end) for name, start, end in chunks if name == b'ANMF']
    if not found:
        raise BadImage('WebP without a picture')
    start, end = found[0]
    left, top, width, height = _numbers(data, start, 4)
    left, top, size = 2 * left, 2 * top, (width + 1, height + 1)
    parts = {}
    for name, *place in bounded(_chunks(data[:end], start + 16), kinds.WEBP):
        if name in (b'ALPH', b'VP8 ', b'VP8L'):
            parts.setdefault(name, place)
    pixels = next((name for name in (b'VP8L', b'VP8 ') if name in parts), None)
    fits = left + size[0] <= canvas_width and top + size[1] <= canvas_height
    if pixels is None or not fits or _size(pixels, data, parts[pixels][0]) != size:
        raise BadImage('damaged WebP')
    has_alpha = pixels == b'VP8L' or b'ALPH' in parts
    sizes = struct.pack('<II', width | height << 24, height >> 8)[:6]
    body = b'WEBP' + _chunk(b'VP8X', bytes([has_alpha * _ALPHA, 0, 0, 0]) + sizes)
    for name in (b'ALPH', pixels):
        if name in parts:
            body += _chunk(name, data[parts[name][0] : parts[name][1]])
    return b'RIFF' + struct.pack('<I', len(body)) + body, (left, top)


def _chunk(name, body):
    return name + struct.pack('<I', len(body)) + body + b'\0' * (len(body) % 2)


def _chunks(data, position=_START):
    """Yield (name, start, end) of each chunk."""
    while head := data[position : position + 8]:
        name, length = struct.unpack('<4sI', head.ljust(8, b'\0'))
        yield name, position + 8, position + 8 + length
        position += 8 + length + length % 2
