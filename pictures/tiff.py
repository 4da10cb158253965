"""Read the directory of a TIFF file, which is also the format of EXIF: size and orientation.

Pillow reads the values of all tags, each of which can refer to the whole file again, and prints
Python warnings about damaged ones. So the directory is read here, and Pillow gets a file whose
directory has only what decoding needs. Adobe TIFF 6.0, section 2; BigTIFF differs only in the width
of its counts and offsets.
"""

import dataclasses
import struct

from pictures.kinds import BadImage

_WIDTH, _HEIGHT, _ORIENTATION = 256, 257, 274
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_SINGLE = frozenset((254, 256, 257, 259, 262, 266, 274, 277, 278, 284, 317, 322, 323))
# What a decoder needs. The rest (dates, maps, previews, further directories) is removed.
_FOR_DECODING = (_SINGLE - {_ORIENTATION}) | frozenset(
    (258, 273, 279, 292, 293, 320, 324, 325, 332, 338, 339, 347, 512, 513, 514, 515)
    + (519, 520, 521, 529, 530, 531, 532)
)
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TYPE_SIZES |= {16: 8, 17: 8, 18: 8}
_INTEGERS = {1: 'B', 3: 'H', 4: 'I', 13: 'I', 16: 'Q', 18: 'Q'}


@dataclasses.dataclass(frozen=True)
class _Layout:
    """The format of numbers in one of the two variants."""

    pointer_at: int
    pointer: str
    count: str
    entry: str
    inline: int


_CLASSIC = _Layout(pointer_at=4, pointer='I', count='H', entry='HHI', inline=4)
_BIG = _Layout(pointer_at=8, pointer='Q', count='Q', entry='HHQ', inline=8)


class Directory:
    """The first directory of `data`; struct.error and IndexError mean that it is cut."""

    def __init__(self, data):
        self._data = data
        self._order = '>' if data[:2] == b'MM' else '<'
        self._layout = _BIG if self._read('H', 2) == 43 else _CLASSIC
        layout = self._layout
        start = self._read(layout.pointer, layout.pointer_at)
        count = self._read(layout.count, start)
        start += struct.calcsize(layout.count)
        size = struct.calcsize('<' + layout.entry) + layout.inline
        if start + count * size > len(data):
            raise IndexError(start)
        self.end = start + count * size + layout.inline
        self._entries = {}
        for position in range(start, start + count * size, size):
            self._entries.setdefault(self._read('H', position), position)

    def _read(self, code, position):
        return struct.unpack_from(self._order + code, self._data, position)[0]

    def _value(self, tag):
        """Return (type, count, position, bytes) of a tag's value; raise an error if it is cut."""
        position = self._entries[tag]
        layout = self._layout
        _, kind, count = struct.unpack_from(self._order + layout.entry, self._data, position)
        if kind not in _TYPE_SIZES:
            raise BadImage(f'damaged TIFF (tag {tag})')
        size = count * _TYPE_SIZES[kind]
        position += struct.calcsize('<' + layout.entry)
        if size > layout.inline:
            position = self._read(layout.pointer, position)
        if position + size > len(self._data):
            raise IndexError(position)
        return kind, count, position, size

    def integers(self, tag):
        """Return the integers of a tag; an empty tuple if it is absent."""
        if tag not in self._entries:
            return ()
        kind, count, position, _ = self._value(tag)
        if kind not in _INTEGERS:
            raise BadImage(f'damaged TIFF (tag {tag})')
        return struct.unpack_from(f'{self._order}{count}{_INTEGERS[kind]}', self._data, position)

    def without_extras(self):
        """Return the file with a directory of only what decoding needs, and no second one."""
        layout, entries, total = self._layout, [], 0
        for tag in sorted(_FOR_DECODING & self._entries.keys()):
            _, count, _, size = self._value(tag)
            total += size
            if tag in _SINGLE and count != 1:
                raise BadImage(f'damaged TIFF (tag {tag})')
            position = self._entries[tag]
            entry_size = struct.calcsize('<' + layout.entry) + layout.inline
            entries.append(self._data[position : position + entry_size])
        if total > len(self._data):
            raise BadImage('damaged TIFF (its tags overlap)')
        pointer = struct.pack(self._order + layout.pointer, len(self._data))
        head = self._data[: layout.pointer_at] + pointer
        count = struct.pack(self._order + layout.count, len(entries))
        return b''.join((head, self._data[len(head) :], count, *entries, bytes(layout.inline)))


def first_picture(data):
    """Return (width, height, orientation, file with only the first picture)."""
    directory = Directory(data)
    if directory.end > len(data):
        raise BadImage('truncated TIFF')
    sizes = directory.integers(_WIDTH)[:1] + directory.integers(_HEIGHT)[:1]
    if len(sizes) != 2:
        raise BadImage('damaged TIFF (no size)')
    for offsets, counts in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
        pairs = zip(directory.integers(offsets), directory.integers(counts), strict=False)
        if any(start + length > len(data) for start, length in pairs):
            raise BadImage('truncated TIFF')
    return *sizes, _orientation(directory), directory.without_extras()


def exif_orientation(data):
    """Return EXIF's orientation, 1 to 8; 1 if it is missing or damaged."""
    try:
        return _orientation(Directory(data.removeprefix(b'Exif\0\0')))
    except (struct.error, IndexError, BadImage):
        return 1


def _orientation(directory):
    value = directory.integers(_ORIENTATION)[:1]
    return value[0] if value and value[0] in range(1, 9) else 1
