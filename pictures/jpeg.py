"""Decode JPEG files with simplejpeg, to TensorFlow's pixels and as strictly."""

import struct

import numpy as np

from pictures import headers, kinds
from pictures.kinds import BadImage
from pictures.parts import bounded

_DAMAGED = 'truncated or damaged JPEG'
_CHANNELS = {'Gray': 1, 'RGB': 3, 'YCbCr': 3, 'CMYK': 4, 'YCCK': 4}
# The first words of libjpeg's warnings: it continues after such damage, and so does TensorFlow. If
# an error stops the decoding later, its message replaces the warning. simplejpeg reports nothing
# else that distinguishes the two.
_HARMLESS = ('Corrupt JPEG data', 'Inconsistent progression', 'Invalid SOS parameters')
# Start-of-frame markers to append to a file. A second frame is always an error, so decoding fails
# if it reads past the end of the file. They are longer than any segment: none can skip them.
_TRAP = b'\xff\xc0' * 2**15
# libjpeg smooths a picture if the last bits of these coefficients are missing. Versions of libjpeg
# do this differently.
_SMOOTHED = frozenset(range(1, 10))
_PROGRESSIVE = 0xC2


def header(data):
    """Return (height, width, number of channels) of a JPEG."""
    import simplejpeg

    if not data:
        raise BadImage(_DAMAGED)
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    except ValueError:
        raise BadImage(_DAMAGED) from None
    except KeyError:  # simplejpeg has no name for a rare sampling of the colours.
        found = headers.read_header(kinds.JPEG, data)
        if not found.certain:
            raise BadImage(_DAMAGED) from None
        return found.height, found.width, found.channels
    return height, width, _CHANNELS[colours]


def decode(data, channels, ratio=1):
    """Return the pixels of a JPEG in grey or colour, reduced by `ratio` (1, 2, 4 or 8)."""
    height, width, _ = header(data)
    if not _is_complete(data):
        raise BadImage('JPEG without its last scans')
    size = -(-height // ratio), -(-width // ratio)
    options = {} if ratio == 1 else {'min_height': size[0], 'min_width': size[1]}
    colours = 'GRAY' if channels == 1 else 'RGB'
    try:
        return _run(data, colours, **options)
    except ValueError as error:
        _require_harmless(error)
    pixels = np.empty((*size, channels), np.uint8)
    try:
        _run(_without_gaps(data) + _TRAP, colours, buffer=pixels, **options)
    except ValueError as error:
        _require_harmless(error)
    return pixels


def _run(data, colours, **options):
    import simplejpeg

    # TensorFlow's methods for the cosine transform and for the interpolation of colours.
    return simplejpeg.decode_jpeg(data, colours, fastdct=True, fastupsample=False, **options)


def _require_harmless(error):
    if not str(error).startswith(_HARMLESS):
        raise BadImage(_DAMAGED) from None


def _segments(data):
    try:
        for marker, start, end in bounded(headers.jpeg_segments(data), kinds.JPEG):
            if end > len(data):
                raise BadImage(_DAMAGED)
            yield marker, start, end
    except struct.error:
        raise BadImage(_DAMAGED) from None


def _without_gaps(data):
    """Return the JPEG without stray bytes between its header segments; they would stop `_run`."""
    parts = [data[:2]]
    for marker, start, end in _segments(data):
        parts.append(data[start - 4 : end])
        if marker == headers.JPEG_SCAN:
            break
    return b''.join((*parts, data[end:]))


def _is_complete(data):
    """Return whether a progressive JPEG has all scans that matter; other JPEGs need none."""
    missing = {}
    for marker, start, end in _segments(data):
        if marker in headers.JPEG_FRAMES:
            if marker != _PROGRESSIVE:
                return True
            missing = {name: set(_SMOOTHED) for name in data[start + 6 : end : 3]}
        elif marker == headers.JPEG_SCAN and end - start >= 4:
            first, last, bits = data[end - 3 : end]
            for name in data[start + 1 : end - 3 : 2] if bits & 15 == 0 else b'':
                missing.get(name, set()).difference_update(range(first, last + 1))
    return not any(missing.values())
