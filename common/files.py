"""Files that are whole or absent, and locks that end with their process."""

import contextlib
import errno
import fcntl
import glob
import json
import os
import tempfile

from common.errors import UserError


@contextlib.contextmanager
def atomic_write(path, mode='wb', **options):
    """Open a hidden file that takes `path`'s place when the block ends without an error.

    A reader sees the old content or the new one, never a part, even after a kill or a power cut.
    """
    path = os.fspath(path)
    require_file(path)
    directory, name = os.path.split(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(prefix=f'.{name}.', suffix='.part', dir=directory)
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
    sync_directory(directory)


def require_file(path):
    """Check that `path` is a file or can become one; an OSError says what it is in its place.

    A rename would put a file where a device or a pipe was: /dev/null, when root asks for it.
    """
    path = os.fspath(path)
    if os.path.isdir(path) or path.endswith(os.sep):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, 'not a regular file', path)


def remove_parts(directory, name='*'):
    """Remove what killed processes have left of writing files, all or those of one `name`.

    Only who holds the directory's lock may: others may be writing just now.
    """
    pattern = f'.{name}.????????.part'
    for path in glob.glob(pattern, root_dir=directory):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, path))


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
    """Read a UTF-8 file; a missing or unreadable one is a UserError that names it."""
    try:
        with open(path, encoding='utf-8') as stream:
            return stream.read()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None


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
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f'{path}: not valid JSON ({error})') from None


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
