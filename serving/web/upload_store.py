"""Keep re-encoded copies of uploaded pictures for a limited time and up to a limited size."""

import contextlib
import io
import logging
import os
import re
import secrets
import stat
import threading
import time
import weakref

from common.errors import UserError

FOLDER = 'slim_classifier_uploads'
_NAME = re.compile(r'upload-[0-9a-f]{32}\.(jpg|part)')
_SECS_BETWEEN_CLEANINGS = 60.0
# Writing a copy takes milliseconds; an older part was left by a server that was killed.
_MOST_WRITING_SECS = 600.0


def reencoded(data, max_side=None, quality=90):
    """Return a JPEG of a normalised picture, without its metadata."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=('JPEG', 'PNG')) as image:
        if max_side:
            image.draft('RGB', (max_side, max_side))
            image.thumbnail((max_side, max_side))
        mode = 'L' if image.mode == 'L' else 'RGB'
        # A new image, because saving the old one would copy its comment.
        bare = Image.new(mode, image.size)
        bare.paste(image if image.mode == mode else image.convert(mode))
    stream = io.BytesIO()
    bare.save(stream, 'JPEG', quality=quality)
    return stream.getvalue()


class UploadStore:
    """Keeps copies in its own subfolder of `folder` and changes nothing else there.

    The subfolder stays open: if it is replaced by another folder, that one is left alone.
    """

    def __init__(self, folder, max_hours, max_mb, clock=time.time):
        self.folder = os.path.join(folder, FOLDER)
        self._max_age_secs = 3600 * max_hours
        self._max_bytes = max_mb * 2**20
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._opened = _OpenFolder(self.folder)
        self._total = self._clean()

    def keep(self, data):
        """Store a copy of a normalised picture; a failure is only logged."""
        try:
            copy = reencoded(data)
            with self._lock:
                self._opened.check()
                self._write(copy)
        except Exception as error:  # Disks and decoders raise many kinds of errors.
            logging.getLogger('serving').warning('an upload was not stored: %s', error)

    def _write(self, copy):
        if len(copy) > self._max_bytes:
            return
        if self._total + len(copy) > self._max_bytes:
            self._total = self._clean(room=len(copy))
        name = f'upload-{secrets.token_hex(16)}'
        try:
            with open(self._opened.create(f'{name}.part'), 'wb') as stream:
                stream.write(copy)
            self._opened.rename(f'{name}.part', f'{name}.jpg')
        except OSError:
            with contextlib.suppress(OSError):
                self._opened.remove(f'{name}.part')
            raise
        self._total += len(copy)

    def start_cleaning(self):
        """Remove old copies every minute, in a thread."""
        threading.Thread(target=self._clean_on, name='upload-cleaner', daemon=True).start()

    def close(self):
        """Stop the thread that removes copies."""
        self._stop.set()

    def clean(self):
        """Remove old copies, and the oldest ones above the size limit."""
        with self._lock:
            self._total = self._clean()

    def _clean_on(self):
        while not self._stop.wait(_SECS_BETWEEN_CLEANINGS):
            with contextlib.suppress(OSError):
                self.clean()

    def _clean(self, room=0):
        """Remove copies until `room` more bytes fit; return the size of the remaining ones."""
        files = sorted(self._own_files())
        total = sum(size for _, size, _ in files)
        now = self._clock()
        for changed, size, name in files:
            lasts = _MOST_WRITING_SECS if name.endswith('.part') else self._max_age_secs
            if changed < now - lasts or total + room > self._max_bytes:
                self._opened.remove(name)
                total -= size
        return total

    def _own_files(self):
        """Yield (modification time, size, name) of each file that a store has written."""
        for name in self._opened.names():
            if _NAME.fullmatch(name):
                with contextlib.suppress(FileNotFoundError):
                    state = self._opened.state(name)
                    if stat.S_ISREG(state.st_mode):
                        yield state.st_mtime, state.st_size, name


class _OpenFolder:
    """A folder that stays open by its descriptor, on systems that support it."""

    def __init__(self, path):
        _make_own(path)
        self._path = path
        self._descriptor = None
        if os.open in os.supports_dir_fd and os.listdir in os.supports_fd:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
            try:
                self._descriptor = os.open(path, flags)
            except OSError as error:
                raise UserError(f'--upload_folder: {path}: {error.strerror}') from None
            weakref.finalize(self, os.close, self._descriptor)
            _check_own(path, os.fstat(self._descriptor))

    def check(self):
        """Raise an OSError if the folder was replaced or removed."""
        named = os.stat(self._path, follow_symlinks=False)
        is_same = self._descriptor is None or os.path.samestat(named, os.fstat(self._descriptor))
        if not is_same or not stat.S_ISDIR(named.st_mode):
            raise OSError(
                f'{self._path} was replaced while the server runs; restart it to use that'
            )

    def _at(self, name):
        """Return the arguments by which functions of `os` find a file of this folder."""
        if self._descriptor is None:
            return os.path.join(self._path, name), None
        return name, self._descriptor

    def create(self, name):
        """Return the descriptor of a new file."""
        path, folder = self._at(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, 'O_NOFOLLOW', 0)
        return os.open(path, flags, 0o600, dir_fd=folder)

    def rename(self, old, new):
        """Rename a file."""
        old, folder = self._at(old)
        new, _ = self._at(new)
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    def remove(self, name):
        """Remove a file, if it is there."""
        path, folder = self._at(name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path, dir_fd=folder)

    def names(self):
        """List the names of all that is in the folder."""
        return os.listdir(self._path if self._descriptor is None else self._descriptor)

    def state(self, name):
        """Return the state of a file itself, not of what it links to."""
        path, folder = self._at(name)
        return os.stat(path, dir_fd=folder, follow_symlinks=False)


def _make_own(folder):
    """Make a private folder; refuse an existing one of another user."""
    try:
        os.makedirs(os.path.dirname(folder) or os.curdir, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        state = os.lstat(folder)
    except OSError as error:
        raise UserError(f'--upload_folder: {folder}: {error.strerror}') from None
    _check_own(folder, state)


def _check_own(folder, state):
    if not stat.S_ISDIR(state.st_mode) or (hasattr(os, 'getuid') and state.st_uid != os.getuid()):
        raise UserError(f'--upload_folder: {folder} is not a folder of this user; name another')
