"""One set of features on disk: a directory with a .npy file per cut, written in blocks.

`progress` has the number of the records whose features are on the disk, so that an interrupted
computation continues there.
"""

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import io
import json
import math
import os
import re
import time
import weakref

import numpy as np

from common import files
from common.errors import UserError

DESCRIPTION, PROGRESS, LOCK = 'description.json', 'progress', 'lock'
NAME = re.compile(r'.+_[0-9a-f]{16}')  # The name of a set's directory.
_OUTPUTS, _INTACT = 'outputs.npy', 'intact.npy'
SYNC_SECS = 10.0
_FULL = errno.ENOSPC, errno.EDQUOT


@dataclasses.dataclass(frozen=True)
class Features:
    """The features of all records of a split, which are read from disk when they are used.

    `arrays[k][cut]` are those of pass k, one row per record; pass 0 is as in evaluation, and later
    passes have augmented pictures. `outputs` are the classes. Where `is_intact` is False, the row
    is that of the next intact record, as in training.
    """

    arrays: tuple[dict[str, np.ndarray], ...]
    outputs: np.ndarray  # int64 [count]
    is_intact: np.ndarray  # bool [count]
    directories: tuple[str, ...]  # One for each pass.
    open_locks: tuple  # LockFiles; the sets are not removed while they are open.

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Let other processes remove the sets if they need room."""
        for lock in self.open_locks:
            lock.close()

    @property
    def count(self):
        """Return the number of records."""
        return len(self.outputs)

    @property
    def directory(self):
        """Return the directory of pass 0."""
        return self.directories[0]

    def joined(self, other):
        """Return these features with the passes of others of the same records."""
        return dataclasses.replace(
            self,
            arrays=self.arrays + other.arrays,
            directories=self.directories + other.directories,
            open_locks=self.open_locks + other.open_locks,
        )


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a set of features is to contain."""

    title: str  # The first part of the directory's name.
    depends_on: dict  # Everything that all features depend on, as JSON.
    shapes: dict  # Name of a cut -> shape of its features of one record.
    weights: dict  # Name of a cut -> digest of the weights that its features depend on.
    count: int

    @classmethod
    def read(cls, directory):
        """Return the Plan of the set in a directory, or None if it has none or a damaged one."""
        title, _, _ = os.path.basename(directory).rpartition('_')
        try:
            found = files.read_json(os.path.join(directory, DESCRIPTION))
            plan = cls(title, found['depends_on'], {}, {}, found['count'])
            for cut, shape, weights in found['cuts']:
                plan.shapes[cut], plan.weights[cut] = shape, weights
            return plan if plan.name == os.path.basename(directory) else None
        except (OSError, ValueError, LookupError, TypeError):  # A UserError is a ValueError.
            return None

    def includes(self, other):
        """Return whether the set of this plan has all features of another plan."""
        mine, others = self.description, other.description
        wanted = others.pop('cuts')
        cuts = mine.pop('cuts')
        return mine == others and all(cut in cuts for cut in wanted)

    @property
    def name(self):
        """Return the name of the set's directory, which ends with a hash of the content."""
        text = json.dumps(self.description, sort_keys=True)
        return f'{self.title}_{hashlib.sha256(text.encode()).hexdigest()[:16]}'

    @property
    def description(self):
        """Return the content of description.json as it is read."""
        cuts = [[cut, shape, self.weights[cut]] for cut, shape in self.shapes.items()]
        found = {'depends_on': self.depends_on, 'cuts': cuts, 'count': self.count}
        return json.loads(json.dumps(found))

    @property
    def cuts(self):
        """Return {name of a cut: name of its file}."""
        return {
            cut: f'{number}_{re.sub("[^A-Za-z0-9_]+", "_", cut)[-80:]}.npy'
            for number, cut in enumerate(self.shapes)
        }

    @property
    def arrays(self):
        """List the arrays of the set."""
        return [
            *(_Array(file, 'f4', (self.count, *self.shapes[c])) for c, file in self.cuts.items()),
            _Array(_OUTPUTS, 'i8', (self.count,)),
            _Array(_INTACT, '?', (self.count,)),
        ]

    @property
    def bytes(self):
        """Return the number of bytes that the files take."""
        return sum(array.bytes for array in self.arrays)


class _Array:
    """A .npy file: a header, and one row per record."""

    def __init__(self, file, kind, shape):
        self.file = file
        self.kind = np.dtype(kind)
        self.header = _header(self.kind, shape)
        self.row_bytes = self.kind.itemsize * math.prod(shape[1:])
        self.bytes = len(self.header) + shape[0] * self.row_bytes


def _header(kind, shape):
    stream = io.BytesIO()
    description = np.lib.format.dtype_to_descr(kind)
    np.lib.format.write_array_header_1_0(
        stream, {'descr': description, 'fortran_order': False, 'shape': shape}
    )
    return stream.getvalue()


class LockFile:
    """The file `lock` of a set; it is closed, and so unlocked, when it is garbage-collected."""

    def __init__(self, directory):
        path = os.path.join(directory, LOCK)
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self.close = weakref.finalize(self, os.close, self._handle)

    def fileno(self):
        """Return the descriptor."""
        return self._handle

    def note_process(self):
        """Write the id of this process, for `holder`."""
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, b'%d\n' % os.getpid(), 0)

    def holder(self):
        """Name the process that holds the lock."""
        process = os.pread(self._handle, 32, 0).decode(errors='replace').strip()
        return f'process {process}' if process else 'another process'


class FeatureSet:
    """A set of features in a directory that this process has locked.

    `done` is the number of records whose features are written, counted from the first.
    """

    def __init__(self, directory, plan, lock, clock=time.monotonic):
        self.directory = directory
        self.plan = plan
        self._lock = lock
        self._clock = clock
        self._arrays = plan.arrays
        self._handles = {}
        self.done = self._read_progress()

    @property
    def is_complete(self):
        """Return whether the features of all records are there."""
        return self.done == self.plan.count

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _read_progress(self):
        """Return the number of written records; 0 if the files do not fit the plan."""
        try:
            description = files.read_json(self._path(DESCRIPTION))
            done = int(files.read_text(self._path(PROGRESS)))
            sizes = [os.path.getsize(self._path(array.file)) for array in self._arrays]
        except (OSError, ValueError):  # A UserError is a ValueError.
            return 0
        fits = sizes == [array.bytes for array in self._arrays]
        is_same = description == self.plan.description
        return done if fits and is_same and 0 <= done <= self.plan.count else 0

    def resumes(self):
        """Open the files of a set that was begun before; return whether there is one."""
        if self.done:
            self._open(os.O_WRONLY)
        return bool(self.done)

    def make(self):
        """Create the files in their whole size, so that the disk cannot be full later."""
        self._forget()
        self._open(os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for array in self._arrays:
            os.posix_fallocate(self._handles[array.file], 0, array.bytes)
            os.pwrite(self._handles[array.file], array.header, 0)
        files.write_json(self._path(DESCRIPTION), self.plan.description)

    def discard(self):
        """Forget what was written, because it cannot be used."""
        self._close_files()
        self._forget()

    def _forget(self):
        for name in (DESCRIPTION, PROGRESS):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(name))

    def _open(self, flags):
        for array in self._arrays:
            path = self._path(array.file)
            self._handles[array.file] = os.open(path, flags | os.O_CLOEXEC, 0o666)
        self._synced = self._clock()

    def write(self, blocks, outputs, is_intact):
        """Write the next records: {cut: features}, outputs and whether each record is intact."""
        found = {file: blocks[cut] for cut, file in self.plan.cuts.items()}
        found.update({_OUTPUTS: outputs, _INTACT: is_intact})
        with explained(self.directory):
            for array in self._arrays:
                data = np.ascontiguousarray(found[array.file], array.kind)
                position = len(array.header) + self.done * array.row_bytes
                _write_all(self._handles[array.file], data, position)
        self.done += len(outputs)
        if self.is_complete or self._clock() - self._synced >= SYNC_SECS:
            self.sync()

    def sync(self):
        """Write everything to the disk, then note how much it is."""
        with explained(self.directory):
            for handle in self._handles.values():
                os.fdatasync(handle)
            files.write_text(self._path(PROGRESS), f'{self.done}\n')
        self._synced = self._clock()

    def close(self):
        """Note how much is written, and let other processes continue."""
        try:
            if self._handles and not self.is_complete:
                self.sync()
        finally:
            self._close_files()
            self._lock.close()

    def _close_files(self):
        while self._handles:
            os.close(self._handles.popitem()[1])

    def read(self, wanted=None):
        """Return the Features of a complete set; they keep the set from being removed.

        `wanted` are the names of cuts, if not all of the set are needed.
        """
        self._close_files()
        outputs, is_intact = (np.load(self._path(name)) for name in (_OUTPUTS, _INTACT))
        arrays = {
            cut: np.load(self._path(self.plan.cuts[cut]), mmap_mode='r')
            for cut in wanted or self.plan.cuts
        }
        with contextlib.suppress(OSError):  # A file system without locks.
            fcntl.flock(self._lock, fcntl.LOCK_SH)
        return Features((arrays,), outputs, is_intact, (self.directory,), (self._lock,))


def _write_all(handle, data, position):
    view = memoryview(data).cast('B')
    while view:
        count = os.pwrite(handle, view, position)
        view, position = view[count:], position + count


@contextlib.contextmanager
def explained(directory):
    """Turn an error of the file system into a UserError that names the directory."""
    try:
        yield
    except OSError as error:
        advice = 'make room, or name' if error.errno in _FULL else 'name'
        raise UserError(
            f'{error.filename or directory}: {error.strerror}; {advice} another --features_dir'
        ) from None
