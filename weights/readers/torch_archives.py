"""The two file formats of torch.save: where the pickle is, and where the numbers are."""

import functools
import io
import mmap
import os
import struct
import zipfile
import zlib

import numpy as np

from weights.readers.pickles import PickleError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_LONGEST_PICKLE = 500_000_000
_ZIP = b'PK\x03\x04'
# The header before a member: what the list of members has too, the lengths of name and extras.
_HEADER = struct.Struct('<26sHH')
_PICKLE = b'\x80'
_OTHER_ORDER = 'written on a machine with another byte order, which is not read'


def opened(path, load):
    """Return (archive, the object in its pickle); `load` reads a pickle from a stream, and
    returns its object and the types of the storages in it by their keys.

    An archive has `require(storage)`, which raises a PickleError unless the numbers of a storage
    are there, and `read(storage)`, which returns them as an array of one dimension.
    """
    with open(path, 'rb') as stream:
        start = stream.read(4)
        if start == _ZIP:
            return _zipped(path, load)
        stream.seek(0)
        if not start.startswith(_PICKLE):
            raise PickleError(
                'a file of PyTorch 0.1 or older (a tar archive), which is not read; load it in '
                'PyTorch, and save model.state_dict() with torch.save'
            )
        return _sequential(path, stream, load)


def _zipped(path, load):
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise PickleError(f'an incomplete or damaged file ({error})') from None
    by_name = {member.filename: member for member in members}
    prefix = _prefix([member.filename for member in members])
    order = by_name.get(f'{prefix}byteorder')
    if order and _content(path, order) != b'little':
        raise PickleError(_OTHER_ORDER)
    pickle = by_name[f'{prefix}data.pkl']
    if pickle.file_size > _LONGEST_PICKLE:
        raise PickleError('its pickle is too long')
    content, _ = load(io.BytesIO(_content(path, pickle)))
    return _Zipped(path, f'{prefix}data/', by_name), content


def _content(path, member):
    """Return the bytes of a member; torch.save compresses none.

    PyTorch may be set to write no checksums, which the zipfile module would call damage.
    """
    if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
        raise PickleError(f'{member.filename} in it is compressed, which torch.save never does')
    with open(path, 'rb') as stream:
        most = os.fstat(stream.fileno()).st_size - member.file_size
        if not 0 <= member.header_offset < most:
            raise PickleError(f'damaged at {member.filename}')
        stream.seek(member.header_offset)
        header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(_ZIP):
            raise PickleError(f'damaged at {member.filename}')
        stream.seek(sum(_HEADER.unpack(header)[1:]), os.SEEK_CUR)
        content = stream.read(member.file_size)
    is_same = not member.CRC or zlib.crc32(content) == member.CRC
    if len(content) < member.file_size or not is_same:
        raise PickleError(f'damaged at {member.filename}')
    return content


def _prefix(names):
    """Return the directory of all members, with a slash."""
    found = [name for name in names if name == 'data.pkl' or name.endswith('/data.pkl')]
    if len(found) != 1 or len(set(names)) != len(names):
        raise PickleError('a damaged file (not exactly one data.pkl in it)')
    prefix = found[0].removesuffix('data.pkl')
    if f'{prefix}constants.pkl' in names:
        raise PickleError(
            'a TorchScript program; load it in PyTorch, and save model.state_dict() with torch.save'
        )
    return prefix


class _Zipped:
    """The numbers of storages are members of a ZIP archive, without compression."""

    def __init__(self, path, prefix, members):
        self._path = path
        self._prefix = prefix
        self._members = members
        # Tensors that share a storage mostly follow each other.
        self._bytes = functools.lru_cache(maxsize=1)(self._read)

    def require(self, storage):
        """Raise a PickleError unless the member of a storage has its length."""
        member = self._members.get(self._prefix + storage.key)
        size = member.file_size if member else 0
        needed = (storage.start + storage.count) * storage.kind.itemsize
        if member is None or size < needed:
            raise PickleError(
                f'an incomplete file ({self._prefix}{storage.key} has {size:,} bytes, '
                f'and {needed:,} are needed)'
            )

    def read(self, storage):
        """Return the numbers of a storage."""
        start = storage.start * storage.kind.itemsize
        return np.frombuffer(self._bytes(storage.key), storage.kind, storage.count, start)

    def _read(self, key):
        return _content(self._path, self._members[self._prefix + key])


def _sequential(path, stream, load):
    """Read the format before PyTorch 1.6: pickles one after the other, then the numbers."""
    # Reading from a map never takes more memory than the file has bytes.
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if load(content)[0] != _MAGIC or load(content)[0] != _PROTOCOL:
            raise PickleError('not a file of torch.save, or of an unknown version of it')
        system, _ = load(content)
        if not isinstance(system, dict) or system.get('little_endian') is not True:
            raise PickleError(_OTHER_ORDER)
        found, kinds = load(content)
        keys, _ = load(content)
        if not isinstance(keys, list) or set(keys) != kinds.keys() or len(set(keys)) != len(keys):
            raise PickleError('a damaged file (its list of tensors differs from the tensors)')
        places = dict(_places(content, keys, kinds))
    return _Sequential(path, places), found


def _places(content, keys, kinds):
    """Yield (key, (start of the numbers, how many)): each storage begins with their number."""
    for key in keys:
        count = int.from_bytes(content.read(8), 'little')
        start, length = content.tell(), count * kinds[key].itemsize
        if start + length > content.size():
            raise PickleError(f'an incomplete file (it ends in the numbers of storage {key})')
        yield key, (start, count)
        content.seek(start + length)


class _Sequential:
    """The numbers of storages follow each other, each after a count of 8 bytes."""

    def __init__(self, path, places):
        self._path = path
        self._places = places

    def require(self, storage):
        """Raise a PickleError unless a storage has its length."""
        _, count = self._places[storage.key]
        if count < storage.start + storage.count:
            raise PickleError(f'a damaged file (storage {storage.key} is too short)')

    def read(self, storage):
        """Return the numbers of a storage."""
        start, _ = self._places[storage.key]
        offset = start + storage.start * storage.kind.itemsize
        numbers = np.fromfile(self._path, storage.kind, storage.count, offset=offset)
        if len(numbers) != storage.count:
            raise PickleError('changed while in use')
        return numbers
