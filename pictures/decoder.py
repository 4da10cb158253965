"""What the gate needs from a decoder."""

import typing


class Decoder(typing.Protocol):
    """Decode JPEG, PNG and WebP as the network's graph does: the same pixels, equally strict.

    Arrays are uint8 [height, width, channels]. A damaged file raises BadImage. Several threads
    may call one decoder.
    """

    def jpeg_size(self, data):
        """Return the (height, width) of a JPEG."""

    def decode_jpeg(self, data, ratio):
        """Return the pixels of a grey or colour JPEG, reduced by `ratio` (1, 2, 4 or 8)."""

    def decode_png(self, data, channels):
        """Return the 8-bit pixels of a PNG as an array of so many channels."""

    def decode_webp(self, data):
        """Return the pixels of a still WebP with four channels."""
