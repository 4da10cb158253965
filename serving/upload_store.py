"""Copies of uploaded pictures: re-encoded, under random names, for a while and up to a size."""

import contextlib
import io
import logging
import os
import re
import secrets
import stat
import threading
import time

from common.errors import UserError

FOLDER = 'slim_classifier_uploads'
_NAME = re.compile(r'upload-[0-9a-f]{32}\.(jpg|part)')
_SECS_BETWEEN_CLEANINGS = 60.0
# Writing a copy takes milliseconds: an older part was left by a server that was killed.
_MOST_WRITING_SECS = 600.0


def reencoded(data, max_side=None, quality=90):
    """Return a JPEG of nothing but the pixels of a normalised picture."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=('JPEG', 'PNG')) as image:
        if max_side:
            image.draft('RGB', (max_side, max_side))
            image.thumbnail((max_side, max_side))
        mode = 'L' if image.mode == 'L' else 'RGB'
        # A new image: saving the old one would copy its comment.
        bare = Image.new(mode, image.size)
        bare.paste(image if image.mode == mode else image.convert(mode))
    stream = io.BytesIO()
    bare.save(stream, 'JPEG', quality=quality)
    return stream.getvalue()


class UploadStore:
    """Keeps copies in its own subfolder of `folder`, and touches nothing else there."""

    def __init__(self, folder, max_hours, max_mb, clock=time.time):
        self.folder = os.path.join(folder, FOLDER)
        self._max_age_secs = 3600 * max_hours
        self._max_bytes = max_mb * 2**20
        self._clock = clock
        self._lock = threading.Lock()
        self._stop = threading.Event()
        _make_own(self.folder)
        self._total = self._clean()

    def keep(self, data):
        """Store a copy of a normalised picture; a failure is logged and nobody's loss."""
        try:
            copy = reencoded(data)
            with self._lock:
                self._write(copy)
        except Exception as error:  # Whatever a disk or a decoder complains of.
            logging.getLogger('serving').warning('an upload was not stored: %s', error)

    def _write(self, copy):
        if len(copy) > self._max_bytes:
            return
        if self._total + len(copy) > self._max_bytes:
            self._total = self._clean(room=len(copy))
        name = os.path.join(self.folder, f'upload-{secrets.token_hex(16)}')
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, 'O_NOFOLLOW', 0)
        try:
            with open(os.open(f'{name}.part', flags, 0o600), 'wb') as stream:
                stream.write(copy)
            os.rename(f'{name}.part', f'{name}.jpg')
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(f'{name}.part')
            raise
        self._total += len(copy)

    def start_cleaning(self):
        """Remove what is too old every minute, in a thread."""
        threading.Thread(target=self._clean_on, name='upload-cleaner', daemon=True).start()

    def close(self):
        """End the cleaning."""
        self._stop.set()

    def clean(self):
        """Remove what is too old, and the oldest of what is too much."""
        with self._lock:
            self._total = self._clean()

    def _clean_on(self):
        while not self._stop.wait(_SECS_BETWEEN_CLEANINGS):
            with contextlib.suppress(OSError):
                self.clean()

    def _clean(self, room=0):
        """Remove until `room` more bytes fit; return how many bytes are left."""
        files = sorted(self._own_files())
        total = sum(size for _, size, _ in files)
        oldest = self._clock() - self._max_age_secs
        for changed, size, path in files:
            if changed >= oldest and total + room <= self._max_bytes:
                break
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            total -= size
        return total

    def _own_files(self):
        """Yield (time of change, size, path) of each file that a store has written."""
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if _NAME.fullmatch(entry.name):
                    with contextlib.suppress(FileNotFoundError):
                        state = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(state.st_mode):
                            yield self._changed(entry.name, state), state.st_size, entry.path

    def _changed(self, name, state):
        """Return when a file changed last; a part that nobody finishes is older than any limit."""
        is_left = name.endswith('.part') and state.st_mtime < self._clock() - _MOST_WRITING_SECS
        return 0.0 if is_left else state.st_mtime


def _make_own(folder):
    """Make a folder that is ours alone, or refuse one that somebody else has put there."""
    try:
        os.makedirs(os.path.dirname(folder) or os.curdir, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        state = os.lstat(folder)
    except OSError as error:
        raise UserError(f'--upload_folder: {folder}: {error.strerror}') from None
    if not stat.S_ISDIR(state.st_mode) or (hasattr(os, 'getuid') and state.st_uid != os.getuid()):
        raise UserError(f'--upload_folder: {folder} is not a folder of our own; name another place')
