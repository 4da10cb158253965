"""Unpack archives that may be damaged or malicious."""

import bz2
import contextlib
import dataclasses
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib

from common import locks
from common.errors import UserError
from common.progress import Progress

_CHUNK = 1 << 20
_DEEPEST = 100
_MOST_SHOWN = 200
_COMPRESSIONS = ((b'\x1f\x8b', gzip.open), (b'BZh', bz2.open), (b'\xfd7zXZ', lzma.open))
_DAMAGE = (
    EOFError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    gzip.BadGzipFile,
    NotImplementedError,
)


class _RefusedError(Exception):
    """The reason why an archive is not unpacked; `_explaining` adds the archive's name."""


@dataclasses.dataclass(frozen=True)
class _Member:
    """One entry of an archive: a file, a directory, or a link to another entry."""

    name: str
    kind: str
    open: object = None
    target: str = ''
    target_base: str = ''


def unpack(archive, directory, max_bytes=None):
    """Unpack a tar, zip or single compressed file into `directory`, either all of it or nothing.

    Everything is written to a new hidden folder and moved once it is complete. Paths and links that
    leave the directory, devices, and more than `max_bytes` of content are refused.
    """
    archive = os.fspath(archive)
    with _explaining(archive), staging(archive, directory) as folder:
        limit = (1 << 30) + 20 * os.path.getsize(archive) if max_bytes is None else max_bytes
        budget = _Budget(limit)
        with Progress(None, f'Unpacking {os.path.basename(archive)}', 'files') as progress:
            with _members(archive, folder, budget) as members:
                _write_all(members, folder, budget, progress)
        _move_into(folder, directory)


@contextlib.contextmanager
def _explaining(archive):
    """Turn the errors of a damaged archive, a full disk and the like into one clear line."""
    try:
        yield
    except _RefusedError as error:
        raise UserError(f'{archive}: {error}') from None
    except _DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f'{archive}: damaged or incomplete ({reason}); delete it and download it again'
        ) from None
    except OSError as error:
        raise UserError(f'{archive}: cannot be unpacked ({error.strerror or error})') from None


@contextlib.contextmanager
def staging(source, directory):
    """Yield a new hidden folder in `directory` for the content of `source`, to one process only.

    It is removed afterwards; if the process is killed, the next one removes it.
    """
    os.makedirs(directory, exist_ok=True)
    path = os.path.join(directory, f'.{os.path.basename(source)}.unpacking')
    handle = os.open(source, os.O_RDONLY)
    try:
        _lock(handle, source)
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(handle)


def _lock(handle, source):
    # Some network file systems lock only files that are open for writing.
    with contextlib.suppress(OSError):
        if not locks.try_lock(handle):
            raise UserError(f'{source}: another process is unpacking it')


class _Budget:
    """The number of bytes that an archive may still unfold to."""

    def __init__(self, limit):
        self._limit = self._left = limit

    def spend(self, count):
        self._left -= count
        if self._left < 0:
            raise _RefusedError(f'unpacks to more than {self._limit:,} bytes; refused as a bomb')


class _Metered:
    """A readable stream whose bytes are charged to a budget."""

    def __init__(self, stream, budget):
        self._stream = stream
        self._budget = budget

    def read(self, count):
        data = self._stream.read(count)
        self._budget.spend(len(data))
        return data

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()


def _write_all(members, staging, budget, progress):
    links = []
    for member in members:
        budget.spend(tarfile.BLOCKSIZE)
        path = _inside(staging, member.name, '', member.name)
        if member.kind == 'link':
            links.append((member, path))
        elif member.kind == 'directory':
            os.makedirs(path, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with member.open() as source, open(path, 'wb') as target:
                shutil.copyfileobj(source, target, _CHUNK)
            progress.advance()
    # A link becomes a copy of its target, so that nothing can be written through a link.
    for member, path in links:
        source = _inside(staging, member.target, member.target_base, member.name)
        if not os.path.isfile(source):
            raise _RefusedError(
                f'{_shown(member.name)} links to {_shown(member.target)}, no file of the archive'
            )
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with _Metered(open(source, 'rb'), budget) as stream, open(path, 'wb') as target:
            shutil.copyfileobj(stream, target, _CHUNK)


def _shown(name):
    return repr(name if len(name) <= _MOST_SHOWN else name[:_MOST_SHOWN] + '...')


def _inside(staging, name, base, member_name):
    """Return the path of `name`, relative to the folder `base`; it must lie in `staging`."""
    relative = os.path.normpath(os.path.join(base, name))
    parts = relative.split(os.sep)
    if os.path.isabs(name) or os.pardir in parts or '\0' in name:
        raise _leaving(member_name)
    if len(parts) > _DEEPEST:
        raise _RefusedError(
            f'{_shown(member_name)} is {len(parts):,} folders deep; at most {_DEEPEST} are unpacked'
        )
    return os.path.join(staging, relative)


@contextlib.contextmanager
def _members(archive, folder, budget):
    """Yield an iterator over the members of an archive; its bytes, not its name, give the kind."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as container:
            yield _zip_members(archive, container, budget)
        return
    with _Metered(_decompressed(archive), budget) as stream:
        try:
            tape = tarfile.open(fileobj=stream, mode='r|')  # noqa: SIM115
        except tarfile.ReadError:
            yield _single_member(archive, budget)
            return
        with tape:
            yield _tar_members(archive, tape, stream, folder)


def _opener(archive):
    with open(archive, 'rb') as stream:
        head = stream.read(8)
    return next((opener for magic, opener in _COMPRESSIONS if head.startswith(magic)), open)


def _decompressed(archive):
    return _opener(archive)(archive, 'rb')


def _single_member(archive, budget):
    """Yield the one file in a .gz, .bz2 or .xz that holds no tar."""
    stem, suffix = os.path.splitext(os.path.basename(archive))
    if _opener(archive) is open or stem.endswith('.tar') or suffix in ('.tgz', '.tbz2', '.txz'):
        raise tarfile.ReadError('not a tar, zip or compressed file')
    yield _Member(stem, 'file', lambda: _Metered(_decompressed(archive), budget))


def _tar_members(archive, container, stream, folder):
    for info in container:
        _check_with_tarfile(info, folder)
        if info.isfile():
            yield _Member(info.name, 'file', lambda info=info: container.extractfile(info))
        elif info.isdir():
            yield _Member(info.name, 'directory')
        elif info.issym():
            base = os.path.dirname(info.name)
            yield _Member(info.name, 'link', target=info.linkname, target_base=base)
        elif info.islnk():
            yield _Member(info.name, 'link', target=info.linkname)
        else:
            raise _device(info.name)
        # The container keeps every member; there may be a million of them.
        container.members = []
    # Only the end of a compressed stream shows whether it is whole.
    while stream.read(_CHUNK):
        pass
    _check_end(archive, container.offset)


def _check_with_tarfile(info, folder):
    """Refuse what the data filter of `tarfile` refuses, where Python has it (3.11.4 and later).

    Our own checks of each member follow: zip files need them, and the filter accepts absolute
    paths after removing their first slash.
    """
    if not hasattr(tarfile, 'data_filter'):
        return
    # The filter needs minutes for a path of a million folders; `_inside` refuses it at once.
    if max(path.count('/') for path in (info.name, info.linkname)) > _DEEPEST:
        return
    try:
        tarfile.data_filter(info, folder)
    except tarfile.SpecialFileError:
        raise _device(info.name) from None
    except tarfile.FilterError:
        raise _leaving(info.name) from None


def _device(name):
    return _RefusedError(f'{_shown(name)} is a device or pipe; refused')


def _leaving(name):
    return _RefusedError(f'{_shown(name)} would leave the directory; refused')


def _check_end(archive, offset):
    """Refuse a plain tar with a broken header in its middle, where `tarfile` stops silently."""
    if _opener(archive) is open:
        with open(archive, 'rb') as stream:
            stream.seek(offset)
            if stream.read(tarfile.BLOCKSIZE).strip(b'\0'):
                raise tarfile.ReadError(f'broken header at byte {offset:,}')


def _zip_members(archive, container, budget):
    for info in container.infolist():
        mode = info.external_attr >> 16
        if info.flag_bits & 1:
            raise _RefusedError(
                f'{_shown(info.filename)} is encrypted; unpack it with another program'
            )
        if info.is_dir():
            yield _Member(info.filename, 'directory')
        elif stat.S_ISLNK(mode):
            with container.open(info) as stream:
                target = stream.read(4096).decode(errors='replace')
            folder = os.path.dirname(info.filename)
            yield _Member(info.filename, 'link', target=target, target_base=folder)
        elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
            yield _Member(
                info.filename, 'file', lambda info=info: _Metered(container.open(info), budget)
            )
        else:
            raise _device(info.filename)


def _move_into(staging, directory):
    """Move everything in `staging` to `directory`, merging folders that exist in both."""
    for entry in list(os.scandir(staging)):
        target = os.path.join(directory, entry.name)
        if entry.is_dir() and os.path.isdir(target):
            _move_into(entry.path, target)
        else:
            os.replace(entry.path, target)
