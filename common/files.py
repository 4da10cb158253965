"""Files that are whole or absent, and locks that end with their process."""

import contextlib
import errno
import fcntl
import glob
import json
import os
import shutil
import stat
import tempfile

from common.errors import UserError

_PART = '.part'


class NotTextError(UserError):
    """Name a file that is not UTF-8 text."""


@contextlib.contextmanager
def atomic_write(path, mode='wb', **options):
    """Open a hidden file that takes `path`'s place when the block ends without an error.

    A reader sees the old content or the new one, never a part, even after a kill or a power cut.
    """
    path = os.fspath(path)
    require_file(path)
    directory, name = os.path.split(os.path.abspath(path))
    handle, temporary = _create_part(directory, name)
    try:
        with os.fdopen(handle, mode, **options) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            os.chmod(temporary, _permissions(path))
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    remove_parts(directory, name)
    sync_directory(directory)


def _create_part(directory, name):
    """Return (handle, path) of a new hidden file; it is locked for as long as it is open."""
    while True:
        handle, path = tempfile.mkstemp(prefix=f'.{name}.', suffix=_PART, dir=directory)
        if _lock_part(handle, path):
            return handle, path


@contextlib.contextmanager
def part_directory(path):
    """Make a hidden directory beside `path`, and remove what is left in it at the end.

    What a killed process has left of the same is removed after a block without an error.
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
    """Lock a new part; return False if another process took it for an orphan before that."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return True  # A file system without locks: nobody there removes parts either.
    try:
        is_ours = os.path.samestat(os.fstat(handle), os.lstat(path))
    except FileNotFoundError:
        is_ours = False
    if not is_ours:
        os.close(handle)
    return is_ours


def require_file(path):
    """Check that `path` is a file or can become one; an OSError says what it is in its place.

    A rename would put a file where a device or a pipe was: /dev/null, when root asks for it.
    """
    path = os.fspath(path)
    if os.path.isdir(path) or path.endswith(os.sep):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, 'not a regular file', path)


def remove_parts(directory, name=None):
    """Remove what killed processes have left of writing files, all or those of one `name`.

    A part that a live process is writing is locked, and stays.
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
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
    except OSError:
        pass  # A live process writes it, or the file system has no locks.
    finally:
        os.close(handle)


def _permissions(path):
    """Return what an ordinary `open` would give: the replaced file's mode, else the umask's."""
    try:
        return os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def sync_directory(directory):
    """Make renames and removals in `directory` outlive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_text(path):
    """Read a UTF-8 file; one that is missing, unreadable or no text is a UserError."""
    try:
        with open(path, encoding='utf-8') as stream:
            return stream.read()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    except UnicodeDecodeError as error:
        raise NotTextError(
            f'{path}: has to be UTF-8 text ({error.reason} at byte {error.start:,})'
        ) from None


def write_bytes(path, data):
    """Write `data` to `path` atomically."""
    with atomic_write(path) as stream:
        stream.write(data)


def write_together(contents):
    """Write {path: bytes}, each atomically; they appear in this order, when all are on the disk.

    A disk that is full therefore leaves all of the old ones in place.
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
    """Return `value` as JSON for people to read."""
    return json.dumps(value, ensure_ascii=False, indent=1) + '\n'


def read_json(path):
    """Read a JSON file; one that is missing or is no JSON is a UserError that names it."""
    text = read_text(path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f'{path}: not valid JSON ({error})') from None
    except RecursionError:
        raise UserError(f'{path}: not valid JSON for this program (nested too deeply)') from None


def is_locked(path):
    """Tell whether a process holds the Lock on `path`; what cannot be looked at may be held."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # A file system without locks, on which no conversion runs either.
    finally:
        os.close(handle)
    return False


class Lock:
    """Hold `path` exclusively for the length of a `with` block; the system frees it if we die."""

    def __init__(self, path, busy_message):
        self._path = os.fspath(path)
        self._busy_message = busy_message
        self._handle = None

    def __enter__(self):
        try:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f'{self._busy_message}{self._holder()}') from None
        except OSError as error:
            self._close()
            raise UserError(f'{self._path}: cannot be locked ({error.strerror})') from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f'{os.getpid()}\n'.encode(), 0)
        return self

    def __exit__(self, *_):
        # The file stays: removing it would let two later processes lock two different files.
        os.ftruncate(self._handle, 0)
        self._close()

    def _holder(self):
        process = os.read(self._handle, 32).decode(errors='replace').strip()
        self._close()
        return f' (process {process})' if process else ''

    def _close(self):
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
