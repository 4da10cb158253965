"""Decode PNG files with Pillow, as strictly and exactly as libpng."""

import io
import re
import struct
import zlib

import numpy as np

from pictures import kinds
from pictures.kinds import BadImage
from pictures.parts import bounded

_DAMAGED = 'truncated or damaged PNG'
_START = 8
# The chunks that the pixels need, with a letter for each, and their order among others.
_LETTERS = {b'IHDR': 'H', b'PLTE': 'P', b'tRNS': 'T', b'IDAT': 'D', b'IEND': 'E'}
_ORDER = re.compile('H-*(P-*)?(T-*)?D+-*E')
_GREY, _COLOUR, _PALETTE = 0, 2, 3  # Colour types without an alpha channel.
_LONGEST_SIDE = 10**6  # Of libpng's pictures.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # Per pixel, by the colour type.
# The passes of an interlaced file: left, top, and the distance of columns and of rows.
_INTERLACED = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_PIECE = 2**20


def decode(data):
    """Return the 8-bit pixels of a PNG as an array [height, width, 1 to 4]; raise BadImage."""
    try:
        chunks = _read_chunks(data)
        bits, colours = struct.unpack_from('>BB', chunks[0], 16)
        _require_all_pixels(chunks)
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


def _require_all_pixels(chunks):
    """Raise BadImage if the compressed pixels are cut or too few, which Pillow accepts."""
    left = _raw_size(*struct.unpack_from('>IIBBxxB', chunks[0], 8))
    inflater = zlib.decompressobj()
    for chunk in chunks:
        compressed = chunk[8:-4] if chunk[4:8] == b'IDAT' else b''
        while len(compressed) and not inflater.eof:
            left -= len(inflater.decompress(compressed, _PIECE))
            if left < -_PIECE:
                raise BadImage('PNG with more data than pixels')
            compressed = inflater.unconsumed_tail
    if left > 0 or not inflater.eof:
        raise BadImage(_DAMAGED)


def _raw_size(width, height, bits, colours, is_interlaced):
    """Return the number of bytes of the filtered rows (ISO 15948, sections 8 and 9)."""
    passes = _INTERLACED if is_interlaced else ((0, 0, 1, 1),)
    size = 0
    for left, top, right, down in passes:
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            size += rows * (1 + (columns * bits * _SAMPLES[colours] + 7) // 8)
    return size


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
    largest = (1 << bits) - 1
    key = np.frombuffer(clear, '>u2', colour.shape[2]) & largest
    if bits < 8:
        is_clear = colour == key * (255 // largest)
    elif bits == 8:
        is_clear = colour == key
    elif image.mode == 'RGB':
        del image  # Before the next one needs as much memory.
        is_clear = np.asarray(_load(data, 'RGB;16L')) == (key & 255)
        is_clear &= colour == key >> 8
    else:
        is_clear = np.asarray(image)[..., np.newaxis] == key
    alpha = np.where(is_clear.all(axis=2, keepdims=True), np.uint8(0), np.uint8(255))
    return np.concatenate((colour, alpha), axis=2)


def _read_chunks(data):
    """List the chunks that the pixels need; raise BadImage if any is damaged or out of order."""
    found, order = [], ''
    data = memoryview(data)  # Its parts are not copies.
    for name, start, end in bounded(_chunks(data), kinds.PNG):
        order += _LETTERS.get(name, '-')
        if name in _LETTERS:
            found.append(data[start - 8 : end + 4])
            (checksum,) = struct.unpack_from('>I', data, end)
            if zlib.crc32(found[-1][4:-4]) != checksum:
                raise BadImage(_DAMAGED)
        # An unknown chunk with a capital first must not be ignored (ISO 15948, section 5.4).
        elif not name.isalpha() or name[:1].isupper():
            raise BadImage(_DAMAGED)
    if not _ORDER.fullmatch(order):
        raise BadImage(_DAMAGED)
    _check_header({bytes(chunk[4:8]): chunk[8:-4] for chunk in found})
    return found


def _check_header(bodies):
    width, height, _, colours, *methods = struct.unpack('>IIBBBBB', bodies[b'IHDR'])
    palette, clear = len(bodies.get(b'PLTE', b'')), len(bodies.get(b'tRNS', b''))
    if b'tRNS' in bodies:
        valid = {_GREY: (2,), _COLOUR: (6,), _PALETTE: range(1, palette // 3 + 1)}
        if clear not in valid.get(colours, ()):
            raise BadImage(_DAMAGED)
    needs_palette = colours == _PALETTE or b'PLTE' in bodies
    if palette % 3 or palette > 3 * 256 or (needs_palette and not palette):
        raise BadImage(_DAMAGED)
    if methods[:2] != [0, 0] or methods[2] > 1 or max(width, height) > _LONGEST_SIDE:
        raise BadImage(_DAMAGED)


def _chunks(data):
    """Yield (name, start, end) of each chunk, IEND being the last."""
    position, name = _START, b''
    while name != b'IEND':
        length, name = struct.unpack_from('>I4s', data, position)
        yield name, position + 8, position + 8 + length
        position += 12 + length
