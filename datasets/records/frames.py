"""The frame around a record in a TFRecord file: the length, and checksums of length and data.

Checksums are CRC-32C, masked as in TensorFlow's writer.
https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
"""

import struct

_LENGTH_BYTES = 8
HEADER_BYTES = _LENGTH_BYTES + 4  # The data's length, and that length's checksum.
FOOTER_BYTES = 4  # The data's checksum.
FRAME_BYTES = HEADER_BYTES + FOOTER_BYTES
_LENGTH = struct.Struct('<Q')
_MASK_DELTA = 0xA282EAD8


def masked_checksum(data):
    """Return the masked CRC-32C of `data` as a number."""
    # Late: the flags of programs are read in environments for serving too, which do not have it.
    import google_crc32c

    checksum = google_crc32c.value(data)
    return ((checksum >> 15 | checksum << 17) + _MASK_DELTA) & 0xFFFFFFFF


def length_agrees(header):
    """Tell whether the length in a header passes its checksum."""
    return _agrees(header[:_LENGTH_BYTES], header[_LENGTH_BYTES:])


def _agrees(data, stored):
    return masked_checksum(data) == int.from_bytes(stored, 'little')


def fault(header, data, footer, size):
    """Say what is wrong with the three parts of a frame of `size` bytes, or return None."""
    if len(header) + len(data) + len(footer) < size:
        return 'is cut off'
    if data_length(header) + FRAME_BYTES != size:
        return 'is damaged: its length is wrong'
    if not length_agrees(header):
        return 'is damaged: its length fails its checksum'
    if not _agrees(data, footer):
        return 'is damaged: it fails its checksum'
    return None


def data_length(content, offset=0):
    """Return the length of the data according to the frame at `offset` of a file's content."""
    return _LENGTH.unpack_from(content, offset)[0]
