"""The directory of all sets of features: who computes and who reads a set, and how much they take.

Whoever writes a set holds an exclusive lock on its file `lock`, and whoever reads it a shared one.
"""

import contextlib
import os
import random
import shutil
import time

from common import locks
from common.errors import UserError
from heads import feature_files
from heads.feature_files import DESCRIPTION, LOCK, PROGRESS, FeatureSet, LockFile, Plan

MOST_BYTES = 10 * 10**9  # Of all sets in one directory together.
WAIT_SECS = 0.5
_ELSEWHERE = 'name another --features_dir'


def open_set(root, plan, report, stop=None, most_bytes=MOST_BYTES, later=()):
    """Return the locked FeatureSet of a plan in the directory `root`; make it if necessary.

    A complete set that has other features too serves as well. If another process computes the set,
    wait; return None if `stop()` is true meanwhile. A UserError says that there is no room for it
    and for the plans that are to follow `later`. `report` is called with lines of text.
    """
    directory = os.path.join(root, plan.name)
    with feature_files.explained(directory), contextlib.ExitStack() as stack:
        found = _locked_set(root, plan, report, stop)
        if found is None:
            return None
        stack.callback(found.close)
        if found.is_complete:
            os.utime(os.path.join(found.directory, DESCRIPTION))  # The time of the last use.
        elif not found.resumes():
            try:
                wanted = [plan, *(_complete(root, each) or each for each in later)]
                _require_room(root, wanted, report, most_bytes)
                found.make()
            except (OSError, UserError):
                found.discard()
                _remove(directory)
                raise
        stack.pop_all()
    return found


def _locked_set(root, plan, report, stop):
    """Return a complete FeatureSet that includes a plan, or that of the plan; None if stopped."""
    while True:
        chosen = _complete(root, plan) or plan
        directory = os.path.join(root, chosen.name)
        handle = _lock(directory, chosen, report, stop)
        if handle is None:
            return None
        found = FeatureSet(directory, chosen, handle)
        if found.is_complete or chosen is plan:
            return found
        found.close()  # Another process has removed it since.


def _complete(root, plan):
    """Return the Plan of the smallest complete set that has all features of a plan, or None."""
    plans = [Plan.read(directory) for directory in _directories(root)]
    complete = [
        stored
        for stored in plans
        if stored
        and stored.includes(plan)
        and FeatureSet(os.path.join(root, stored.name), stored, lock=None).is_complete
    ]
    return min(complete, key=lambda stored: stored.bytes, default=None)


def _lock(directory, plan, report, stop):
    """Return the open lock of a set: shared if others read it too; None if `stop()` is true."""
    is_announced = False
    while not (stop and stop()):
        os.makedirs(directory, exist_ok=True)
        handle = LockFile(directory)
        if _is_in_place(handle, directory):
            if _try_lock(handle) and _is_in_place(handle, directory):
                handle.note_process()
                return handle
            if _try_lock(handle, shared=True) and FeatureSet(directory, plan, handle).is_complete:
                return handle
            if not is_announced:
                report(f'Waiting for {handle.holder()}, which is using {directory}')
                is_announced = True
            time.sleep(WAIT_SECS * random.uniform(0.5, 1))
        handle.close()
    return None


def _try_lock(handle, shared=False):
    try:
        return locks.try_lock(handle, shared)
    except OSError:
        return True  # A file system without locks.


def _is_in_place(handle, directory):
    """Return whether no other process has removed the set since its lock was opened."""
    try:
        found = os.stat(os.path.join(directory, LOCK))
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(handle.fileno()), found)


def _require_room(root, plans, report, most_bytes):
    """Make room for sets by removing those that were not used for the longest time.

    A UserError says that there is too little.
    """
    own = {plan.name for plan in plans}
    present = sorted(_sets(root))
    others = [row for row in present if os.path.basename(row[2]) not in own]
    removable = sum(size for _, size, _ in others)
    # The room that these sets already take is theirs.
    free = shutil.disk_usage(root).free + sum(size for _, size, _ in present) - removable
    allowed = most_bytes - removable
    needed = sum(plan.bytes for plan in plans)
    for _, size, directory in others:
        room = min(allowed, free)
        if room < needed <= room + removable and _remove_unused(directory):
            report(f'Removed the features that were not used for the longest time: {directory}')
            allowed, free = allowed + size, free + size
        removable -= size
    if min(allowed, free) < needed:
        raise UserError(f'{root}: {_too_little(plans, needed, allowed, free, most_bytes)}')


def _too_little(plans, needed, allowed, free, most_bytes):
    """Say how much room there is, how much is needed, and what to do."""
    passes = f' in {len(plans)} passes' if len(plans) > 1 else ''
    limit, advice = f'a directory of features may take at most {_amount(most_bytes)}', _ELSEWHERE
    if free < allowed:
        limit = f'the disk has {_amount(free)} left'
    elif needed > most_bytes:
        fewer = 'fewer passes or pictures' if passes else 'fewer pictures'
        advice = f'use {fewer}, or train without stored features'
    return (
        f'the features of {plans[0].count:,} pictures{passes} take {_amount(needed)}, but {limit}; '
        f'{advice}'
    )


def _amount(count):
    return f'{count / 1e9:.1f} GB' if count >= 10**9 else f'{count / 1e6:.1f} MB'


def _sets(root):
    """List (time of the last use, bytes, directory) of the sets in a directory."""
    found = []
    for directory in _directories(root):
        with contextlib.suppress(OSError):
            os.stat(os.path.join(directory, LOCK))
            size = sum(entry.stat().st_size for entry in os.scandir(directory))
            found.append((_last_use(directory), size, directory))
    return found


def _directories(root):
    """List the directories that have the name of a set."""
    names = os.listdir(root) if os.path.isdir(root) else []
    return [os.path.join(root, name) for name in names if feature_files.NAME.fullmatch(name)]


def _last_use(directory):
    try:
        return os.path.getmtime(os.path.join(directory, DESCRIPTION))
    except FileNotFoundError:
        return 0.0  # A process was killed while it made the set.


def _remove_unused(directory):
    """Remove a set unless a process uses it; return whether it is gone."""
    try:
        with contextlib.closing(LockFile(directory)) as handle:
            if not locks.try_lock(handle) or not _is_in_place(handle, directory):
                return False
            _remove(directory)
    except OSError:
        return False  # A file system without locks, or a set that is not ours to remove.
    return True


def _remove(directory):
    """Remove the files of a set: the description first, so that no part is ever taken for it."""
    names = sorted(os.listdir(directory), key=lambda name: (name != DESCRIPTION, name == LOCK))
    for name in names:
        if name in (DESCRIPTION, PROGRESS, LOCK) or name.endswith(('.npy', '.part')):
            os.unlink(os.path.join(directory, name))
    with contextlib.suppress(OSError):
        os.rmdir(directory)
