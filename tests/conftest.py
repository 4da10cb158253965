"""Switches and fixtures that all tests share."""

import os
import signal

# Read once when TensorFlow starts: two test workers share two cores, one thread each.
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
os.environ.setdefault('TF_NUM_INTRAOP_THREADS', '1')
os.environ.setdefault('TF_NUM_INTEROP_THREADS', '1')
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')

import pytest

# A shell's background job ignores Ctrl-C, and so would all that tests start and then interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption('--soak', action='store_true', help="run the promises' full counts too")


# These take longest. They come first: two workers then end at the same time.
LONG = ('tests/test_readme.py', 'tests/walks/', 'tests/training/', 'tests/programs/')


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
    if config.getoption('--soak'):
        return
    skip = pytest.mark.skip(reason='full count: runs with --soak')
    for item in items:
        if 'soak' in item.keywords:
            item.add_marker(skip)
