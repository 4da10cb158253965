"""Locks between processes."""

import errno
import fcntl
import os
import subprocess
import sys

import pytest

from common import locks
from common.errors import UserError
from support.shell import unprivileged


def test_a_lock_is_seen_from_outside(tmp_path):
    path = tmp_path / 'lock'
    assert not locks.is_locked(path)
    with locks.Lock(path, 'busy'):
        assert locks.is_locked(path)
        assert path.read_text() == f'{os.getpid()}\n'
    assert not locks.is_locked(path)
    assert path.read_text() == ''
    path.chmod(0)
    assert unprivileged.call(locks.is_locked, path)


def test_a_lock_is_refused_while_another_process_holds_it(tmp_path):
    path = tmp_path / '.lock'
    program = (
        'from common.locks import Lock\n'
        f'with Lock({str(path)!r}, "x"): print("held", flush=True); input()'
    )
    with subprocess.Popen(
        [sys.executable, '-c', program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b'held\n'
        busy = rf'another run is under way \(process {holder.pid}\)'
        with (
            pytest.raises(UserError, match=busy),
            locks.Lock(path, 'another run is under way'),
        ):
            pass
        holder.kill()
    with locks.Lock(path, 'another run is under way'):
        pass


def test_a_lock_in_a_place_that_cannot_be_written_says_so(tmp_path):
    with (
        pytest.raises(UserError, match=r'cannot be locked \(No such file'),
        locks.Lock(tmp_path / 'absent' / '.lock', 'busy'),
    ):
        pass


def test_a_file_system_without_locks_is_reported_and_holds_none(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr(fcntl, 'flock', refuse)
    path = tmp_path / 'lock'
    with (
        pytest.raises(UserError, match=r'cannot be locked \(No locks available'),
        locks.Lock(path, 'busy'),
    ):
        pass
    assert path.exists()
    assert not locks.is_locked(path)


def test_a_shared_lock_is_refused_while_the_lock_is_held(tmp_path):
    with open(tmp_path / 'a', 'w') as first, open(tmp_path / 'a') as second:
        assert locks.try_lock(first)
        assert not locks.try_lock(second, shared=True)
    with open(tmp_path / 'a') as first, open(tmp_path / 'a') as second:
        assert locks.try_lock(first, shared=True)
        assert locks.try_lock(second, shared=True)
