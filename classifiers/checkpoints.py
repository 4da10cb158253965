"""Checkpoint files of both formats: list them, check them, and read what they contain.

A V1 checkpoint is one file; a V2 checkpoint is `PREFIX.index` with `PREFIX.data-*` shards. The
reader opens both by their prefix. Every tensor has a checksum, so a checkpoint is whole if all of
its tensors can be read. This is fast: 2 to 3 GB/s from the page cache.
"""

import contextlib
import dataclasses
import enum
import hashlib
import os

from classifiers import checkpoint_paths
from common import errors
from common.errors import UserError

# These functions of names need no TensorFlow; they are here too for convenience.
files_of = checkpoint_paths.files_of
prefix_of = checkpoint_paths.prefix_of

AVERAGE_SUFFIX = '/ExponentialMovingAverage'


class UnreadableCheckpointError(UserError):
    """A checkpoint is missing, damaged or half written."""


class _ReadError(Exception):
    """TensorFlow cannot read a checkpoint; the text says why."""


class FaultKind(enum.Enum):
    """The kinds of fault that prevent the use of a checkpoint."""

    ABSENT = enum.auto()
    DENIED = enum.auto()
    DAMAGED = enum.auto()


@dataclasses.dataclass(frozen=True)
class Fault:
    """Why a checkpoint cannot be used."""

    kind: FaultKind
    text: str

    def __str__(self):
        return self.text


ABSENT = Fault(FaultKind.ABSENT, 'no such file')
DENIED = Fault(FaultKind.DENIED, 'Permission denied')


def signature(prefix):
    """Return a value that changes when the files are written again, or None if they are gone."""
    try:
        stats = [os.stat(path) for path in files_of(prefix)]
    except FileNotFoundError:
        return None
    return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats) or None


def fingerprint(prefix):
    """Return a hash of name and contents, the same only for the same checkpoint; None if gone.

    A V2 index lists the checksum of every tensor, so a hash of the index covers the data.
    """
    paths = files_of(prefix)
    if not paths:
        return None
    try:
        with open(paths[0], 'rb') as stream:
            digest = hashlib.sha256(os.path.basename(prefix).encode())
            while block := stream.read(1 << 20):
                digest.update(block)
            return digest.hexdigest()
    except OSError:
        return None


def step_of(prefix):
    """Return the training step: the file name's number, else the stored one, else 0."""
    step = checkpoint_paths.step_in(prefix)
    if step >= 0:
        return step
    try:
        with _opened(prefix) as reader:
            return int(reader.get_tensor('global_step')) if reader.has_tensor('global_step') else 0
    except _ReadError:
        return 0


@contextlib.contextmanager
def _opened(prefix):
    """Yield TensorFlow's reader of a checkpoint; turn its errors into a _ReadError."""
    # Late: programs that do without TensorFlow use the rest of this module.
    import tensorflow.compat.v1 as tf

    try:
        yield tf.train.NewCheckpointReader(prefix)
    # What it raises for damaged, half-written and vanished files.
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
        raise _ReadError(reason(error)) from None


def denied(prefix):
    """Return the first of the checkpoint's files that may not be read, or None."""
    for path in files_of(prefix):
        try:
            with open(path, 'rb'):
                pass
        except PermissionError:
            return path
        except OSError:
            pass
    return None


def fault(prefix):
    """Return the Fault of a checkpoint, or None if every tensor can be read."""
    if not files_of(prefix):
        return ABSENT
    if denied(prefix):
        return DENIED
    try:
        with _opened(prefix) as reader:
            for name in reader.get_variable_to_shape_map():
                reader.get_tensor(name)
    except _ReadError as error:
        return Fault(FaultKind.DAMAGED, str(error))
    return None


def read_variables(prefix):
    """Return {name: (shape, dtype)} of the variables in a checkpoint."""
    if not files_of(prefix):
        raise UnreadableCheckpointError(f'{prefix}: no such checkpoint')
    try:
        with _opened(prefix) as reader:
            types = reader.get_variable_to_dtype_map()
            shapes = reader.get_variable_to_shape_map()
    except _ReadError as error:
        raise unreadable(prefix, error) from None
    return {name: (tuple(shape), types[name]) for name, shape in shapes.items()}


def unreadable(prefix, why):
    """Make the error for a checkpoint that cannot be read."""
    closed = denied(prefix)
    if closed:
        return UnreadableCheckpointError(f'{closed}: {DENIED}')
    other = checkpoint_paths.mistaken(prefix)
    if other:
        return UnreadableCheckpointError(f'{prefix}: {other}')
    return UnreadableCheckpointError(f'{prefix}: damaged or half written ({why})')


def reason(error):
    """Return the reader's complaint as one short line."""
    text = getattr(error, 'message', None) or str(error)
    for known in ('Checksum does not match', 'block checksum mismatch', 'Read less bytes'):
        if known in text:
            return known.lower()
    return errors.reason(error).split(': perhaps your file')[0][-160:]
