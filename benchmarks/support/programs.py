"""Run programs as processes of their own, and measure their time and memory.

A benchmark that measures memory must stay small itself: a process inherits the highest memory of
the one that starts it. So whatever needs TensorFlow runs in a process of its own, see `own`.
"""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import tempfile
import time

READY = 'listening on port '  # The first line of a server; other programs say port 0.
_LONGEST_ERROR = 2000


def own(function, *arguments):
    """Return the command that calls a function of an importable module."""
    call = ', '.join(repr(argument) for argument in arguments)
    module, name = function.__module__, function.__name__
    return '-c', f'from {module} import {name}; {name}({call})'


@dataclasses.dataclass(frozen=True)
class Used:
    """What a program that has ended has used, with the processes that it started."""

    seconds: float
    processor_seconds: float
    highest_mb: float  # Resident memory.


def run(*command, log=None):
    """Run Python with these arguments to its end, and return what it used.

    Its output goes to the stream `log` if there is one. A program that fails ends this one.
    """
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=log or output,
            stderr=log or output,
            env=_environment(),
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            _fail(command, f'exit status {process.returncode}', output)
    return Used(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


@dataclasses.dataclass(frozen=True)
class Program:
    """A program that is running."""

    process: subprocess.Popen
    port: int  # 0 unless it is a server.
    ready_seconds: float  # From its start until it was ready.

    def ask(self, line):
        """Write a line to its standard input, and return the next line that it prints."""
        self.process.stdin.write(f'{line}\n')
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f'{self.process.args}: ended early')
        return answer.strip()

    def resident_mb(self):
        """Return its resident memory."""
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as stream:
            line = next(line for line in stream if line.startswith('VmRSS'))
        return int(line.split()[1]) / 1024

    def processor_ms(self):
        """Return the CPU time that it has used."""
        with open(f'/proc/{self.process.pid}/stat', encoding='ascii') as stream:
            fields = stream.read().rpartition(')')[2].split()
        return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


@contextlib.contextmanager
def running(*command):
    """Run Python with these arguments during a block; yield the Program when it is ready."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile())
        began = time.perf_counter()
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=_environment(),
            )
        )
        try:
            line = process.stdout.readline()
            seconds = time.perf_counter() - began
            if not line.startswith(READY):
                process.kill()
                _fail(command, 'did not start', log)
            yield Program(process, int(line.removeprefix(READY)), seconds)
        finally:
            process.send_signal(signal.SIGTERM)


def _environment():
    return {**os.environ, 'TF_CPP_MIN_LOG_LEVEL': '3'}


def _fail(command, reason, output):
    """End this program with the last words of another."""
    output.seek(0)
    text = output.read().decode(errors='replace').strip()[-_LONGEST_ERROR:]
    raise SystemExit(f'{" ".join(command)}: {reason}\n{text}'.strip())
