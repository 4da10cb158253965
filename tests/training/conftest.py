"""What the tests of training share."""

import os
import shutil

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


@pytest.fixture(scope='session')
def finished_run(drawn_pictures, tmp_path_factory):
    """Train for two steps, once for all tests, and return the train_dir."""
    from support import training_runs

    finished = training_runs.Runs(drawn_pictures, tmp_path_factory.mktemp('finished'))
    finished.train(max_number_of_steps=2)
    return finished.path()


@pytest.fixture
def trained(runs, finished_run):
    """Return `runs` whose train_dir `run` is a copy of a run that ended at step 2."""
    shutil.copytree(finished_run, runs.path())
    return runs


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Return the directory of pictures for classifiers that nobody trained."""
    from support.files import classifier_files

    numbers = classifier_files.labels_of(classifier_files.EXAMPLES)
    return classifier_files.write_data(tmp_path_factory.mktemp('data'), numbers)


@pytest.fixture
def program(tmp_path, data):
    """Run evaluations on these pictures, in directories of the test's own."""
    from support.evaluations import Program

    return Program(tmp_path, data)


@pytest.fixture
def log_lines(caplog):
    """Return a function that lists what was logged so far."""
    caplog.set_level('INFO', logger='tensorflow')
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def log(log_lines):
    """Return a function that gives what was logged so far, a line for each message."""
    return lambda: '\n'.join(log_lines())
