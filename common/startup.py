"""Start TensorFlow without the messages that it prints on every machine.

Some of them are written to file descriptor 2 while its libraries load, before any setting of
TensorFlow counts. A small process reads the descriptor meanwhile: it passes on all other lines,
those of a TensorFlow that ends the process too.
"""

import contextlib
import logging
import os
import re
import subprocess
import sys
import warnings

# From this level upwards TensorFlow's libraries show their messages.
_LEVEL = 'TF_CPP_MIN_LOG_LEVEL'
_INFO, _ERROR, FATAL = '0', '2', '3'
# Printed at any level, on machines where nothing is wrong.
_NOISE = re.compile(
    rb'WARNING: All log messages before absl::InitializeLog\(\) is called'
    rb'|cudart_stub\.cc:\d+\] Could not find cuda drivers'
    # Only on processors with AVX-512 VNNI.
    rb'|port\.cc:\d+\] oneDNN custom operations are on'
    # 303: there is no driver. A driver that fails has another number, which is worth knowing.
    rb'|failed call to cuInit: .*\(303\)'
    rb'|failed call to cuInit: .*no CUDA-capable device is detected'
    # Versions of TensorFlow for GPUs register these twice.
    rb'|Unable to register cu\w+ (factory|plugin)'
    rb'|computation placer already registered'
    rb'|INFO: Created TensorFlow Lite XNNPACK delegate'
    # Keras imports it where it is installed; nothing here draws with it.
    rb'|mkdir -p failed for path .*matplotlib'
    rb'|Matplotlib (created a temporary cache directory|is building the font cache)'
)
# TensorFlow 2.22 adds where in its source a message comes from, and an empty line.
_TRACE = re.compile(rb'(=== Source Location Trace: ===|external/\S+:\d+)?\s*')


def set_verbosity(verbose):
    """Show all messages of TensorFlow and other libraries if `verbose`, else hide warnings.

    A level that the user has set in the environment, and Python's option -W, override this.
    Processes that this one starts inherit the level.
    """
    if verbose:
        os.environ.setdefault(_LEVEL, _INFO)
        return
    logging.getLogger().setLevel(logging.WARNING)
    if not sys.warnoptions:
        warnings.simplefilter('ignore')


def hides_messages():
    """Return whether TensorFlow's messages about its own steps are hidden."""
    return os.environ.get(_LEVEL, _ERROR) >= _ERROR


@contextlib.contextmanager
def quiet(level=_ERROR):
    """Import TensorFlow in this block: its messages below a level are hidden, if not asked for.

    `FATAL` is the level of programs that report damaged pictures themselves.
    """
    if 'tensorflow' in sys.modules:
        yield
        return
    os.environ.setdefault(_LEVEL, level)
    with without_noise():
        yield
        if 'tensorflow' in sys.modules:
            # Look for GPUs now: without one, that prints messages too.
            sys.modules['tensorflow'].config.list_physical_devices('GPU')


@contextlib.contextmanager
def without_noise():
    """Send what is written to file descriptor 2 through a process that drops the noise."""
    # Without a standard error there is nothing to filter.
    if not hides_messages() or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    with subprocess.Popen(
        [sys.executable, '-I', '-S', __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is not for it: it ends when its input does.
    ) as process:
        assert process.stdin is not None
        kept = os.dup(2)
        os.dup2(process.stdin.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def _filter(lines, output):
    is_noise = False
    for line in lines:
        is_noise = bool(_NOISE.search(line) or (is_noise and _TRACE.fullmatch(line)))
        if not is_noise:
            output.write(line)
            output.flush()


if __name__ == '__main__':
    _filter(sys.stdin.buffer, sys.stderr.buffer)
