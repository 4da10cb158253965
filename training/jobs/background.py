"""Start, find and stop a training in the background, without TensorFlow."""

import contextlib
import os
import shlex
import signal
import subprocess
import time

from common import locks
from common.errors import UserError
from training.jobs import log_files, programs, run_directory

# Held from the start: the program takes its own lock only seconds later, after loading TensorFlow.
_START_LOCK = 'run_train.lock'
_PROGRAM = 'train_image_classifier.py'
# Within this time, the program notices if data or starting weights are missing.
_WATCHED_SECS = 20
_REPORT_SECS = 15
_POLL_SECS = 0.1


def start(train_dir, log, stop_command, command, report=print, environment=None):
    """Start `command` with its output in `log`; raise UserError if it fails within seconds."""
    log = os.path.abspath(log)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(_claimed(train_dir))
        output = stack.enter_context(_emptied(log))
        process = _spawn(command, environment, output, lock)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f'{process.pid}\n{log}\n'.encode(), 0)
    stop = shlex.join([stop_command, f'--train_dir={os.path.abspath(train_dir)}'])
    report(f'training in the background: process {process.pid}')
    report(f'  log:     {log}')
    report(f'  follow:  tail -f {shlex.quote(log)}')
    report(f'  stop:    {stop}')
    report(f'           (or kill {process.pid}; either way it saves a checkpoint first)')
    _require_survival(process, train_dir, log)


def _spawn(command, environment, output, lock):
    try:
        return programs.in_background(
            command,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[lock],  # The system frees the lock when the process ends.
        )
    except OSError as error:
        raise UserError(f'{command[0]}: cannot be run ({error.strerror})') from None


@contextlib.contextmanager
def _claimed(train_dir):
    """Open and hold the lock of a directory in which no training runs."""
    with contextlib.suppress(OSError):
        os.makedirs(train_dir, exist_ok=True)
    lock = os.path.join(train_dir, _START_LOCK)
    with _opened(lock, os.O_RDWR) as handle:
        if not _try_lock(handle, lock) or _is_held(os.path.join(train_dir, run_directory.LOCK)):
            raise UserError(_about_running(train_dir))
        yield handle


@contextlib.contextmanager
def _emptied(log):
    """Open and empty a log; it stays locked as long as a process writes there."""
    with _opened(log, os.O_WRONLY | os.O_APPEND) as handle:
        if not _try_lock(handle, log):
            raise UserError(
                f'{log}: another training writes there; start this one in another directory'
            )
        os.ftruncate(handle, 0)
        yield handle


@contextlib.contextmanager
def _opened(path, mode):
    try:
        handle = os.open(path, mode | os.O_CREAT, 0o666)
    except OSError as error:
        raise UserError(f'{path}: cannot be written ({error.strerror})') from None
    try:
        yield handle
    finally:
        os.close(handle)


def _about_running(train_dir):
    process, log, _ = find_training(train_dir) or (None, None, None)
    which = f' (process {process}{f", log {log}" if log else ""})' if process else ''
    return f'--train_dir={train_dir}: a training is already running there{which}'


def _require_survival(process, train_dir, log):
    """Wait until the program reports that it trains; raise UserError if it ends before."""
    give_up = time.monotonic() + _WATCHED_SECS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            why = log_files.last_line(log) or f'exit status {process.returncode}'
            raise UserError(f'the training ended immediately: {why.removeprefix("error: ")}')
        status = run_directory.read_status(train_dir, process.pid)
        if status and status.state != run_directory.FAILED:
            return
        time.sleep(_POLL_SECS)


def find_training(train_dir):
    """Return (process, its log or None, path of the lock that it holds) of a training, or None.

    The lock of `start` is looked at first, because it is held until the very end of the process.
    """
    for name in (_START_LOCK, run_directory.LOCK):
        path = os.path.join(train_dir, name)
        if _is_held(path):
            lines = log_files.read(path).splitlines()
            if lines and lines[0].isdigit():
                return int(lines[0]), lines[1] if len(lines) > 1 else None, path
    return None


def stop(train_dir, report=print):
    """Stop the training in a directory, and wait until it has saved a checkpoint and ended."""
    train_dir = os.path.abspath(train_dir)
    found = find_training(train_dir)
    if not found:
        report(f'nothing to stop: no training runs in {train_dir}')
        return
    process, log, lock = found
    _require_ours(process, lock)
    with contextlib.suppress(ProcessLookupError):
        try:
            os.kill(process, signal.SIGTERM)
        except PermissionError:
            raise UserError(f'process {process} belongs to another user') from None
        report(f'process {process} was asked to stop: it finishes its step, saves, and ends')
    _wait_until_free(lock, report)
    said = log_files.last_line(log) if log else ''
    report(f'process {process} has ended{": " + said if said else ""}')
    report(_about_checkpoint(train_dir))


def _require_ours(process, lock):
    """Raise UserError unless a process is a training on this machine."""
    command = _command(process)
    if not command:
        raise UserError(
            f'{lock}: held by process {process}, which does not run on this machine; stop it '
            'on the machine where it runs'
        )
    if _PROGRAM not in command:
        raise UserError(f'process {process} is not a {_PROGRAM}, so it is not stopped: {command}')


def _command(process):
    """Return the command line of a process, or ''."""
    try:
        with open(f'/proc/{process}/cmdline', 'rb') as stream:
            return stream.read().replace(b'\0', b' ').decode(errors='replace').strip()
    except OSError:
        pass
    listed = ['ps', '-ww', '-o', 'args=', '-p', str(process)]
    return subprocess.run(listed, capture_output=True, text=True).stdout.strip()


def _wait_until_free(lock, report):
    began = reported = time.monotonic()
    while _is_held(lock):
        time.sleep(_POLL_SECS)
        now = time.monotonic()
        if now - reported >= _REPORT_SECS:
            reported = now
            report(f'still running after {now - began:.0f} s; Ctrl-C only ends the waiting')


def _about_checkpoint(train_dir):
    newest = run_directory.newest_checkpoint(train_dir)
    if not newest:
        return f'there is no checkpoint in {train_dir}: it ended before its first step'
    return f'newest checkpoint: {newest}'


def _is_held(path):
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _try_lock(handle, path, shared=True)
    finally:
        os.close(handle)


def _try_lock(handle, path, shared=False):
    try:
        return locks.try_lock(handle, shared)
    except OSError as error:
        raise UserError(
            f'{path}: cannot be locked ({error.strerror}); the training directory and the log must '
            'be on a file system with locks'
        ) from None
