"""How much memory a picture takes while it is decoded, computed from its header beforehand.

The figures are bytes per pixel: the growth of the process on pictures of 25 megapixels, rounded up.
"""

from pictures import kinds

# In the gate: the decoder's buffers, Pillow's pixels, the array, the blended array, the PNG.
_CONVERSION = {
    kinds.JPEG: 15,
    kinds.PNG: 15,
    kinds.GIF: 15,
    kinds.BMP: 15,
    kinds.WEBP: 15,
    kinds.TIFF: 20,
}
_VERIFICATION = {kinds.JPEG: 4, kinds.PNG: 7}
_GRAPH = 18  # The decoded picture and its copy in 32-bit floats; resizing takes less.
_STORED = 3  # The gate's result, if it cannot be compressed.


def most(pixels):
    """Return the bytes that the most expensive picture of `pixels` pixels takes."""
    return pixels * max(*_CONVERSION.values(), _STORED + _GRAPH)


def in_bytes(kind, header):
    """Return the bytes that one picture takes from the gate to the end of its classification."""
    pixels = header.width * header.height
    if header.plain:
        return pixels * max(_VERIFICATION[kind], _GRAPH)
    return pixels * max(_CONVERSION[kind], _STORED + _GRAPH)
