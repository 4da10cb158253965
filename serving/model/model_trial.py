"""Test a new model in a process of its own, so that a crash does not stop the server.

TensorFlow and ONNX Runtime trust the models that they run. One with a division by zero, a loop
without an end or a huge tensor ends or fills the process that tries it, and no `except` helps. No
TensorFlow here: only the child needs it, for models that it runs.
"""

import contextlib
import ctypes
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time

from common.checks import Range
from common.errors import UserError, one_line
from common.options import Options, option
from serving import memory
from serving.model.model_options import MODEL

_MEGABYTE = 2**20
_POLL_SECS = 0.1
MOST = 1e9  # Larger numbers of seconds are too large for the clocks of some systems.
_SHARE = 0.8  # Of the free memory; the server needs the rest for requests.
_PR_SET_PDEATHSIG = 1
_NICENESS = 10  # Requests have priority.
_LONGEST_REASON = 1000
# Isolated (-I), so that no module comes from the working directory; then our own path is set.
_START = (
    'import json, sys; request = json.loads(sys.stdin.readline()); '
    'sys.path[:] = request["path"]; '
    'from serving.model import model_trial; model_trial.child(request)'
)


@dataclasses.dataclass(frozen=True)
class TrialLimits(Options):
    """The time and memory that the trial of a new model may take."""

    secs: float = option(
        MODEL,
        300.0,
        'How long the test of a new model may take.',
        Range(1, MOST),
        name='trial_secs',
    )
    max_mb: float = option(
        MODEL,
        0.0,
        'Memory for that test; 0 means four fifths of what is free.',
        Range(0, MOST),
        name='trial_max_mb',
    )


class StoppedError(Exception):
    """The server stopped during a trial."""


class ShortageError(UserError):
    """A trial ran out of time or memory; a later one may succeed."""


def run(model_options, predictor_options, limits=None, stop=None):
    """Load and try a model in a child process; raise a UserError if it fails.

    It is a ShortageError when the model is perhaps not at fault. The event `stop` ends the trial
    early, with a StoppedError.
    """
    limits, stop = limits or TrialLimits(), stop or threading.Event()
    path = os.fspath(model_options.path)
    request = {
        'path': sys.path,
        'parent': os.getpid(),
        'model': {**dataclasses.asdict(model_options), 'path': path},
        'predictor': dataclasses.asdict(predictor_options) if predictor_options else None,
    }
    max_bytes = limits.max_mb * _MEGABYTE or _SHARE * memory.free_bytes()
    with subprocess.Popen(
        [sys.executable, '-I', '-c', _START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the server.
    ) as child:
        try:
            _send(child, request)
            _wait(child, path, limits.secs, max_bytes, stop)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
        answer = child.stdout.read()
    _judge(path, child.returncode, answer)


def _send(child, request):
    try:
        child.stdin.write(json.dumps(request).encode() + b'\n')
        child.stdin.flush()  # Kept open: when it closes, the child ends.
    except BrokenPipeError:
        # The child has ended; _judge reports why. What is still in the buffer fails once more.
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


def _wait(child, path, secs, max_bytes, stop):
    """Wait until the child ends or exceeds its limits."""
    ending = time.monotonic() + secs
    while True:
        try:
            child.wait(_POLL_SECS)
            return
        except subprocess.TimeoutExpired:
            pass
        if stop.is_set():
            raise StoppedError(f'{path}: its trial was stopped')
        if time.monotonic() > ending:
            raise ShortageError(
                f'{path}: trying it took longer than {secs:g} seconds; --trial_secs allows more'
            )
        used = _used_bytes(child.pid)
        if used > max_bytes:
            raise ShortageError(
                f'{path}: trying it took {used / _MEGABYTE:,.0f} MB of memory, more than'
                f' {max_bytes / _MEGABYTE:,.0f} MB; --trial_max_mb allows more'
            )


def _judge(path, status, answer):
    """Raise a UserError unless the child succeeded."""
    if status < 0:
        name = signal.Signals(-status).name
        ended = f'{path}: trying it ended the process with {name}'
        if -status == signal.SIGKILL:
            raise ShortageError(f'{ended}, perhaps for lack of memory')
        raise UserError(ended)
    try:
        problem = json.loads(answer)['problem']
    except ValueError:
        raise UserError(f'{path}: trying it ended the process (exit status {status})') from None
    if problem:
        raise UserError(problem)


def _used_bytes(pid):
    """Return the memory that a process uses; 0 if the system does not report it."""
    try:
        with open(f'/proc/{pid}/statm', encoding='ascii') as stream:
            return int(stream.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    except (OSError, IndexError, ValueError):
        return 0


def child(request):
    """Test the model of a request, and print the problem as JSON, or null."""
    _step_back(request['parent'])
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # Other output goes to standard error.
    print(json.dumps({'problem': _problem(request)}), file=answers, flush=True)
    os._exit(0)  # Skip the cleanup, which a bad model could block.


def _step_back(parent):
    """Give the server priority in time and memory, and end when it ends."""
    os.nice(_NICENESS)
    try:
        with open('/proc/self/oom_score_adj', 'w', encoding='ascii') as stream:
            stream.write('1000')
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        pass  # Not on Linux: the thread below does it.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if os.getppid() != parent:
        os._exit(1)


def _end_with_parent():
    sys.stdin.read()
    os._exit(1)


def _problem(request):
    """Return one line with the reason why the model cannot be served, or None."""
    from serving.model.model_options import ModelOptions, PredictorOptions
    from serving.model.predictor import Predictor

    how = PredictorOptions(**request['predictor']) if request['predictor'] else None
    try:
        # As in the server, which has a model of an older version.
        Predictor(ModelOptions(**request['model']), how, report=lambda line: None, version=2)
    except Exception as error:  # As in the server, whatever a bad file causes.
        return one_line(error, _LONGEST_REASON)
    return None
