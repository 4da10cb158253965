"""The gate that every picture passes before a network sees it.

`normalise` returns upright JPEG and 8-bit PNG without alpha byte for byte (PNG without the chunks
that its pixels do not need). It decodes everything else once and returns a lossless PNG. The module
keeps no state: several threads may call it.
"""

import dataclasses
import io
import zlib

import numpy as np

from common import errors
from pictures import decode_cost, kinds
from pictures.headers import Header, read_header
from pictures.kinds import BadImage, ImageTooLarge

__all__ = ['MAX_PIXELS', 'BadImage', 'Examined', 'NormalisedImage', 'examine', 'normalise']

# TensorFlow's decoders refuse pictures of 2^29 values or more.
MAX_PIXELS = (2**29 - 1) // 3
_JPEG_QUALITY = 95
_JPEG_MAX_SIDE = 65500
_STRIP_PIXELS = 2**20


@dataclasses.dataclass(frozen=True)
class NormalisedImage:
    """One upright picture as it is stored: a JPEG, or a PNG of 8 bits without alpha."""

    data: bytes
    format: str
    height: int
    width: int
    channels: int


@dataclasses.dataclass(frozen=True)
class Examined:
    """What is known about a picture before it is decoded; its size is acceptable."""

    kind: str
    header: Header

    @property
    def memory_bytes(self):
        """Return how many bytes of memory it takes to decode and classify the picture."""
        return decode_cost.in_bytes(self.kind, self.header)


def examine(data, max_pixels=MAX_PIXELS):
    """Read the header of the picture in `data`; raise BadImage if it is refused."""
    kind = kinds.kind_of(data)
    if kind is None:
        raise BadImage(kinds.why_not_a_picture(data))
    header = read_header(kind, data)
    _check_size(kind, header, max_pixels)
    return Examined(kind, header)


def normalise(
    data,
    decoder,
    *,
    examined=None,
    reencode=kinds.REENCODINGS[0],
    max_side=None,
    max_pixels=MAX_PIXELS,
    verify=True,
):
    """Return the picture in `data` as it is to be stored, or raise BadImage with the reason.

    `decoder` is a `pictures.decoder.Decoder`. `examined` is the result of `examine(data)`, if the
    caller has it. `reencode` ('png' or 'jpeg') is the format of pictures that cannot pass byte for
    byte. `max_side` shrinks pictures whose longer side exceeds it. With `verify=False`, a picture
    that can pass and whose size is certain is not read to its end: use it if the graph reads the
    picture next anyway.
    """
    if reencode not in kinds.REENCODINGS:
        raise ValueError(f'reencode={reencode!r}: must be one of {kinds.REENCODINGS}')
    examined = examined or examine(data, max_pixels)
    kind, header = examined.kind, examined.header
    fits = max_side is None or max(header.width, header.height) <= max_side
    if header.plain and fits:
        if verify or not header.certain:
            _verify(kind, header, decoder)
        return NormalisedImage(
            header.data, kind.lower(), header.height, header.width, header.channels
        )
    pixels = _over_white(_decode(kind, header, decoder, None if fits else max_side))
    if not fits:
        pixels = _shrink(pixels, max_side)
    return _encode(_upright(pixels, header.orientation), reencode)


def _check_size(kind, header, max_pixels):
    limit = min(max_pixels, MAX_PIXELS)
    if kind == kinds.TIFF:
        limit = min(limit, _pillow_limit())
    if header.width * header.height > limit:
        raise ImageTooLarge(
            f'too large ({header.width}x{header.height}; at most {limit:,} pixels are decoded)'
        )


def _pillow_limit():
    """Return the number of pixels above which Pillow warns of a bomb while it decodes TIFF."""
    from PIL import Image

    return Image.MAX_IMAGE_PIXELS or MAX_PIXELS


def _verify(kind, header, decoder):
    """Let the decoder read a picture that can pass to its end."""
    if kind == kinds.JPEG:
        # At an eighth of the size every byte is still read, and most of the arithmetic is saved.
        found = _decode_jpeg(header, decoder, ratio=8).shape
        expected = -(-header.height // 8), -(-header.width // 8), header.channels
    else:
        found = _decode_png(header, decoder).shape
        expected = header.height, header.width, header.channels
    if found != expected:
        raise BadImage(f'damaged {kind} (its header says another size)')


def _decode(kind, header, decoder, max_side):
    """Return the stored pixels, not yet upright, as an array [height, width, 1 to 4]."""
    if kind == kinds.PNG:
        return _decode_png(header, decoder)
    if kind == kinds.WEBP:
        return _on_canvas(_over_white(decoder.decode_webp(header.data)), header)
    if kind != kinds.JPEG:
        return _on_canvas(_decode_with_pillow(kind, header), header)
    if header.channels == 4:
        # The decoder checks that the bytes are whole; its CMYK colours are coarse, Pillow's exact.
        _decode_jpeg(header, decoder, ratio=8)
        return _decode_with_pillow(kind, header)
    return _decode_jpeg(header, decoder, _reduction(header, max_side))


def _reduction(header, max_side):
    """Return how far a JPEG may shrink while it is decoded and still be resized well."""
    if max_side is None:
        return 1
    longest = max(header.width, header.height)
    return max(ratio for ratio in (1, 2, 4, 8) if ratio == 1 or longest >= 2 * ratio * max_side)


def _decode_jpeg(header, decoder, ratio):
    size = header.height, header.width
    # A decoder may find a far larger picture than our reading of the header.
    if not header.certain and decoder.jpeg_size(header.data) != size:
        raise BadImage('damaged JPEG (its header says another size)')
    return decoder.decode_jpeg(header.data, ratio)


def _decode_png(header, decoder):
    # Grey with alpha and its transparent colour come out right only as one of four channels.
    wanted = 4 if header.channels in (2, 4) else header.channels
    pixels = decoder.decode_png(header.data, wanted)
    return pixels[..., 2:] if header.channels == 2 else pixels


def _decode_with_pillow(kind, header):
    """Decode with the plugin for this kind: `Image.open` would warn, and try every plugin."""
    from PIL import (
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        TiffImagePlugin,
    )

    plugin = {
        kinds.JPEG: JpegImagePlugin.JpegImageFile,
        kinds.GIF: GifImagePlugin.GifImageFile,
        kinds.BMP: BmpImagePlugin.BmpImageFile,
        kinds.TIFF: TiffImagePlugin.TiffImageFile,
    }[kind]
    try:
        with plugin(io.BytesIO(header.data)) as image:
            image.load()
            return _pixels(image, header.negative)
    except BadImage:
        raise
    except Exception as error:  # Pillow raises errors of many types for damaged files.
        raise BadImage(f'damaged {kind} ({errors.one_line(error, 100)})') from None


def _pixels(image, negative):
    """Return a Pillow image as an array of 8-bit grey or colour, blended over white.

    It is converted in strips: converting the whole picture at once takes four copies of it.
    """
    from PIL import ImageChops

    convert = _converter(image)
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    whole = None
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        # Pillow treats every CMYK JPEG as Adobe's, which is stored inverted.
        pixels = convert(ImageChops.invert(strip) if negative else strip)
        pixels = _over_white(pixels[..., np.newaxis] if pixels.ndim == 2 else pixels)
        if whole is None:
            whole = np.empty((height, width, pixels.shape[2]), np.uint8)
        whole[top : top + rows] = pixels
    return whole


def _converter(image):
    """Return a function that turns a part of a Pillow image into an array of 8-bit pixels."""
    if 'transparency' in image.info:
        mode = 'LA' if image.mode == 'L' else 'RGBA'
    elif image.mode.startswith('I;16'):
        return lambda part: (np.asarray(part) >> 8).astype(np.uint8)
    elif image.mode in ('1', 'L'):
        mode = 'L'
    elif image.mode in ('LA', 'RGB', 'RGBA'):
        mode = image.mode
    elif image.mode in ('PA', 'La', 'RGBa'):
        mode = 'RGBA'
    elif image.mode in ('P', 'RGBX', 'CMYK', 'YCbCr'):
        mode = 'RGB'
    else:
        raise BadImage(f'pixels of the type {image.mode} are not supported')
    return lambda part: np.asarray(part if part.mode == mode else part.convert(mode))


def _on_canvas(pixels, header):
    """Place a frame that does not cover the whole picture on white."""
    left, top = header.offset
    height, width, channels = pixels.shape
    if (header.height, header.width) == (height, width):
        return pixels
    canvas = np.full((header.height, header.width, channels), 255, np.uint8)
    canvas[top : top + height, left : left + width] = pixels
    return canvas


def _over_white(pixels):
    """Blend the last of two or four channels, alpha, over white."""
    if pixels.shape[2] in (1, 3):
        return pixels
    height, width, channels = pixels.shape
    blended = np.empty((height, width, channels - 1), np.uint8)
    rows = max(1, _STRIP_PIXELS // width)  # In strips: the products need 16 bits.
    for top in range(0, height, rows):
        strip = pixels[top : top + rows]
        if strip[..., -1].min() == 255:  # True of most pictures with an alpha channel.
            blended[top : top + rows] = strip[..., :-1]
            continue
        strip = strip.astype(np.uint16)
        colour, alpha = strip[..., :-1], strip[..., -1:]
        blended[top : top + rows] = (colour * alpha + 255 * (255 - alpha) + 127) // 255
    return blended


def _shrink(pixels, max_side):
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = max_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = _pillow_image(pixels)
    shrunk = np.asarray(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
    return shrunk.reshape(size[1], size[0], pixels.shape[2])


def _upright(pixels, orientation):
    """Turn and mirror the stored pixels as EXIF's orientation says."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _encode(pixels, reencode):
    height, width, channels = pixels.shape
    if reencode == 'jpeg' and max(height, width) > _JPEG_MAX_SIDE:
        reencode = 'png'
    stream = io.BytesIO()
    if reencode == 'jpeg':
        _pillow_image(pixels).save(stream, 'JPEG', quality=_JPEG_QUALITY, subsampling=0)
    else:
        # As small as the default for photographs, and six times as fast.
        _pillow_image(pixels).save(stream, 'PNG', compress_type=zlib.Z_RLE)
    return NormalisedImage(stream.getvalue(), reencode, height, width, channels)


def _pillow_image(pixels):
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
