"""The start of TensorFlow: its noise is hidden, its errors are not."""

import os
import subprocess
import sys

import pytest

from common import startup
from support.checkout import ROOT

BANNER = 'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR'
NOISE = (
    BANNER,
    'I0000 00:00:1 1 cudart_stub.cc:31] Could not find cuda drivers on your machine',
    'I0000 00:00:1 1 port.cc:153] oneDNN custom operations are on. You may see slightly different',
    'E0000 00:00:1 1 cuda_platform.cc:52] failed call to cuInit: INTERNAL: UNKNOWN ERROR (303)',
    '=== Source Location Trace: === ',
    'external/xla/xla/stream_executor/cuda/cuda_status.cc:50',
    '',
    'E0000 00:00:1 1 cuda_dnn.cc:9] Unable to register cuDNN factory: already registered',
    'E0000 00:00:1 1 computation_placer.cc:1] computation placer already registered',
    'mkdir -p failed for path /.config/matplotlib: Read-only file system',
    'Matplotlib created a temporary cache directory at /tmp/matplotlib-x because ...',
)
ERRORS = (
    'F0000 00:00:1 1 cpu_feature_guard.cc:37] TensorFlow was compiled to use AVX instructions',
    'E0000 00:00:1 1 cuda_platform.cc:52] failed call to cuInit: SYSTEM_DRIVER_MISMATCH (803)',
    '=== Source Location Trace: === ',
    'external/xla/xla/stream_executor/cuda/cuda_status.cc:50',
    '',
    'Traceback (most recent call last):',
)


def errors_of(block, before='', level=None, options=()):
    """Return the status and the standard error of a process that runs lines in `quiet()`."""
    environment = {name: value for name, value in os.environ.items() if name != startup._LEVEL}
    if level is not None:
        environment[startup._LEVEL] = level
    indented = ''.join(f'    {line}\n' for line in block.splitlines())
    program = (
        f'import os, sys, warnings\nfrom common import startup\n{before}\n'
        f'with startup.quiet():\n{indented}'
    )
    done = subprocess.run(
        [sys.executable, *options, '-c', program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr


WRITE = f'os.write(2, {chr(10).join((*NOISE, *ERRORS, "")).encode()!r})'


def test_noise_is_dropped_and_errors_are_kept_in_order():
    assert errors_of(WRITE) == (0, '\n'.join((*ERRORS, '')))


def test_lines_of_a_process_that_dies_are_kept():
    status, errors = errors_of(f'{WRITE}\nos.abort()')
    assert (status < 0, errors) == (True, '\n'.join((*ERRORS, '')))


@pytest.mark.parametrize(
    ('before', 'level'),
    [('startup.set_verbosity(True)', None), ('startup.set_verbosity(False)', '0'), ('', '1')],
)
def test_everything_is_shown_where_the_user_asks_for_it(before, level):
    assert errors_of(WRITE, before, level) == (0, '\n'.join((*NOISE, *ERRORS, '')))


def test_the_descriptor_is_as_before_afterwards():
    at_exit = f'import atexit\natexit.register(os.write, 2, b"{BANNER}")'
    assert errors_of('pass', at_exit) == (0, BANNER)


def test_a_program_without_standard_error_starts():
    assert errors_of('pass', 'sys.stderr = None') == (0, '')


@pytest.mark.parametrize(('options', 'is_shown'), [((), False), (('-W', 'default'), True)])
def test_warnings_are_hidden_unless_python_is_asked_for_them(options, is_shown):
    _, errors = errors_of('warnings.warn("old")', 'startup.set_verbosity(False)', options=options)
    assert ('UserWarning: old' in errors) == is_shown


def test_the_log_of_other_libraries_is_hidden_even_if_python_is_asked_for_warnings():
    before = 'import logging\nlogging.basicConfig(level=logging.INFO)\nstartup.set_verbosity(False)'
    log = 'logging.info("step")\nlogging.warning("odd")'
    assert errors_of(log, before, options=('-W', 'default')) == (0, 'WARNING:root:odd\n')


def test_tensorflow_starts_without_a_line_and_looks_for_gpus():
    # A session looks for GPUs, which prints messages the first time.
    at_exit = (
        'import atexit\natexit.register(lambda: sys.modules["tensorflow"].compat.v1.Session())'
    )
    assert errors_of('import tensorflow', at_exit) == (0, '')
