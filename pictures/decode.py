"""Decode pictures with simplejpeg and Pillow: TensorFlow's pixels, and as strict, without it."""

import io

import numpy as np

from pictures import jpeg, kinds, png
from pictures.kinds import BadImage

# 32768 times the weights 0.299, 0.587 and 0.114, as libpng computes them.
_LUMA = (9797, 19234, 3737)


def pixels(data, channels):
    """Return the pixels of a normalised picture as a uint8 array [height, width, channels].

    `data` is a JPEG or PNG as the gate returns it. The array is equal to the one of
    `tf.io.decode_image(data, channels)`, for one channel or three. A damaged picture raises
    BadImage. Several threads may decode at a time.
    """
    kind = kinds.kind_of(data)
    if kind == kinds.JPEG:
        return jpeg.decode(data, channels)
    if kind == kinds.PNG:
        return _with_channels(png.decode(data), channels)
    raise BadImage('neither a JPEG nor a PNG')


class LibraryDecoder:
    """Implement `pictures.decoder.Decoder` with simplejpeg and Pillow."""

    def jpeg_size(self, data):
        """Return the (height, width) of a JPEG."""
        return jpeg.header(data)[:2]

    def decode_jpeg(self, data, ratio):
        """Return the pixels of a JPEG, reduced by `ratio`; those of CMYK are not exact."""
        return jpeg.decode(data, min(jpeg.header(data)[2], 3), ratio)

    def decode_png(self, data, channels):
        """Return the 8-bit pixels of a PNG with this number of channels."""
        return _with_channels(png.decode(data), channels)

    def decode_webp(self, data):
        """Return the pixels of a still WebP with four channels."""
        return np.asarray(_webp_image(data))


def _webp_image(data):
    """Return a WebP as a Pillow image with four channels; its decoder's memory is free then."""
    from PIL import WebPImagePlugin

    try:
        with WebPImagePlugin.WebPImageFile(io.BytesIO(data)) as image:
            return image.convert('RGBA')
    except (EOFError, OSError, SyntaxError, ValueError):
        raise BadImage('damaged WebP') from None


def _with_channels(found, channels):
    """Return pixels of one to four channels with another number of channels."""
    if found.shape[2] == channels:
        return found
    colour = found[..., :-1] if found.shape[2] in (2, 4) else found
    if channels == 1:
        return _grey(colour)
    colour = np.broadcast_to(colour, (*colour.shape[:2], 3))
    if channels == 3:
        return np.ascontiguousarray(colour)
    alpha = found[..., -1:] if found.shape[2] == 2 else np.full_like(found[..., :1], 255)
    return np.concatenate((colour, alpha), axis=2)


def _grey(colour):
    """Return the luma of colour pixels, truncated as libpng does it."""
    if colour.shape[2] == 1:
        return colour
    grey = np.zeros(colour.shape[:2], np.uint32)
    for channel, weight in enumerate(_LUMA):
        grey += colour[..., channel] * np.uint32(weight)
    grey >>= 15
    return grey.astype(np.uint8)[..., np.newaxis]
