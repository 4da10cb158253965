"""What the tests of training share."""

import os

import pytest


@pytest.fixture(scope='session')
def drawn_pictures(tmp_path_factory):
    """Return the directory of a small data set, written once however many processes test."""
    from support import training_runs

    base = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        base = base.parent
    return training_runs.pictures(base / 'drawn_pictures')


@pytest.fixture
def runs(drawn_pictures, tmp_path):
    """Start training runs on these pictures, in directories of the test's own."""
    from support import training_runs

    started = training_runs.Runs(drawn_pictures, tmp_path)
    yield started
    started.end()


@pytest.fixture
def log(caplog):
    """Return a function that gives what was logged so far, a line for each message."""
    caplog.set_level('INFO', logger='tensorflow')
    return lambda: '\n'.join(record.getMessage() for record in caplog.records)
