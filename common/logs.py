"""The log of a program: lines as TensorFlow 1.x wrote them, which people's scripts match."""

import contextlib
import logging
import sys
import warnings

_NAME = 'tensorflow'


def start(stream=None):
    """Write TensorFlow's log, and ours in it, to `stream` (standard error) from INFO upwards.

    absl's own format would put another prefix before each line, and `propagate` would print it
    twice.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    logger = logging.getLogger(_NAME)
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)
    # Layers of tf-slim call what TensorFlow has deprecated; users can do nothing about it.
    warnings.filterwarnings('ignore', category=UserWarning, module=r'tensorflow\.')
    return handler


@contextlib.contextmanager
def only_warnings():
    """Leave out TensorFlow's reports of its own steps, which sound like failures to users."""
    logger = logging.getLogger(_NAME)
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
