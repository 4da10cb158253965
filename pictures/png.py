"""Decode PNG files with Pillow, as strictly and exactly as libpng."""

import io
import struct
import zlib

import numpy as np

from pictures.kinds import BadImage
from pictures.parts import bounded

_DAMAGED = 'truncated or damaged PNG'
_START = 8
_NEEDED = frozenset((b'IHDR', b'PLTE', b'tRNS', b'IDAT', b'IEND'))
_GREY, _COLOUR, _PALETTE = 0, 2, 3  # Colour types without an alpha channel.


def decode(data):
    """Return the 8-bit pixels of a PNG as an array [height, width, 1 to 4]; raise BadImage."""
    try:
        chunks = _read_chunks(data)
        bits, colours = struct.unpack_from('>BB', chunks[0], 16)
        clear = b''
        if colours in (_GREY, _COLOUR):
            clear = b''.join(chunk[8:-4] for chunk in chunks if chunk[4:8] == b'tRNS')
            chunks = [chunk for chunk in chunks if chunk[4:8] != b'tRNS']
        bare = b''.join((data[:_START], *chunks))
        if clear:
            return _with_alpha(bare, clear, bits)
        return _eight_bits(_load(bare))
    except BadImage:
        raise
    # Pillow raises nearly any exception for a damaged file.
    except Exception:
        raise BadImage(_DAMAGED) from None


def _load(data, mode=None):
    """Return the Pillow image; `mode` is how to read the pixels of the file."""
    from PIL import PngImagePlugin

    image = PngImagePlugin.PngImageFile(io.BytesIO(data))
    if mode:
        image.tile = [image.tile[0]._replace(args=mode)]
    image.load()
    return image


def _eight_bits(image):
    """Return an array of the pixels; of 16 bits, Pillow keeps the higher ones of colours."""
    if image.mode.startswith('I'):
        return (np.asarray(image) >> 8).astype(np.uint8)[..., np.newaxis]
    if image.mode == 'P':
        image = image.convert('RGBA' if 'transparency' in image.info else 'RGB')
    elif image.mode == '1':
        image = image.convert('L')
    found = np.asarray(image)
    return found if found.ndim == 3 else found[..., np.newaxis]


def _with_alpha(data, clear, bits):
    """Return pixels with alpha, which is zero where all bits are those of the clear colour."""
    image = _load(data)
    colour = _eight_bits(image)
    exact, largest = colour, (1 << bits) - 1
    key = np.frombuffer(clear, '>u2', colour.shape[2]) & largest
    if bits < 8:
        key = key * (255 // largest)
    elif bits == 16 and image.mode == 'RGB':
        low = np.asarray(_load(data, 'RGB;16L'))
        exact = colour.astype(np.uint16) << 8 | low
    elif bits == 16:
        exact = np.asarray(image)[..., np.newaxis]
    alpha = np.where((exact == key).all(axis=2, keepdims=True), 0, 255).astype(np.uint8)
    return np.concatenate((colour, alpha), axis=2)


def _read_chunks(data):
    """List the chunks that the pixels need; raise BadImage if a checksum is wrong."""
    found = []
    for name, start, end in bounded(_chunks(data), 'PNG'):
        if name in _NEEDED:
            found.append(data[start - 8 : end + 4])
            (checksum,) = struct.unpack_from('>I', data, end)
            if zlib.crc32(memoryview(found[-1])[4:-4]) != checksum:
                raise BadImage(_DAMAGED)
    if found[0][4:8] != b'IHDR':
        raise BadImage(_DAMAGED)
    return found


def _chunks(data):
    """Yield (name, start, end) of each chunk, IEND being the last."""
    position, name = _START, b''
    while name != b'IEND':
        length, name = struct.unpack_from('>I4s', data, position)
        yield name, position + 8, position + 8 + length
        position += 12 + length
