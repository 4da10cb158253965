"""Read the headers of pictures without decoding anything and without trusting any number."""

import dataclasses
import re
import struct

from pictures import kinds, tiff
from pictures.kinds import BadImage, ImageTooLarge


@dataclasses.dataclass(frozen=True)
class Header:
    """One picture before it is decoded; width and height are those of the stored pixels."""

    width: int
    height: int
    data: bytes  # For the decoder: the first picture, without parts that could harm the decoder.
    channels: int = 3  # 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha (JPEG: CMYK).
    orientation: int = 1  # EXIF's 1 to 8: how to turn the stored pixels upright.
    offset: tuple[int, int] = (0, 0)  # Position of the frame in `data`: GIF frames can be small.
    negative: bool = False  # CMYK that Adobe did not write: its values are inverted.
    plain: bool = False  # An upright JPEG or PNG without alpha that all decoders read alike.
    certain: bool = False  # All decoders that accept the file find this size and these channels.


def read_header(kind, data):
    """Read the header of a picture of `kind`; raise BadImage if it is damaged or cut."""
    readers = {
        kinds.JPEG: _read_jpeg,
        kinds.PNG: _read_png,
        kinds.GIF: _read_gif,
        kinds.BMP: _read_bmp,
        kinds.WEBP: _read_webp,
        kinds.TIFF: _read_tiff,
    }
    try:
        header = readers[kind](data)
    except (struct.error, IndexError):
        raise BadImage(f'truncated {kind}') from None
    if header.width < 1 or header.height < 1:
        raise BadImage(f'damaged {kind} (it says {header.width}x{header.height} pixels)')
    return header


# Visiting a part of a file takes time in Python, and a part can be as short as a few bytes.
_MOST_PARTS = 100_000


def _bounded(parts, kind):
    """Yield the `parts`; raise BadImage if there are too many."""
    for number, part in enumerate(parts):
        if number == _MOST_PARTS:
            raise BadImage(f'{kind} of more than {_MOST_PARTS:,} parts')
        yield part


# Markers that begin a frame, and those that carry no length (ITU T.81, table B.1).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset((0x01, 0xD8))
_JPEG_END, _JPEG_SCAN, _JPEG_EXIF, _JPEG_ADOBE = 0xD9, 0xDA, 0xE1, 0xEE
# In a scan, a byte of 255 that begins no marker is followed by a zero. Restart markers (D0 to D7)
# carry no data and end no scan.
_JPEG_MARKER = re.compile(rb'\xff([\x01-\xcf\xd8-\xfe])')
# A decoder visits all pixels for every scan, so a small file could take hours. Common programs
# write up to 12 scans.
_JPEG_MOST_SCANS = 100
_JPEG_ANY_SIZE_SCANS = 20
_JPEG_MOST_SCANNED_PIXELS = 2**29


def _read_jpeg(data):
    frame, orientation, adobe, whole, scans_at = None, None, False, False, None
    certain, expected = True, 2
    for marker, start, end in _bounded(_jpeg_segments(data), kinds.JPEG):
        # Decoders differ in how they treat bytes between segments and a second frame.
        certain = certain and start - 4 == expected and not (frame and marker in _JPEG_FRAMES)
        expected = end
        if marker in _JPEG_FRAMES:
            frame = struct.unpack_from('>HHB', data, start + 1)
        elif marker == _JPEG_EXIF and orientation is None and data[start : start + 4] == b'Exif':
            orientation = tiff.exif_orientation(data[start:end])
        elif marker == _JPEG_ADOBE:
            adobe = adobe or data[start : start + 5] == b'Adobe'
        elif marker == _JPEG_SCAN:
            whole = data.rfind(b'\xff\xd9', start) >= 0
            scans_at = start - 4
            break
    if frame is None or not whole:
        raise BadImage('truncated JPEG')
    height, width, channels = frame
    if channels not in (1, 3, 4):
        raise BadImage(f'JPEG of {channels} channels')
    _check_scans(data, scans_at, width * height)
    orientation = orientation or 1
    plain = orientation == 1 and channels in (1, 3)
    negative = channels == 4 and not adobe
    return Header(
        width, height, data, channels, orientation, negative=negative, plain=plain, certain=certain
    )


def _check_scans(data, first, pixels):
    """Refuse too many scans from `first` on; bytes after the picture's end are ignored."""
    affordable = _JPEG_MOST_SCANNED_PIXELS // max(1, pixels)
    most = min(_JPEG_MOST_SCANS, max(_JPEG_ANY_SIZE_SCANS, affordable))
    if data.count(b'\xff\xda', first) <= most:
        return  # True of nearly every file, and quickly checked.
    scans = 0
    for marker, _, _ in _bounded(_jpeg_segments(data, first), kinds.JPEG):
        scans += marker == _JPEG_SCAN
        if scans > most:
            raise BadImage(f'JPEG of more than {most} scans')


def _jpeg_segments(data, position=2):
    """Yield (marker, start, end) of each segment up to the picture's end."""
    while found := _JPEG_MARKER.search(data, position):
        marker, position = found[1][0], found.end()
        if marker == _JPEG_END:
            return
        if marker not in _JPEG_BARE:
            end = position + struct.unpack_from('>H', data, position)[0]
            yield marker, position + 2, end
            position = end


# Colour types of PNG (ISO 15948, table 11.1): channels, and whether 8-bit files may pass unchanged.
_PNG_COLOURS = {0: (1, True), 2: (3, True), 3: (3, False), 4: (2, False), 6: (4, False)}
_PNG_START = 8


def _read_png(data):
    """Read all chunks and keep those that the pixels need: others could harm an old decoder."""
    width, height, bits, colours = struct.unpack_from('>IIBB', data, 16)
    if data[12:16] != b'IHDR' or colours not in _PNG_COLOURS:
        raise BadImage('damaged PNG')
    channels, passes = _PNG_COLOURS[colours]
    orientation, before = 1, b''
    seen, kept = set(), []
    for name, start, end in _bounded(_png_chunks(data), kinds.PNG):
        if name == b'tRNS':
            channels, passes = channels + channels % 2, False
        elif name == b'eXIf':
            orientation = tiff.exif_orientation(data[start:end])
        if name == b'IDAT' and before != name and name in seen:
            raise BadImage('damaged PNG (its pixels are not in one piece)')
        before = name
        seen.add(name)
        if _is_for_pixels(name):
            kept.append((start - 8, end + 4))
    plain = passes and bits == 8 and orientation == 1
    bare = _joined(data, kept)
    return Header(width, height, bare, channels, orientation, plain=plain, certain=True)


def _is_for_pixels(name):
    """Tell whether a decoder needs a chunk: transparency, or a name with a capital first."""
    return name == b'tRNS' or not name[0] & 0x20


def _joined(data, chunks):
    """Return a PNG of the chunks at these (start, end); `data` itself if these are all."""
    size = _PNG_START + sum(end - start for start, end in chunks)
    if size == len(data):
        return data
    return data[:_PNG_START] + b''.join(data[start:end] for start, end in chunks)


def _png_chunks(data):
    """Yield (name, start, end) of each chunk, IEND being the last."""
    position, name = _PNG_START, b''
    while (head := data[position : position + 8]) and name != b'IEND':
        length, name = struct.unpack('>I4s', head)
        yield name, position + 8, position + 8 + length
        position += 12 + length


# Pillow accepts a GIF that is cut anywhere after its first frame, which TensorFlow refuses, and
# would allocate the whole canvas for a small frame. So all blocks are read here.
_GIF_TRAILER, _GIF_EXTENSION, _GIF_FRAME, _GIF_CONTROL = 0x3B, 0x21, 0x2C, 0xF9
_ZEROS = re.compile(rb'\0+')
_GIF_MOST_PIECES = 500_000  # Usually of 255 bytes each.


def _read_gif(data):
    """Read all blocks, because a GIF without its trailer is cut; keep the first frame."""
    first, control = None, b''
    for block, start, end in _bounded(_gif_blocks(data), kinds.GIF):
        if block == _GIF_FRAME and first is None:
            first = start, end
        elif first is None and data[start + 1] == _GIF_CONTROL and end - start == 8:
            control = data[start:end]
    if first is None:
        raise BadImage('GIF without a picture')
    start, end = first
    left, top, width, height = struct.unpack_from('<4H', data, start + 1)
    canvas_width, canvas_height, flags = struct.unpack_from('<HHB', data, 6)
    if control:  # Keep the transparent colour; how the frame is disposed of does not matter.
        control = control[:3] + bytes([control[3] & 1]) + control[4:]
    colours = data[10 : 13 + _gif_table(flags)]
    size = struct.pack('<HH', width, height)
    frame = data[:6] + size + colours + control + b',\0\0\0\0' + size + data[start + 9 : end] + b';'
    canvas = max(canvas_width, left + width), max(canvas_height, top + height)
    return Header(*canvas, frame, offset=(left, top))


def _gif_blocks(data):
    """Yield (kind, start, end) of each extension and frame up to the trailer."""
    position = 13 + _gif_table(data[10])
    pieces = 0
    while (block := data[position]) != _GIF_TRAILER:
        start = position
        if block == _GIF_FRAME:
            position += 11 + _gif_table(data[position + 9])
        elif block == _GIF_EXTENSION:
            position += 2
        elif block == 0:  # Some writers close a block twice.
            position = _ZEROS.match(data, position).end()
            continue
        else:
            raise BadImage('damaged GIF')
        while length := data[position]:
            position += 1 + length
            pieces += 1
            if pieces > _GIF_MOST_PIECES:
                raise BadImage(f'GIF of more than {_GIF_MOST_PIECES:,} pieces')
        position += 1
        yield block, start, position


def _gif_table(flags):
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


# Pillow accepts a BMP whose last row is cut, which TensorFlow refuses, and reads some palettes as
# plain grey of another depth. So the header is read here.
_BMP_UNCOMPRESSED = (0, 3, 6)  # Plain, and two spellings of "with bit masks".
_BMP_MOST_RUN_LENGTH_PIXELS = 2**23  # Pillow unpacks runs in Python: these take a second.


def _read_bmp(data):
    file_size, pixels, header_size = struct.unpack_from('<I4xII', data, 2)
    if header_size == 12:
        width, height, bits = struct.unpack_from('<HH2xH', data, 18)
        compression = 0
    else:
        width, height, bits, compression = struct.unpack_from('<Ii2xHI', data, 18)
    height = abs(height)
    if compression in _BMP_UNCOMPRESSED:
        end = pixels + (width * bits + 31) // 32 * 4 * height
    else:
        end = file_size
        if width * height > _BMP_MOST_RUN_LENGTH_PIXELS:
            raise ImageTooLarge(f'too large for a run-length BMP ({width}x{height})')
    if end > len(data):
        raise BadImage('truncated BMP')
    if bits in (4, 8) and header_size >= 40:
        data = _with_clear_palette(data, 14 + header_size, bits, pixels)
    return Header(width, height, data)


def _with_clear_palette(data, palette, bits, pixels):
    """Add a colour to a palette that Pillow would read as plain grey of another depth."""
    (colours,) = struct.unpack_from('<I', data, 46)
    if colours > 1 << bits or (bits == 8 and colours != 2):
        return data
    colours = colours or 1 << bits
    end = palette + 4 * colours
    changed = bytearray(data[:end]) + bytes(4) + data[end:]
    struct.pack_into('<I', changed, 10, pixels + 4)
    struct.pack_into('<I', changed, 46, colours + 1)
    return bytes(changed)


# TensorFlow decodes every frame of an animation, which a small file can have thousands of. So the
# first frame is found here and decoded as a still picture.
_WEBP_START = 12
_WEBP_MOVES, _WEBP_ALPHA = 0x02, 0x10  # Flags of the extended header.


def _read_webp(data):
    (size,) = struct.unpack_from('<I', data, 4)
    if size + 8 > len(data):
        raise BadImage('truncated WebP')
    name = data[12:16]
    if name != b'VP8X':
        return Header(*_webp_size(name, data, 20), data)
    width, height = _webp_numbers(data, 24, 2)
    chunks = list(_bounded(_webp_chunks(data), kinds.WEBP))
    orientation = 1
    for name, start, end in chunks:
        if name == b'EXIF':
            orientation = tiff.exif_orientation(data[start:end])
            break
    frame, offset = data, (0, 0)
    if data[20] & _WEBP_MOVES:
        frame, offset = _first_webp_frame(data, chunks, width + 1, height + 1)
    return Header(width + 1, height + 1, frame, orientation=orientation, offset=offset)


def _webp_numbers(data, start, count):
    """Return numbers of 24 bits each."""
    ends = range(start + 3, start + 3 * count + 1, 3)
    return [int.from_bytes(data[end - 3 : end], 'little') for end in ends]


def _webp_size(name, data, start):
    """Return (width, height) of a chunk of pixels."""
    if name == b'VP8L':
        (bits,) = struct.unpack_from('<I', data, start + 1)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from('<HH', data, start + 6)
    return width & 0x3FFF, height & 0x3FFF


def _first_webp_frame(data, chunks, canvas_width, canvas_height):
    """Return the first frame of an animation as a still WebP, and its position."""
    found = [(start, end) for name, start, end in chunks if name == b'ANMF']
    if not found:
        raise BadImage('WebP without a picture')
    start, end = found[0]
    left, top, width, height = _webp_numbers(data, start, 4)
    left, top, size = 2 * left, 2 * top, (width + 1, height + 1)
    parts = {}
    for name, *place in _bounded(_webp_chunks(data[:end], start + 16), kinds.WEBP):
        if name in (b'ALPH', b'VP8 ', b'VP8L'):
            parts.setdefault(name, place)
    pixels = next((name for name in (b'VP8L', b'VP8 ') if name in parts), None)
    fits = left + size[0] <= canvas_width and top + size[1] <= canvas_height
    if pixels is None or not fits or _webp_size(pixels, data, parts[pixels][0]) != size:
        raise BadImage('damaged WebP')
    has_alpha = pixels == b'VP8L' or b'ALPH' in parts
    sizes = struct.pack('<II', width | height << 24, height >> 8)[:6]
    body = b'WEBP' + _webp_chunk(b'VP8X', bytes([has_alpha * _WEBP_ALPHA, 0, 0, 0]) + sizes)
    for name in (b'ALPH', pixels):
        if name in parts:
            body += _webp_chunk(name, data[parts[name][0] : parts[name][1]])
    return b'RIFF' + struct.pack('<I', len(body)) + body, (left, top)


def _webp_chunk(name, body):
    return name + struct.pack('<I', len(body)) + body + b'\0' * (len(body) % 2)


def _webp_chunks(data, position=_WEBP_START):
    """Yield (name, start, end) of each chunk."""
    while head := data[position : position + 8]:
        name, length = struct.unpack('<4sI', head.ljust(8, b'\0'))
        yield name, position + 8, position + 8 + length
        position += 8 + length + length % 2


def _read_tiff(data):
    width, height, orientation, first = tiff.first_picture(data)
    return Header(width, height, first, orientation=orientation)
