"""What goes wrong while training: numbers, checkpoints, directories, disks."""

import os
import re

import numpy as np
import pytest

from classifiers import watch
from common.errors import UserError
from support import training_runs
from support.files import checkpoint_files, records
from training.jobs import run_directory


def files_of(path):
    return {name for name in os.listdir(path) if name.startswith('model.ckpt')}


def test_a_loss_that_is_no_number_stops_the_run_with_status_3(runs, capfd):
    status = runs.train(max_number_of_steps=50, learning_rate=1e15, save_interval_secs=0)
    assert status == run_directory.EXIT_DIVERGED == 3
    message = capfd.readouterr().err.splitlines()[-1]
    assert re.match(r'error: .*(nan|inf|NaN|Inf).* at step \d+, learning rate 1e\+15; ', message)
    assert '--warmup_epochs' in message
    assert runs.newest().step == 0
    assert training_runs.is_finite(runs.newest())
    written = run_directory.read_status(runs.path())
    assert (written.state, f'error: {written.message}') == ('diverged', message)
    assert f' at step {written.step}, ' in message


def test_weights_that_are_no_numbers_are_not_saved_whatever_the_loss_is(runs, capfd):
    """The loss of a step is that of the weights before it."""
    status = runs.train(max_number_of_steps=1, learning_rate=3e38, seed=1)
    assert status == run_directory.EXIT_DIVERGED
    assert 'NaN or Inf in LeNet/' in capfd.readouterr().err
    assert files_of(runs.path()) == {
        'model.ckpt-0.data-00000-of-00001',
        'model.ckpt-0.index',
        'model.ckpt-0.meta',
    }


@pytest.mark.parametrize('poison', [np.nan, pytest.param(np.inf, marks=pytest.mark.soak)])
def test_a_poisoned_checkpoint_is_not_trained_on(runs, finished_run, poison, capfd):
    values = training_runs.variables(watch.newest_good(finished_run))
    values['LeNet/fc3/biases'][5] = poison
    path = checkpoint_files.write(runs.path('poisoned'), values)
    status = runs.train(checkpoint_path=path, max_number_of_steps=5)
    assert status == run_directory.EXIT_DIVERGED
    assert 'NaN or Inf in LeNet/fc3/biases at step 0' in capfd.readouterr().err
    assert not files_of(runs.path())


@pytest.mark.parametrize(
    ('damaged', 'damage'),
    [
        ('data-00000-of-00001', checkpoint_files.truncate),
        # tests/classifiers/test_watch.py has every kind of damage.
        pytest.param('data-00000-of-00001', checkpoint_files.flip, marks=pytest.mark.soak),
        pytest.param('index', checkpoint_files.truncate, marks=pytest.mark.soak),
    ],
)
def test_a_damaged_newest_checkpoint_is_skipped_loudly(trained, damaged, damage, log):
    damage(os.path.join(trained.path(), f'model.ckpt-2.{damaged}'))
    trained.train(max_number_of_steps=3)
    assert f'SKIPPED {trained.path()}/model.ckpt-2: damaged' in log()
    assert f'Resuming the run in {trained.path()} at step 0' in log()
    assert trained.newest().step == 3


def test_a_garbage_state_file_costs_nothing(trained, log):
    with open(os.path.join(trained.path(), 'checkpoint'), 'wb') as stream:
        stream.write(os.urandom(50))
    trained.train(max_number_of_steps=3)
    assert f'Resuming the run in {trained.path()} at step 2' in log()


def lose_all(directory):
    for name in files_of(directory):
        if name.endswith('.index'):
            checkpoint_files.truncate(os.path.join(directory, name))


def lose_index(directory):
    for name in files_of(directory):
        if name.endswith('.index'):
            os.unlink(os.path.join(directory, name))


def lose_checkpoints(directory):
    for name in files_of(directory):
        os.unlink(os.path.join(directory, name))


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (lose_all, 'every checkpoint is damaged'),
        (lose_index, r'model\.ckpt-2\.data-00000-of-00001: its \.index is missing'),
        (lose_checkpoints, 'names model.ckpt-2, which is missing'),
    ],
)
def test_a_train_dir_that_cannot_be_read_is_never_taken_for_an_empty_one(trained, damage, words):
    damage(trained.path())
    before = files_of(trained.path())
    with pytest.raises(UserError, match=words):
        trained.train(max_number_of_steps=3)
    assert files_of(trained.path()) == before


def test_a_train_dir_that_is_a_file_is_an_error(runs):
    with open(runs.path(), 'w'):
        pass
    with pytest.raises(UserError, match=f'--train_dir={runs.path()}: cannot be created'):
        runs.train(max_number_of_steps=1)


def test_a_damaged_picture_ends_the_run_in_one_line(runs, tmp_path):
    pictures = [records.example(b'\xff\xd8\xff\xe0 no more', number % 2) for number in range(8)]
    records.write(tmp_path / 'bad_train_00000-of-00001.tfrecord', pictures)
    (tmp_path / 'labels.txt').write_text('0:cat\n1:dog\n')
    bad = {'dataset_dir': str(tmp_path), 'dataset_name': 'bad'}
    with pytest.raises(
        UserError, match=r'00000-of-00001\.tfrecord: record \d has no picture that .* \(.*JPEG'
    ):
        runs.train(max_number_of_steps=3, **bad)
    assert runs.newest().step == 0
    written = run_directory.read_status(runs.path())
    assert written.state == 'failed'
    assert '00000-of-00001.tfrecord: record ' in written.message


def test_a_full_disk_leaves_the_last_good_checkpoint(runs, limited_files):
    runs.train(max_number_of_steps=2)
    before = files_of(runs.path())
    with limited_files(100_000):
        with pytest.raises(UserError) as error:
            runs.train(max_number_of_steps=4)
    assert re.search(
        r'model\.ckpt-4: cannot be written \(.*\); the last good checkpoint is .*model\.ckpt-2$',
        str(error.value),
    )
    assert files_of(runs.path()) == before
    runs.train(max_number_of_steps=4)
    assert runs.newest().step == 4


@pytest.fixture
def limited_files():
    """Return a context in which no file may grow beyond a size, as on a full disk."""
    import contextlib
    import resource

    @contextlib.contextmanager
    def limited(size):
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return limited
