"""The log of a program, in the format of TensorFlow 1.x, which users' scripts match."""

import contextlib
import logging
import sys

from common import startup

# TensorFlow's logger, for modules that must load without TensorFlow: their lines look like those of
# `tf.logging`. Code that TensorFlow calls, such as a hook, uses `tf.logging`: a line of this logger
# would count as TensorFlow's own and be hidden.
LOG = logging.getLogger('tensorflow')

_TENSORFLOW_ITSELF = '/tensorflow/python/'
# "Restoring parameters from PATH" is a line that scripts match.
_KEPT = ('saver', 'restore')
_DEPRECATION_MODULE = 'deprecation'


def start(stream=None):
    """Write TensorFlow's log, which ours is part of, to `stream` (default: standard error).

    absl's own format would add another prefix to each line, and `propagate` would print it twice.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    if startup.hides_messages():
        handler.addFilter(_concerns_users)
    LOG.handlers[:] = [handler]
    LOG.propagate = False
    LOG.setLevel(logging.INFO)
    return handler


@contextlib.contextmanager
def at_level(name, level):
    """Hide a library's messages below `level`; None is the name of the root logger."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


def _concerns_users(record):
    """Return whether a record is ours, or a warning of TensorFlow's that is no deprecation."""
    if _TENSORFLOW_ITSELF not in record.pathname.replace('\\', '/'):
        return True
    if record.levelno < logging.WARNING:
        return (record.module, record.funcName) == _KEPT
    return record.module != _DEPRECATION_MODULE
