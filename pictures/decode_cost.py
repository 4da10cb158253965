"""How much memory a picture takes while it is decoded, computed from its header beforehand.

The figures are bytes per pixel: the growth of the process on pictures of 25 megapixels, rounded up.
"""

from pictures import kinds

# In the gate: the decoder's buffers, Pillow's pixels, the array, the blended array, the PNG.
_CONVERSION = {
    kinds.JPEG: 14,  # Progressive, turned.
    kinds.PNG: 20,  # RGB with a transparent colour.
    kinds.GIF: 8,
    kinds.BMP: 12,
    kinds.WEBP: 20,  # Lossless and noisy.
    kinds.TIFF: 17,  # RGB, turned.
}
_VERIFICATION = {kinds.JPEG: 7, kinds.PNG: 13}  # JPEG: the coefficients of a progressive file.
# To decode the picture and prepare it for the network, for the more expensive of the two engines:
# 18 in TensorFlow's graph (with a copy in 32-bit floats), 13 with ONNX Runtime.
_PREPARATION = 18
_STORED = 3  # The gate's result, if it cannot be compressed.


def most(pixels):
    """Return the bytes that the most expensive picture of `pixels` pixels takes."""
    return pixels * max(*_CONVERSION.values(), _STORED + _PREPARATION)


def in_bytes(kind, header):
    """Return the bytes that one picture takes from the gate to the end of its classification."""
    pixels = header.width * header.height
    if header.plain:
        return pixels * max(_VERIFICATION[kind], _PREPARATION)
    return pixels * max(_CONVERSION[kind], _STORED + _PREPARATION)
