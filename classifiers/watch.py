"""Find the newest good checkpoint of a directory, and wait for the next one.

TensorFlow's `latest_checkpoint` trusts the directory's state file and never reads the data. Here a
checkpoint is good if every tensor in it can be read; others are skipped with a warning.
"""

import contextlib
import os
import threading
import time
from dataclasses import dataclass

from classifiers import checkpoint_paths, checkpoints
from classifiers.checkpoint_paths import STATE_FILE, step_in
from common.errors import UserError
from common.logs import LOG


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read completely: its prefix, step and fingerprint."""

    path: str
    step: int
    fingerprint: str


def find_checkpoint(path, warn=LOG.warning):
    """Return the newest good checkpoint of a directory, or the checkpoint of a file or prefix."""
    path = os.fspath(path)
    if not os.path.isdir(path):
        if other := checkpoint_paths.mistaken(path):
            raise checkpoints.UnreadableCheckpointError(f'{path}: {other}')
        return _checked(checkpoints.prefix_of(path))
    newest = newest_good(path, warn)
    if newest is None:
        raise UserError(checkpoint_paths.none_in(path))
    return newest


def _checked(prefix):
    fault = checkpoints.fault(prefix)
    if fault == checkpoints.ABSENT:
        raise checkpoints.UnreadableCheckpointError(checkpoint_paths.absent(prefix))
    if fault:
        raise checkpoints.unreadable(prefix, fault)
    return _checkpoint(prefix)


def _checkpoint(prefix):
    return Checkpoint(prefix, checkpoints.step_of(prefix), checkpoints.fingerprint(prefix))


def newest_good(directory, warn=LOG.warning):
    """Return the directory's newest good checkpoint, or None if it has no checkpoint at all.

    If it has checkpoints and none is good, raise an error: a new training would overwrite them.
    """
    damaged, closed = [], None
    for prefix in newest_first(directory, warn):
        fault = checkpoints.fault(prefix)
        if fault is None:
            return _checkpoint(prefix)
        if checkpoints.files_of(prefix):
            damaged.append(
                f'{os.path.basename(prefix)} ({checkpoint_paths.mistaken(prefix) or fault})'
            )
            if fault == checkpoints.DENIED:
                closed = closed or checkpoints.unreadable(prefix, fault)
            warn(_skipped(prefix, fault))
    if closed:
        raise closed  # It may be good, so do not suggest removing it.
    if damaged:
        raise checkpoints.UnreadableCheckpointError(
            f'{directory}: every checkpoint is damaged, incomplete or of another kind:'
            f' {", ".join(damaged)}; '
            'remove them to start again, or name another directory'
        )
    return None


def _skipped(prefix, fault):
    return f'SKIPPED {checkpoints.unreadable(prefix, fault)}; using the previous one, if any'


def newest_first(directory, warn=LOG.warning):
    """List the prefixes of the directory's checkpoints, good or not, newest first.

    The order is that of the state file, because a restarted run may be at a lower step. Checkpoints
    that were written after the state file come first: a process may be killed between the two.
    """
    names = checkpoint_paths.listed(directory)
    stated, written = _stated(directory, warn)
    known = {name: position for position, name in enumerate(stated)}
    newest_step = step_in(stated[-1]) if stated else -1

    def order(name):
        if name in known:
            return 1, known[name], 0
        later = step_in(name) > newest_step and _modified(directory, name) > written
        return (2 if later or not known else 0), 0, step_in(name)

    found = (name for name in names if checkpoint_paths.is_checkpoint(name, known))
    prefixes = {checkpoints.prefix_of(name) for name in found}
    return [os.path.join(directory, name) for name in sorted(prefixes, key=order, reverse=True)]


def _modified(directory, name):
    signature = checkpoints.signature(os.path.join(directory, name)) or ()
    return max((stamp for _, _, stamp in signature), default=0)


def _stated(directory, warn):
    """Return the names that the state file lists, oldest first, and when it was written (ns)."""
    path = os.path.join(directory, STATE_FILE)
    try:
        found = os.stat(path)
        if not found.st_size:
            return [], 0
        state = _read_state(directory)
    except FileNotFoundError:
        return [], 0
    except (OSError, ValueError):
        state = None
    if state is None:
        warn(
            f'{path}: not a readable state file, so it is ignored; checkpoints are ordered by step'
        )
        return [], 0
    paths = [*state.all_model_checkpoint_paths, state.model_checkpoint_path]
    # The paths are absolute and stay the same when the directory is moved: use only the names.
    names = [os.path.basename(path) for path in paths if path]
    return list(dict.fromkeys(reversed(names)))[::-1], found.st_mtime_ns


def _read_state(directory):
    # Late: a program that never looks into a directory of checkpoints does without TensorFlow.
    import tensorflow.compat.v1 as tf

    with _without_warnings():
        return tf.train.get_checkpoint_state(directory)


@contextlib.contextmanager
def _without_warnings():
    """Hide TensorFlow's two warnings about a state file; ours is shorter and appears once."""
    reader = threading.get_ident()

    def is_from_another_thread(record):
        return record.thread != reader

    LOG.addFilter(is_from_another_thread)
    try:
        yield
    finally:
        LOG.removeFilter(is_from_another_thread)


def wait_for_new(
    directory,
    timeout_secs=None,
    poll_secs=1.0,
    min_interval_secs=0,
    stop=None,
    clock=time.monotonic,
):
    """Yield the newest good checkpoint, then every new one once, in order.

    Stop if there is no new one for `timeout_secs`, or when the event `stop` is set. A checkpoint is
    new if its name or content is, so those of a restarted run are new despite their old names.
    """
    stop = stop or threading.Event()
    watcher = _Watcher(directory)
    if not os.path.exists(directory):
        LOG.warning('%s does not exist yet; waiting for a training to create it', directory)
    elif not checkpoint_paths.may_hold_one(directory):
        LOG.info('%s has no checkpoint yet; waiting for the first one', directory)
    while not stop.is_set():
        LOG.info('Waiting for new checkpoint at %s', directory)
        waited_from = clock()
        while (found := watcher.look()) is None:
            remaining = poll_secs
            if timeout_secs is not None:
                remaining = min(poll_secs, waited_from + timeout_secs - clock())
            if remaining <= 0:
                LOG.info('Timed-out waiting for a checkpoint.')
                return
            if stop.wait(remaining):
                return
        LOG.info('Found new checkpoint at %s', found.path)
        began = clock()
        yield found
        stop.wait(max(0, began + min_interval_secs - clock()))


class _Watcher:
    """Finds the checkpoints of a directory that it has not returned before."""

    def __init__(self, directory):
        self._directory = directory
        self._signatures = {}
        self._seen = set()
        self._warned = set()
        self._first = True

    def look(self):
        """Return the oldest good checkpoint not seen before (first: the newest one), or None."""
        newest = newest_first(self._directory, self._warn_once)
        first, self._first = self._first, False
        for position, prefix in enumerate(newest) if first else enumerate(reversed(newest)):
            found = self._new_and_good(prefix)
            if found:
                self._seen.add(found.fingerprint)
                if first:
                    self._skip_all(newest[position + 1 :])
                return found
        return None

    def _new_and_good(self, prefix):
        signature = checkpoints.signature(prefix)
        if signature is None or signature == self._signatures.get(prefix):
            return None
        fingerprint = checkpoints.fingerprint(prefix)
        fault = None if fingerprint in self._seen else checkpoints.fault(prefix)
        if signature != checkpoints.signature(prefix):
            return None  # It is being written or deleted; the next call looks again.
        self._signatures[prefix] = signature
        if fingerprint in self._seen:
            return None
        if fault:
            self._warn_once(_skipped(prefix, fault))
            return None
        return Checkpoint(prefix, checkpoints.step_of(prefix), fingerprint)

    def _skip_all(self, prefixes):
        for prefix in prefixes:
            self._signatures[prefix] = checkpoints.signature(prefix)
            self._seen.add(checkpoints.fingerprint(prefix))

    def _warn_once(self, message):
        if message not in self._warned:
            self._warned.add(message)
            LOG.warning('%s', message)
