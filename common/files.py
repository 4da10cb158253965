"""Read and write small files; what is written is whole or absent."""

import contextlib
import errno
import glob
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile

from common import locks
from common.errors import UserError

_PART = '.part'
_BLOCK = 1 << 20


class NotTextError(UserError):
    """A file that is not UTF-8 text."""


@contextlib.contextmanager
def atomic_write(path, mode='wb', **options):
    """Open a hidden file that replaces `path` when the block ends without an error.

    Readers see the old content or the new content, never a part, even after a kill or a power cut.
    The file keeps the mode of the one that it replaces.
    """
    path = os.fspath(path)
    require_file(path)
    directory, name = os.path.split(os.path.abspath(path))
    handle, temporary = _create_part(directory, name, _mode(path))
    try:
        with os.fdopen(handle, mode, **options) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    remove_parts(directory, name)
    sync_directory(directory)


def _create_part(directory, name, mode):
    """Return (descriptor, path) of a new hidden file, locked for as long as it is open.

    Without a mode, the system applies the umask, as it does for an ordinary `open`.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        path = os.path.join(directory, f'.{name}.{secrets.token_hex(4)}{_PART}')
        try:
            handle = os.open(path, flags, 0o666 if mode is None else mode)
        except FileExistsError:
            continue
        if mode is not None:
            os.fchmod(handle, mode)
        if _lock_part(handle, path):
            return handle, path


def _mode(path):
    """Return the mode of the file at `path`, or None if there is none."""
    try:
        return os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def part_directory(path):
    """Make a hidden directory beside `path`, and remove it and its content at the end.

    After a block without an error, directories that killed processes left are removed too.
    """
    directory, name = os.path.split(os.path.abspath(path))
    handle = None
    while handle is None:
        temporary = tempfile.mkdtemp(prefix=f'.{name}.', suffix=_PART, dir=directory)
        handle = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
        if not _lock_part(handle, temporary):
            handle = None
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(handle)
    remove_parts(directory, name)


def _lock_part(handle, path):
    """Lock a new part; return False if another process has removed it as an orphan meanwhile."""
    try:
        locks.wait_for_lock(handle)
    except OSError:
        return True  # A file system without locks, where nobody removes parts either.
    try:
        is_ours = os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        is_ours = False
    if not is_ours:
        os.close(handle)
    return is_ours


def require_file(path):
    """Raise an OSError unless `path` is a regular file or does not exist.

    Renaming a file to `path` would replace a device or a pipe, such as /dev/null, if root does it.
    """
    path = os.fspath(path)
    if os.path.isdir(path) or path.endswith(os.sep):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, 'not a regular file', path)


def remove_parts(directory, name=None):
    """Remove the hidden files that killed processes left, all of them or those for one `name`.

    A part that a running process writes is locked, and stays.
    """
    pattern = f'.{"*" if name is None else glob.escape(name)}.????????{_PART}'
    for part in glob.glob(pattern, root_dir=directory):
        _remove_orphan(os.path.join(directory, part))


def _remove_orphan(path):
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return  # It is gone, or is not ours.
    try:
        if not locks.try_lock(handle):
            return  # A running process writes it.
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
    except OSError:
        pass  # The file system has no locks, or the part is not ours to remove.
    finally:
        os.close(handle)


def sync_directory(directory):
    """Make renames and removals in `directory` survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_text(path):
    """Read a UTF-8 file; raise a UserError if it is missing, unreadable or not text."""
    try:
        with open(path, encoding='utf-8') as stream:
            return stream.read()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    except UnicodeDecodeError as error:
        raise NotTextError(
            f'{path}: must be UTF-8 text ({error.reason} at byte {error.start:,})'
        ) from None


def digest(path, algorithm='sha256'):
    """Return the hexadecimal hash of a file of any size."""
    state = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, 'rb') as stream:
        while block := stream.read(_BLOCK):
            state.update(block)
    return state.hexdigest()


def write_bytes(path, data):
    """Write `data` to `path` atomically."""
    with atomic_write(path) as stream:
        stream.write(data)


def write_together(contents):
    """Write {path: bytes} atomically; the files appear in this order, once all are on the disk.

    If the disk is full, all old files therefore stay in place.
    """
    with contextlib.ExitStack() as stack:
        for path, data in reversed(contents.items()):  # What is opened last is closed first.
            stream = stack.enter_context(atomic_write(path))
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())


def write_text(path, text):
    """Write `text` as UTF-8 to `path` atomically."""
    write_bytes(path, text.encode('utf-8'))


def write_json(path, value):
    """Write `value` to `path` as readable JSON, atomically."""
    write_text(path, json_text(value))


def json_text(value):
    """Return `value` as readable JSON."""
    return json.dumps(value, ensure_ascii=False, indent=1) + '\n'


def read_json(path):
    """Read a JSON file; raise a UserError if it is missing or not valid JSON."""
    text = read_text(path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f'{path}: not valid JSON ({error})') from None
    except RecursionError:
        raise UserError(f'{path}: not valid JSON (nested too deeply)') from None
