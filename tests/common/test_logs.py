"""Lines of the log, in the form that people's scripts match."""

import io
import logging

import pytest

from common import logs


@pytest.fixture
def logger():
    """Return TensorFlow's logger, and put it back as it was."""
    logger = logging.getLogger('tensorflow')
    kept = logger.handlers[:], logger.propagate, logger.level
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


def record(path, level, function='run'):
    return logging.LogRecord('tensorflow', level, path, 1, 'a line', (), None, function)


@pytest.mark.parametrize(
    ('path', 'function', 'level', 'is_shown'),
    [
        ('/tensorflow/python/training/session_manager.py', 'prepare_session', logging.INFO, False),
        ('/tensorflow/python/util/deprecation.py', 'new_func', logging.WARNING, False),
        ('/tensorflow/python/training/saver.py', 'restore', logging.INFO, True),
        ('/tensorflow/python/training/saver.py', '__init__', logging.INFO, False),
        ('/tensorflow/python/training/saver.py', 'save', logging.WARNING, True),
        ('/tensorflow/python/client/session.py', 'run', logging.ERROR, True),
        ('/training/train.py', 'train', logging.INFO, True),
    ],
)
def test_reports_of_tensorflow_about_its_own_steps_are_left_out(
    logger, path, function, level, is_shown
):
    stream = io.StringIO()
    logs.start(stream)
    logger.handle(record(f'/lib{path}', level, function))
    assert bool(stream.getvalue()) == is_shown


def test_all_lines_are_shown_where_the_level_asks_for_them(logger, monkeypatch):
    monkeypatch.setenv('TF_CPP_MIN_LOG_LEVEL', '0')
    stream = io.StringIO()
    logs.start(stream)
    logger.handle(record('/lib/tensorflow/python/util/deprecation.py', logging.WARNING))
    assert stream.getvalue() == 'WARNING:tensorflow:a line\n'


def test_a_line_is_written_once_whatever_ran_before(logger, caplog):
    first, second = io.StringIO(), io.StringIO()
    logs.start(first)
    logs.start(second)
    logger.info('once')
    assert (first.getvalue(), second.getvalue()) == ('', 'INFO:tensorflow:once\n')
    assert caplog.records == []


def test_messages_of_a_library_are_hidden_for_a_while(caplog):
    library = logging.getLogger('a library')
    with logs.at_level('a library', logging.ERROR):
        library.warning('hidden')
        library.error('shown')
    library.warning('shown again')
    assert caplog.messages == ['shown', 'shown again']
