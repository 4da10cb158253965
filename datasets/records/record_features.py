"""Read labels and class texts of records without reading the pictures.

A serialised `tf.train.Example` has the length of each of its parts, so the picture can be skipped.
https://protobuf.dev/programming-guides/encoding
"""

import mmap
import os

from datasets.records import record_files

_LABEL = b'image/class/label'
_TEXT = b'image/class/text'
_LENGTH_DELIMITED = 2


def labels_and_texts(path, offsets):
    """Yield (label, class text) of each record, with None for a missing one."""
    if not os.path.getsize(path):
        return
    with open(path, 'rb') as stream:
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for offset in offsets:
                start, end = record_files.data_span(content, offset)
                yield _label_and_text(content, start, end)


def _label_and_text(content, start, end):
    label = text = None
    try:
        for features in _parts(content, start, end, 1):
            for entry in _parts(content, *features, 1):
                (key,) = _parts(content, *entry, 1)
                name = content[slice(*key)] if key[1] - key[0] <= len(_LABEL) else b''
                if name == _LABEL:
                    label = _integer(content, *_value(content, entry))
                elif name == _TEXT:
                    text = _bytes(content, *_value(content, entry))
    except (IndexError, ValueError):
        # Not an Example. Callers that need the label report it.
        return None, None
    return label, text


def _value(content, entry):
    (feature,) = _parts(content, *entry, 2)
    return feature


def _integer(content, start, end):
    """Return the only value of an int64 feature, packed or not."""
    (values,) = _parts(content, start, end, 3)
    position, end = values
    if position == end:
        return None
    tag, position = _varint(content, position)
    if tag & 7 == _LENGTH_DELIMITED:
        _, position = _varint(content, position)
    value, _ = _varint(content, position)
    return value - (1 << 64) if value >> 63 else value


def _bytes(content, start, end):
    (values,) = _parts(content, start, end, 1)
    for part in _parts(content, *values, 1):
        return content[slice(*part)]
    return None


def _parts(content, start, end, wanted):
    """Yield (start, end) of each length-delimited field with the number `wanted`."""
    position = start
    while position < end:
        tag, position = _varint(content, position)
        size, position = _varint(content, position)
        if tag & 7 != _LENGTH_DELIMITED:
            continue
        if position + size > end:
            raise ValueError
        if tag >> 3 == wanted:
            yield position, position + size
        position += size


def _varint(content, position):
    value = shift = 0
    while True:
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError
