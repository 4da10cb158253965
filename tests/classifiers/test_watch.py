"""The newest good checkpoint of a directory, and waiting for the next one."""

import os
import shutil
import threading

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers import checkpoints, watch
from common.errors import UserError
from support.files import checkpoint_files

DATA = '.data-00000-of-00001'


@pytest.fixture
def directory(tmp_path):
    for step in (1, 2, 3):
        save(tmp_path, step)
    return tmp_path


def save(directory, step, value=0.0, **options):
    values = {'w': np.full(3, value, np.float32)}
    return checkpoint_files.write(directory, values, step=step, **options)


def newest_step(directory, warnings=None):
    found = watch.newest_good(directory, warn=[].append if warnings is None else warnings.append)
    return found and found.step


def test_the_newest_is_found(directory):
    assert newest_step(directory) == 3
    assert watch.find_checkpoint(directory).path == str(directory / 'model.ckpt-3')


def test_a_directory_without_checkpoints_is_none_and_an_unreadable_one_is_an_error(tmp_path):
    assert newest_step(tmp_path) is None
    assert newest_step(tmp_path / 'not there') is None
    with pytest.raises(UserError, match='no checkpoint in this directory'):
        watch.find_checkpoint(tmp_path)
    (tmp_path / 'file').touch()
    with pytest.raises(UserError, match='cannot be read as a directory'):
        newest_step(tmp_path / 'file')


@pytest.mark.parametrize('part', ['.index', DATA])
def test_a_damaged_newest_is_skipped_loudly(directory, part):
    checkpoint_files.truncate(f'{directory}/model.ckpt-3{part}')
    warnings = []
    assert newest_step(directory, warnings) == 2
    assert 'SKIPPED' in warnings[0]
    assert 'model.ckpt-3' in warnings[0]


def test_nothing_but_damage_is_no_empty_directory(directory):
    for step in (1, 2, 3):
        checkpoint_files.flip(f'{directory}/model.ckpt-{step}{DATA}')
    with pytest.raises(UserError, match='every checkpoint is damaged'):
        newest_step(directory)


def close(path, monkeypatch):
    """Refuse to open a file, as the system refuses anybody but root."""

    def refuse(opened, *arguments, **options):
        if opened == path:
            raise PermissionError(13, 'Permission denied', opened)
        return open(opened, *arguments, **options)

    monkeypatch.setattr(checkpoints, 'open', refuse, raising=False)


def test_files_without_the_right_to_read_are_not_called_damaged(tmp_path, monkeypatch):
    path = save(tmp_path, 15) + DATA
    close(path, monkeypatch)
    for named in (tmp_path, path):
        with pytest.raises(UserError, match='Permission denied') as error:
            watch.find_checkpoint(named, warn=[].append)
        assert str(error.value) == f'{path}: Permission denied'
    checkpoint_files.flip(save(tmp_path, 14) + DATA)
    with pytest.raises(UserError, match=r'model.ckpt-15.*: Permission denied$'):
        newest_step(tmp_path)


def test_a_newest_without_the_right_to_read_is_skipped_loudly(directory, monkeypatch):
    path = f'{directory}/model.ckpt-3{DATA}'
    close(path, monkeypatch)
    warnings = []
    assert newest_step(directory, warnings) == 2
    assert warnings == [f'SKIPPED {path}: Permission denied; using the previous one, if any']


@pytest.mark.parametrize('content', [b'', b'\xff\x00garbage', b'model_checkpoint_path: "model.ck'])
def test_a_garbage_state_file_is_ignored(directory, content):
    (directory / 'checkpoint').write_bytes(content)
    warnings = []
    assert newest_step(directory, warnings) == 3
    assert bool(warnings) == bool(content)


def test_only_the_reader_of_a_state_file_is_quiet(directory, monkeypatch, caplog):
    def state(_):
        tf.logging.warning('of this thread')
        thread = threading.Thread(target=tf.logging.warning, args=('of another thread',))
        thread.start()
        thread.join()

    monkeypatch.setattr(tf.train, 'get_checkpoint_state', state)
    monkeypatch.setattr(tf.get_logger(), 'handlers', [caplog.handler])
    monkeypatch.setattr(tf.get_logger(), 'propagate', False)
    watch.newest_first(directory, warn=[].append)
    assert caplog.messages == ['of another thread']


def test_the_state_file_tells_which_of_two_runs_is_newer(directory):
    # A run that began again at step 1 writes 2 over the old 2, and leaves the old 3 alone.
    save(directory, 2)
    assert newest_step(directory) == 2


def test_a_checkpoint_that_was_saved_after_the_state_file_counts(directory):
    path = save(directory, 4, state=False)
    os.utime(path + '.index', (2**31, 2**31))
    assert newest_step(directory) == 4


def test_a_state_file_that_came_from_elsewhere_is_read_by_names(directory):
    content = 'model_checkpoint_path: "/home/lwp/train/model.ckpt-2"\n'
    (directory / 'checkpoint').write_text(content)
    os.utime(directory / 'checkpoint', (2**31, 2**31))
    assert newest_step(directory) == 2


def test_files_alone_are_enough(directory):
    (directory / 'checkpoint').unlink()
    save(directory, 10, state=False)
    assert newest_step(directory) == 10


def test_temporary_files_are_no_checkpoints(directory):
    (directory / 'checkpoint').unlink()
    for name in ('model.ckpt-9.index.tempstate123', 'model.ckpt-9.meta', f'model.ckpt-9{DATA}'):
        (directory / name).touch()
    assert newest_step(directory) == 3


def test_the_old_format_is_found(tmp_path):
    save(tmp_path, 157585, v1=True)
    (tmp_path / 'model.ckpt-157585.meta').touch()
    assert newest_step(tmp_path) == 157585
    (tmp_path / 'checkpoint').unlink()
    assert newest_step(tmp_path) == 157585


def test_a_file_may_be_named_by_any_of_its_parts(directory):
    for suffix in ('', '.index', DATA):
        assert watch.find_checkpoint(f'{directory}/model.ckpt-2{suffix}').step == 2
    with pytest.raises(UserError, match=r'model.ckpt-3.*model.ckpt-2'):
        watch.find_checkpoint(f'{directory}/model.ckpt-9')
    checkpoint_files.flip(f'{directory}/model.ckpt-2{DATA}')
    with pytest.raises(UserError, match='damaged'):
        watch.find_checkpoint(f'{directory}/model.ckpt-2')


class Script:
    """Stands in for the stop event: each wait runs the next action instead of passing time."""

    def __init__(self, *actions):
        self._actions = list(actions)
        self.time = 0.0

    def is_set(self):
        return False

    def wait(self, seconds):
        self.time += seconds
        if seconds and self._actions:
            self._actions.pop(0)()
        return not self._actions and seconds == 0

    def clock(self):
        return self.time


def watched(directory, *actions, timeout_secs=5):
    script = Script(*actions)
    found = watch.wait_for_new(
        directory, timeout_secs=timeout_secs, stop=script, clock=script.clock
    )
    return [checkpoint.step for checkpoint in found]


def test_each_new_checkpoint_comes_once_and_in_order(directory):
    def two_more():
        save(directory, 4)
        save(directory, 5)

    assert watched(directory, two_more, lambda: save(directory, 6)) == [3, 4, 5, 6]


def test_a_directory_may_appear_later(tmp_path):
    late = tmp_path / 'late'
    assert watched(late, lambda: None, lambda: save(late, 1)) == [1]


def test_a_half_written_checkpoint_comes_when_it_is_whole(directory, tmp_path_factory):
    source = save(tmp_path_factory.mktemp('source'), 4)

    def copy(suffix):
        shutil.copy(source + suffix, f'{directory}/model.ckpt-4{suffix}')

    def half():
        copy('.index')
        copy(DATA)
        checkpoint_files.truncate(f'{directory}/model.ckpt-4{DATA}')

    assert watched(directory, half, lambda: None, lambda: copy(DATA)) == [3, 4]


def test_deletion_and_rewriting_the_same_bytes_bring_nothing_twice(directory):
    def delete():
        for path in directory.glob('model.ckpt-3*'):
            path.unlink()

    def write_again():
        save(directory, 3)

    assert watched(directory, delete, write_again, lambda: None) == [3]


def test_a_restarted_run_counts_though_its_names_are_old(directory):
    def restart():
        for path in directory.iterdir():
            path.unlink()
        save(directory, 1, value=0.5)

    assert watched(directory, restart, lambda: save(directory, 3, value=0.5)) == [3, 1, 3]


def test_waiting_ends_by_its_time_limit(directory):
    script = Script()
    found = watch.wait_for_new(directory, 2.5, stop=script, clock=script.clock)
    assert [checkpoint.step for checkpoint in found] == [3]
    assert script.time == 2.5


def test_a_set_event_ends_waiting_at_once(directory):
    stop = threading.Event()
    found = watch.wait_for_new(directory, stop=stop)
    assert next(found).step == 3
    stop.set()
    assert list(found) == []


def test_a_pause_between_two_is_kept(directory):
    script = Script(lambda: save(directory, 4))
    found = watch.wait_for_new(
        directory, timeout_secs=5, min_interval_secs=60, stop=script, clock=script.clock
    )
    assert next(found).step == 3
    assert next(found).step == 4
    assert script.time >= 60
