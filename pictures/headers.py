"""Read the headers of pictures without decoding anything and without trusting any number."""

import dataclasses
import re
import struct

from pictures import gif, kinds, tiff, webp
from pictures.kinds import BadImage, ImageTooLarge
from pictures.parts import bounded


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


# Markers that begin a frame, and those that carry no length (ITU T.81, table B.1).
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset((0x01, 0xD8))
_JPEG_END, JPEG_SCAN, _JPEG_EXIF, _JPEG_ADOBE = 0xD9, 0xDA, 0xE1, 0xEE
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
    for marker, start, end in bounded(jpeg_segments(data), kinds.JPEG):
        # Decoders differ in how they treat bytes between segments and a second frame.
        certain = certain and start - 4 == expected and not (frame and marker in JPEG_FRAMES)
        expected = end
        if marker in JPEG_FRAMES:
            frame = struct.unpack_from('>HHB', data, start + 1)
        elif marker == _JPEG_EXIF and orientation is None and data[start : start + 4] == b'Exif':
            orientation = tiff.exif_orientation(data[start:end])
        elif marker == _JPEG_ADOBE:
            adobe = adobe or data[start : start + 5] == b'Adobe'
        elif marker == JPEG_SCAN:
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
    for marker, _, _ in bounded(jpeg_segments(data, first), kinds.JPEG):
        scans += marker == JPEG_SCAN
        if scans > most:
            raise BadImage(f'JPEG of more than {most} scans')


def jpeg_segments(data, position=2):
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
    for name, start, end in bounded(_png_chunks(data), kinds.PNG):
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


def _read_gif(data):
    width, height, offset, first = gif.first_picture(data)
    return Header(width, height, first, offset=offset)


def _read_webp(data):
    width, height, orientation, offset, first = webp.first_picture(data)
    return Header(width, height, first, orientation=orientation, offset=offset)


def _read_tiff(data):
    width, height, orientation, first = tiff.first_picture(data)
    return Header(width, height, first, orientation=orientation)
