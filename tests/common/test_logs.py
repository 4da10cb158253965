"""Lines of the log, in the form that people's scripts match."""

import io
import logging
import warnings

import pytest

from common import logs


@pytest.fixture
def logger():
    """Return TensorFlow's logger, and put it back as it was."""
    logger = logging.getLogger('tensorflow')
    kept = logger.handlers[:], logger.propagate, logger.level
    with warnings.catch_warnings():
        yield logger
    logger.handlers[:], logger.propagate, level = kept
    logger.setLevel(level)


def test_lines_have_the_prefix_of_tensorflow_1(logger):
    stream = io.StringIO()
    logs.start(stream)
    logger.info('global step %d', 10)
    logger.warning('SKIPPED')
    logger.debug('nobody needs this')
    assert stream.getvalue() == 'INFO:tensorflow:global step 10\nWARNING:tensorflow:SKIPPED\n'


def test_what_tensorflow_says_of_its_own_steps_may_be_left_out(logger):
    stream = io.StringIO()
    logs.start(stream)
    with logs.only_warnings():
        logger.info('The specified SavedModel has no variables; no checkpoints were restored.')
        logger.warning('SKIPPED')
    logger.info('written')
    assert stream.getvalue() == 'WARNING:tensorflow:SKIPPED\nINFO:tensorflow:written\n'


def test_a_line_is_written_once_whatever_ran_before(logger, caplog):
    first, second = io.StringIO(), io.StringIO()
    logs.start(first)
    logs.start(second)
    logger.info('once')
    assert (first.getvalue(), second.getvalue()) == ('', 'INFO:tensorflow:once\n')
    assert caplog.records == []
