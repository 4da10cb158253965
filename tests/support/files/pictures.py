"""Pictures of every file type, each with its expected pixels."""

import dataclasses
import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageChops

from pictures import gate
from preprocessing.picture_decoder import TensorFlowDecoder

WIDTH, HEIGHT = 44, 30
JPEG_TOLERANCE = 12


@dataclasses.dataclass(frozen=True)
class Good:
    """Hold a file's bytes and the upright pixels in it, exact but for the tolerance."""

    data: bytes
    pixels: np.ndarray
    tolerance: int = 0
    passes: bool = False


def normalise(data, **options):
    """Pass a file's bytes through the gate, with TensorFlow's decoders as in every program."""
    return gate.normalise(data, TensorFlowDecoder(), **options)


def colours(width=WIDTH, height=HEIGHT):
    """Return a smooth picture that every rotation and reflection changes."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = 255 * x / (width - 1), 255 * y / (height - 1)
    blue = 127 + 127 * np.sin((x + 2 * y) / 14)
    return np.stack([red, green, blue], 2).astype(np.uint8)


def grey(width=WIDTH, height=HEIGHT):
    """Return a grey picture of one channel."""
    return colours(width, height)[..., 2:]


def alpha(width=WIDTH, height=HEIGHT):
    """Return an alpha channel that runs from clear to solid."""
    return colours(width, height)[..., :1]


def over_white(pixels, opacity):
    """Blend pixels over white, rounded to the nearest."""
    share = opacity / 255.0
    return np.floor(pixels * share + 255 * (1 - share) + 0.5).astype(np.uint8)


def as_image(pixels, mode=None):
    """Return a Pillow image of an array of 1 to 4 channels."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return image.convert(mode) if mode else image


def encoded(image, kind, **options):
    """Return the file of a Pillow image."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def stored_for(pixels, orientation):
    """Return the rows that show upright `pixels` once EXIF's `orientation` is applied."""
    undo = {
        1: lambda p: p,
        2: np.fliplr,
        3: lambda p: np.rot90(p, 2),
        4: np.flipud,
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: np.rot90(p, 2).transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }
    return np.ascontiguousarray(undo[orientation](pixels))


def turned(orientation, kind, **options):
    """Return a file of this kind whose EXIF data asks for `orientation`."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(as_image(stored_for(colours(), orientation)), kind, exif=exif, **options)


def turned_by(value):
    """Return an upright JPEG whose EXIF orientation is any number."""
    exif = Image.Exif()
    exif[0x0112] = value
    return encoded(as_image(colours()), 'JPEG', exif=exif)


def png_chunk(name, body):
    """Return one chunk of a PNG file."""
    return struct.pack('>I', len(body)) + name + body + struct.pack('>I', zlib.crc32(name + body))


def png(rows, width, bits, colour_type, extra=b''):
    """Write a PNG by hand: depths and transparent colours that Pillow does not write."""
    header = struct.pack('>IIBBBBB', width, len(rows), bits, colour_type, 0, 0, 0)
    body = zlib.compress(b''.join(b'\0' + bytes(row) for row in rows))
    chunks = png_chunk(b'IHDR', header), extra, png_chunk(b'IDAT', body), png_chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + b''.join(chunks)


def bmp(rows, width, bits, palette=(), compression=0, used=0, height=None):
    """Write a BMP by hand, `rows` from the bottom up."""
    table = b''.join(bytes((blue, green, red, 0)) for red, green, blue in palette)
    body = b''.join(bytes(row).ljust(-(-len(row) // 4) * 4, b'\0') for row in rows)
    start = 54 + len(table)
    sizes = width, len(rows) if height is None else height
    header = struct.pack('<IiiHHIIiiII', 40, *sizes, 1, bits, compression, len(body), 0, 0, used, 0)
    return b'BM' + struct.pack('<III', start + len(body), 0, start) + header + table + body


def cmyk_jpeg(adobe_marker=True):
    """Return a CMYK JPEG as Adobe stores it, inverted, or one as it is, without Adobe's marker."""
    image = as_image(colours(), 'CMYK')
    if not adobe_marker:
        image = ImageChops.invert(image)
    data = encoded(image, 'JPEG', quality=98, subsampling=0)
    if adobe_marker:
        return data
    start = data.index(b'\xff\xee')
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], 'big') :]


def jpegs():
    """Map names to JPEG files of every make."""
    image, pixels = as_image(colours()), colours()
    exact = {'quality': 98, 'subsampling': 0}
    pictures = {
        'baseline.jpg': Good(encoded(image, 'JPEG', **exact), pixels, JPEG_TOLERANCE, True),
        'progressive.jpg': Good(
            encoded(image, 'JPEG', progressive=True, **exact), pixels, JPEG_TOLERANCE, True
        ),
        'grey.jpg': Good(
            encoded(as_image(grey()), 'JPEG', quality=98), grey(), JPEG_TOLERANCE, True
        ),
        'phone.jpg': Good(
            encoded(image, 'MPO', save_all=True, append_images=[image.rotate(180)], **exact),
            pixels,
            JPEG_TOLERANCE,
            True,
        ),
        'cmyk.jpg': Good(cmyk_jpeg(), pixels, JPEG_TOLERANCE),
        'cmyk without marker.jpg': Good(cmyk_jpeg(adobe_marker=False), pixels, JPEG_TOLERANCE),
    }
    for orientation in range(2, 9):
        data = turned(orientation, 'JPEG', **exact)
        pictures[f'turned {orientation}.jpg'] = Good(data, pixels, JPEG_TOLERANCE)
    return pictures


def pngs():
    """Map names to PNG files of every colour type and depth."""
    rgb, opacity = colours(), alpha()
    paletted = as_image(rgb).quantize(50)
    wide = (rgb.astype(np.uint16) * 256 + 77).astype('>u2')
    wide_grey = wide[..., 2]
    clear = struct.pack('>HHH', *wide[3, 5].tolist())
    keyed = rgb.copy()
    keyed[3, 5] = 255
    bilevel = (grey() > 127).astype(np.uint8) * 255
    gamma = png_chunk(b'gAMA', struct.pack('>I', 20000))
    pictures = {
        'colour.png': Good(encoded(as_image(rgb), 'PNG'), rgb, passes=True),
        'grey.png': Good(encoded(as_image(grey()), 'PNG'), grey(), passes=True),
        'gamma.png': Good(png([r.tobytes() for r in rgb], WIDTH, 8, 2, gamma), rgb),
        'alpha.png': Good(
            encoded(as_image(np.dstack([rgb, opacity])), 'PNG'), over_white(rgb, opacity), 1
        ),
        'grey alpha.png': Good(
            encoded(Image.merge('LA', [as_image(grey()), as_image(opacity)]), 'PNG'),
            over_white(grey(), opacity),
            1,
        ),
        'palette.png': Good(encoded(paletted, 'PNG'), np.asarray(paletted.convert('RGB'))),
        'clear palette.png': Good(
            encoded(paletted, 'PNG', transparency=bytes([0] * 50)), np.full_like(rgb, 255)
        ),
        'one bit.png': Good(encoded(as_image(bilevel, '1'), 'PNG'), bilevel),
        '16 bit.png': Good(png([r.tobytes() for r in wide], WIDTH, 16, 2), rgb),
        '16 bit grey.png': Good(png([r.tobytes() for r in wide_grey], WIDTH, 16, 0), grey()),
        'clear colour.png': Good(
            png([r.tobytes() for r in wide], WIDTH, 16, 2, png_chunk(b'tRNS', clear)), keyed
        ),
    }
    for orientation in (1, 3, 6):
        data = turned(orientation, 'PNG')
        pictures[f'turned {orientation}.png'] = Good(data, rgb)
    return pictures


def bmps():
    """Map names to BMP files, with palettes and without."""
    rgb = colours()
    ramp = [(i, i, i) for i in range(256)]
    two_rows = [[5, 6, 7], [8, 9, 10]]
    two = np.array(two_rows[::-1], np.uint8)[..., None]
    bilevel = np.array([[0, 255, 255], [255, 0, 255]], np.uint8)[..., None]
    paletted = as_image(rgb).quantize(50)
    return {
        'colour.bmp': Good(encoded(as_image(rgb), 'BMP'), rgb),
        'grey.bmp': Good(encoded(as_image(grey()), 'BMP'), grey()),
        'palette.bmp': Good(encoded(paletted, 'BMP'), np.asarray(paletted.convert('RGB'))),
        'downwards.bmp': Good(bmp(two_rows, 3, 8, ramp, height=-2), two[::-1]),
        'one bit.bmp': Good(
            bmp([[0b10100000], [0b01100000]], 3, 1, [(0, 0, 0), (255, 255, 255)]), bilevel
        ),
        'two of 256.bmp': Good(
            bmp([[1, 0, 1], [0, 1, 1]], 3, 8, [(0, 0, 0), (255, 255, 255)], used=2),
            np.repeat(bilevel, 3, 2),
        ),
        'four bits.bmp': Good(
            bmp([[0x56, 0x70], [0x89, 0xA0]], 3, 4, ramp[:16]), np.repeat(two, 3, 2)
        ),
        'run length.bmp': Good(
            bmp([b'\3\5\0\0\2\7\1\11\0\1'], 3, 8, ramp, compression=1, height=2),
            np.array([[7, 7, 9], [5, 5, 5]], np.uint8)[..., None],
        ),
    }


def others():
    """Map names to GIF, WebP and TIFF files."""
    rgb, opacity = colours(), alpha()
    image, paletted = as_image(rgb), as_image(rgb).quantize(50)
    resolved = np.asarray(paletted.convert('RGB'))
    both = as_image(np.dstack([rgb, opacity]))
    wide_grey = Image.fromarray(grey()[..., 0].astype(np.uint16) * 256 + 99)
    more = {'save_all': True, 'append_images': [paletted.rotate(180)]}
    pictures = {
        'still.gif': Good(encoded(paletted, 'GIF'), resolved),
        'moving.gif': Good(encoded(paletted, 'GIF', **more), resolved),
        'clear.gif': Good(
            encoded(Image.new('P', (WIDTH, HEIGHT), 3), 'GIF', transparency=3),
            np.full((HEIGHT, WIDTH, 3), 255, np.uint8),
        ),
        'small frame.gif': _small_frame(),
        'lossless.webp': Good(encoded(image, 'WEBP', lossless=True), rgb),
        'lossy.webp': Good(encoded(image, 'WEBP', quality=95), rgb, 24),
        'moving.webp': Good(encoded(image, 'WEBP', lossless=True, **more), rgb),
        'alpha.webp': Good(
            encoded(both, 'WEBP', lossless=True, exact=True), over_white(rgb, opacity), 1
        ),
        'turned 6.webp': Good(turned(6, 'WEBP', lossless=True), rgb),
        'grey 16.tif': Good(encoded(wide_grey, 'TIFF'), grey()),
        'alpha.tif': Good(encoded(both, 'TIFF'), over_white(rgb, opacity), 1),
        'cmyk.tif': Good(encoded(as_image(rgb, 'CMYK'), 'TIFF'), rgb),
        'pages.tif': Good(
            encoded(image, 'TIFF', save_all=True, append_images=[image.rotate(180)]), rgb
        ),
        'big.tif': Good(encoded(image, 'TIFF', big_tiff=True), rgb),
    }
    for compression in ('raw', 'tiff_lzw', 'tiff_deflate', 'packbits'):
        data = encoded(image, 'TIFF', compression=compression)
        pictures[f'{compression}.tif'] = Good(data, rgb)
    for orientation in range(2, 9):
        pictures[f'turned {orientation}.tif'] = Good(turned(orientation, 'TIFF'), rgb)
    return pictures


def _small_frame():
    """Return a GIF whose one frame covers a corner of the canvas."""
    data = bytearray(encoded(as_image(colours(20, 10)).quantize(8), 'GIF'))
    struct.pack_into('<HH', data, 6, WIDTH, HEIGHT)
    frame = data.index(b',\0\0\0\0' + struct.pack('<HH', 20, 10))
    struct.pack_into('<HH', data, frame + 1, 7, 5)
    pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    pixels[5:15, 7:27] = np.asarray(as_image(colours(20, 10)).quantize(8).convert('RGB'))
    return Good(bytes(data), pixels)


def all_good():
    """Map names to every picture that must be accepted; the name has the right ending."""
    return {**jpegs(), **pngs(), **bmps(), **others()}


def empty_scans(side, count):
    """Return a small JPEG of `count` scans, each of which a decoder takes through all pixels."""

    def segment(marker, content):
        return b'\xff' + marker + struct.pack('>H', len(content) + 2) + content

    components = b''.join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    table = bytes([1, *[0] * 15, 0])
    scans = (segment(b'\xda', bytes([1, 1 + n % 3, 0, 0, 63, 0])) + b'\0' for n in range(count))
    return b''.join(
        (
            b'\xff\xd8',
            segment(b'\xdb', b'\0' + b'\1' * 64),
            segment(b'\xc0', struct.pack('>BHHB', 8, side, side, 3) + components),
            segment(b'\xc4', b'\0' + table) + segment(b'\xc4', b'\x10' + table),
            *scans,
            b'\xff\xd9',
        )
    )


def bad_files():
    """Map names to (bytes, a part of the reason) of files that must be refused."""
    png_of_huge_size = bytearray(encoded(as_image(colours()), 'PNG'))
    struct.pack_into('>II', png_of_huge_size, 16, 60000, 60000)
    scans = turned(1, 'JPEG', progressive=True)
    scan = scans.rindex(b'\xff\xda')
    header = encoded(as_image(colours()), 'JPEG')
    return {
        'empty.jpg': (b'', 'empty file'),
        'zeros.jpg': (bytes(5000), 'zero bytes'),
        'text.jpg': ('flowers, flores, 꽃\n'.encode(), 'text'),
        'page.png': (b'<!DOCTYPE html><html><body>404 not found</body></html>', 'HTML'),
        'drawing.png': (b'<?xml version="1.0"?><svg width="1"></svg>', 'SVG'),
        'archive.jpg': (b'PK\3\4' + bytes(100), 'ZIP archive'),
        'paper.jpg': (b'%PDF-1.7 ...', 'PDF'),
        'phone.heic': (b'\0\0\0\x18ftypheic' + bytes(50), 'HEIC is not supported'),
        'modern.jpg': (b'\0\0\0\x1cftypavif' + bytes(50), 'AVIF is not supported'),
        'film.jpg': (b'\0\0\0\x18ftypmp42' + bytes(50), 'video'),
        'sound.jpg': (b'RIFF\x24\0\0\0WAVEfmt ' + bytes(50), 'sound or video'),
        'noise.jpg': (bytes(range(128, 256)) * 9, 'unknown kind'),
        'only a start.jpg': (header[:3], 'truncated JPEG'),
        'only a name.png': (b'\x89PNG\r\n\x1a\n', 'truncated PNG'),
        'bomb.png': (bytes(png_of_huge_size), 'too large (60000x60000'),
        'bomb.bmp': (b'BM' + struct.pack('<IIIIiiHHI', 34, 0, 54, 40, 2**30, 1, 1, 1, 1), 'large'),
        'bomb.gif': (b'GIF89a\xff\xff\xff\xff\0\0\0,' + bytes(9) + b'\2\0;', 'large'),
        'bomb.webp': (
            b'RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0' + bytes(4) + b'\xff' * 6 + bytes(8),
            'too large',
        ),
        'many scans.jpg': (scans[:scan] + scans[scan:-2] * 100 + scans[-2:], 'scans'),
        'many empty scans.jpg': (empty_scans(64, 200), 'more than 100 scans'),
        'many frames.jpg': (b'\xff\xd8' + b'\xff\xc2\0\2' * 60_000, 'truncated JPEG'),
        'many segments.jpg': (b'\xff\xd8' + b'\xff\xe5\0\2' * 110_000, 'more than 100,000 parts'),
        'nothing but marks.jpg': (b'\xff\xd8' + b'\xff' * 3_000_000, 'truncated JPEG'),
        'many chunks.png': (
            pngs()['colour.png'].data[:33] + (bytes(4) + b'abCd' + bytes(4)) * 110_000,
            'more than 100,000 parts',
        ),
        'no frame.gif': (b'GIF89a\1\0\1\0\0\0\0;', 'without a picture'),
        'float.tif': (
            encoded(Image.fromarray(grey()[..., 0].astype(np.float32)), 'TIFF'),
            'not supported',
        ),
    }
