"""Run this checkout's programs from a script: in its place, in front, or as steps that can stop."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / 'scripts'
_CALL = """
import importlib, sys
root, module, name, *arguments = sys.argv[1:]
sys.path[:] = [root, *filter(None, sys.path)]
from common.errors import exit_cleanly
exit_cleanly(getattr(importlib.import_module(module), name))(*arguments)
"""


def interpreter():
    """Return the Python that runs the programs: the checkout's own, or the one that runs this."""
    own = str(ROOT / '.venv/bin/python')
    return own if os.access(own, os.X_OK) else sys.executable or shutil.which('python3')


def command(name, *flags):
    """Return the command that runs a program in the checkout's root with unbuffered output."""
    return [interpreter(), '-u', str(ROOT / name), *flags]


def function(module, name, *arguments):
    """Return the command that calls a function of this checkout, in a process of its own."""
    return [interpreter(), '-c', _CALL, str(ROOT), module, name, *arguments]


def replace_with(command, environment=None):
    """Run a command in place of this process: signals, input and exit status are then its own."""
    sys.stdout.flush()
    os.execve(command[0], command, dict(environment or os.environ))


def run(command, environment=None):
    """Run a command in front, and exit with its status if it fails."""
    exit_unless_good(attempt(command, environment))


def attempt(command, environment=None):
    """Run a command in front, and return how it ended.

    Ctrl-C reaches it directly, so this process only waits. SIGTERM is passed on.
    """
    sys.stdout.flush()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    hear = None if before == signal.SIG_IGN else _hear_ctrl_c
    process = subprocess.Popen(command, env=environment, preexec_fn=hear)
    handler = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, handler)


def _hear_ctrl_c():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def in_background(command, **options):
    """Start a command that does not hear Ctrl-C, as a shell does with `&`; return the process."""
    sys.stdout.flush()
    options = {'stdin': subprocess.DEVNULL, **options}
    return subprocess.Popen(command, preexec_fn=_ignore_ctrl_c, **options)


def _ignore_ctrl_c():
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)


def handle_stop_signals(handler):
    """Handle Ctrl-C and SIGTERM, and return {signal: its handler before}.

    A script that a shell started with `&` ignores Ctrl-C, and continues to do so.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: old for number, old in before.items() if old != signal.SIG_IGN}
    for number in before:
        signal.signal(number, handler)
    return before


def restore_handlers(handlers):
    """Undo `handle_stop_signals`."""
    for number, handler in handlers.items():
        signal.signal(number, handler)


def exit_status(returncode):
    """Return a process's exit status as a shell does: 128 + N if signal N ended it."""
    return 128 - returncode if returncode < 0 else returncode


def exit_unless_good(returncode):
    """Exit with the status of a process that failed; it has said why."""
    if returncode:
        sys.exit(exit_status(returncode))


class ProgramRunner:
    """Run programs one after the other; use it in a `with` block.

    Ctrl-C or SIGTERM stops the program that runs and exits. A training saves a checkpoint first.
    """

    def __init__(self):
        self._process = None
        self._status = None
        self._handlers = {}

    def __enter__(self):
        self._handlers = handle_stop_signals(self._stop)
        return self

    def __exit__(self, *error):
        restore_handlers(self._handlers)

    def _stop(self, number, frame):
        if self._status is None:
            self._status = 128 + number
            if self._process:
                self._process.terminate()

    def run(self, command, environment=None):
        """Run a command to its end, and exit with its status if it fails."""
        exit_unless_good(self.wait(self.start(command, env=environment)))

    def start(self, command, **options):
        """Start a command, and return its process."""
        self._exit_if_stopped()
        self._process = in_background(command, **options)
        if self._status is not None:  # The signal came before the process was known here.
            self._process.terminate()
        return self._process

    def wait(self, process):
        """Wait for the process, and return how it ended."""
        status = process.wait()
        self._process = None
        self._exit_if_stopped()
        return status

    def _exit_if_stopped(self):
        if self._status is not None:
            print('stopped; run the same command again to resume', file=sys.stderr)
            sys.exit(self._status)
