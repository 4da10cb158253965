"""The directory of all sets of features: one writer at a time, and a limit on their size."""

import collections
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from common.errors import UserError
from heads import feature_store
from support import feature_sets

Usage = collections.namedtuple('Usage', 'free')


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(feature_store, 'WAIT_SECS', 0.0)


def _stop_at(call):
    """Return a function that returns True from this call on."""
    calls = iter(range(1, call))
    return lambda: next(calls, None) is None


def _computed(root, value):
    """Compute a set, stop using it, and return its directory."""
    opened = feature_sets.open_set(root, value)
    feature_sets.fill(opened)
    directory = opened.directory
    opened.close()
    os.utime(os.path.join(directory, 'description.json'), (value, value))
    return directory


def test_a_second_process_waits_and_then_uses_the_same_features(tmp_path):
    lines = []
    first = feature_sets.open_set(tmp_path)

    def finish():
        if lines:
            feature_sets.fill(first)
            first.read()
        return False

    second = feature_sets.open_set(tmp_path, report=lines.append, stop=finish)
    assert second.is_complete
    feature_sets.check(second.read())
    expected = f'Waiting for process {os.getpid()}, which is using {first.directory}'
    assert lines == [expected]


def test_waiting_ends_on_request(tmp_path):
    first = feature_sets.open_set(tmp_path)
    assert feature_sets.open_set(tmp_path, stop=_stop_at(3)) is None
    feature_sets.fill(first)
    feature_sets.check(first.read())


def test_many_processes_read_a_set_at_the_same_time(tmp_path):
    readers = [feature_sets.compute(str(tmp_path))[0] for _ in range(3)]
    for features in readers:
        feature_sets.check(features)


# A part of the features of a whole set.
PART = feature_sets.plan(shapes={'b': [2, 1]})


def test_a_part_of_a_set_is_read_from_the_whole_set(tmp_path):
    directory = _computed(tmp_path, 0)
    opened = feature_sets.open_set(tmp_path, planned=PART)
    assert (opened.directory, opened.is_complete) == (directory, True)
    found = opened.read(PART.cuts)
    assert list(found.arrays[0]) == ['b']
    np.testing.assert_array_equal(found.arrays[0]['b'], feature_sets.rows(0, 10)[0]['b'])
    assert os.path.getmtime(os.path.join(directory, 'description.json')) > 0  # A use.


@pytest.mark.parametrize(
    'planned',
    [
        feature_sets.plan(shapes=PART.shapes, weights='others'),
        feature_sets.plan(shapes=PART.shapes, value=1),
        feature_sets.plan(shapes=PART.shapes, count=9),
        feature_sets.plan(shapes={**PART.shapes, 'c': [1]}),
    ],
    ids=['weights', 'value', 'count', 'cut'],
)
def test_features_that_are_not_in_a_set_are_not_read_from_it(tmp_path, planned):
    directory = _computed(tmp_path, 0)
    opened = feature_sets.open_set(tmp_path, planned=planned)
    assert opened.directory != directory
    assert opened.done == 0
    opened.close()


def test_a_part_is_not_read_from_an_interrupted_set(tmp_path):
    whole = feature_sets.open_set(tmp_path)
    feature_sets.fill(whole, end=6)
    whole.close()
    opened = feature_sets.open_set(tmp_path, planned=PART)
    assert opened.directory != whole.directory
    assert opened.done == 0
    feature_sets.fill(opened)
    opened.close()
    assert feature_sets.compute(str(tmp_path))[1] == 6


def test_a_part_is_made_if_the_whole_set_was_removed_meanwhile(tmp_path, monkeypatch):
    directory = _computed(tmp_path, 0)
    lock = feature_store._lock

    def removing(*arguments):
        monkeypatch.setattr(feature_store, '_lock', lock)
        shutil.rmtree(directory)
        return lock(*arguments)

    monkeypatch.setattr(feature_store, '_lock', removing)
    opened = feature_sets.open_set(tmp_path, planned=PART)
    assert opened.plan == PART
    assert opened.done == 0
    opened.close()


def test_a_set_that_was_removed_while_it_was_locked_is_made_again(tmp_path, monkeypatch):
    directory = _computed(tmp_path, 0)
    lock = feature_store._try_lock

    def removing(handle, shared=False):
        monkeypatch.setattr(feature_store, '_try_lock', lock)
        shutil.rmtree(directory)
        return lock(handle, shared)

    monkeypatch.setattr(feature_store, '_try_lock', removing)
    features, began_at = feature_sets.compute(str(tmp_path))
    assert began_at == 0
    feature_sets.check(features)


def _room_for(sets, root):
    """Return a limit that is enough for a number of sets like the one in `root`."""
    size = sum(entry.stat().st_size for entry in os.scandir(root))
    return round((sets + 0.5) * size)


def test_the_sets_that_were_not_used_for_the_longest_time_are_removed(tmp_path):
    directories = [_computed(tmp_path, value) for value in range(3)]
    feature_sets.open_set(tmp_path, 0).close()  # A use.
    limit = _room_for(3, directories[0])
    opened = feature_sets.open_set(tmp_path, 3, most_bytes=limit)
    assert [os.path.exists(directory) for directory in directories] == [True, False, True]
    opened.close()


def test_a_set_in_use_and_foreign_directories_are_not_removed(tmp_path):
    opened = feature_sets.open_set(tmp_path, 0)
    feature_sets.fill(opened)
    features = opened.read()
    foreign = tmp_path / 'pictures_train_0123456789abcdef'
    foreign.mkdir()
    (foreign / 'mine.npy').write_bytes(bytes(5000))
    limit = _room_for(1, features.directory)
    with pytest.raises(UserError, match=r'may take at most 0\.0 MB; name another --features_dir'):
        feature_sets.open_set(tmp_path, 2, most_bytes=limit)
    feature_sets.check(features)
    assert (foreign / 'mine.npy').exists()


def test_nothing_is_removed_for_a_set_that_is_too_large_anyway(tmp_path):
    directory = _computed(tmp_path, 0)
    message = (
        f'{tmp_path}: the features of 1,000,000 pictures take 177.0 MB, but a directory of'
        ' features may take at most 10.0 MB; use fewer pictures, or train without stored features'
    )
    with pytest.raises(UserError, match=re.escape(message)):
        feature_sets.open_set(tmp_path, 1, count=10**6, most_bytes=10**7)
    assert os.listdir(tmp_path) == [os.path.basename(directory)]


def test_room_for_all_passes_is_required_before_the_first(tmp_path):
    kept = _computed(tmp_path, 9)
    later = [feature_sets.plan(value) for value in (1, 2)]
    message = r'the features of 10 pictures in 3 passes take .* use fewer passes or pictures'
    with pytest.raises(UserError, match=message):
        feature_sets.open_set(tmp_path, 0, most_bytes=_room_for(2, kept), later=later)
    assert os.listdir(tmp_path) == [os.path.basename(kept)]
    feature_sets.open_set(tmp_path, 0, most_bytes=_room_for(3, kept), later=later).close()
    assert not os.path.exists(kept)


def test_passes_that_are_there_need_no_more_room_and_are_not_removed(tmp_path, monkeypatch):
    directory = _computed(tmp_path, 1)
    size = feature_sets.plan().bytes
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: Usage(free=size))
    later = [feature_sets.plan(1)]
    limit = _room_for(2, directory)
    feature_sets.open_set(tmp_path, 0, most_bytes=limit, later=later).close()
    assert os.path.exists(directory)


def test_a_later_pass_that_is_part_of_a_set_needs_no_room_and_keeps_the_set(tmp_path):
    directory = _computed(tmp_path, 0)
    limit = _room_for(2, directory)
    planned = feature_sets.plan(1)
    opened = feature_sets.open_set(tmp_path, planned=planned, most_bytes=limit, later=[PART])
    opened.close()
    assert os.path.exists(directory)
    with pytest.raises(UserError, match=r'take 0\.0 MB, but a directory'):
        feature_sets.open_set(tmp_path, 2, most_bytes=_room_for(1, directory), later=[PART])
    assert os.path.exists(directory)


def test_a_disk_without_room_is_an_error_before_the_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: Usage(free=100))
    with pytest.raises(UserError, match=r'take 0\.0 MB, but the disk has 0\.0 MB left; name'):
        feature_sets.open_set(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def posix_fallocate(*_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'posix_fallocate', posix_fallocate)
    with pytest.raises(UserError, match='No space left on device; make room, or name another'):
        feature_sets.open_set(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match=r'file/pets_train_\w+: Not a directory; name another'):
        feature_sets.open_set(tmp_path / 'file')


def test_a_set_that_a_killed_process_began_is_the_first_to_be_removed(tmp_path):
    begun = tmp_path / 'pets_train_0123456789abcdef'
    begun.mkdir()
    (begun / 'lock').write_text('1\n')
    (begun / '0_a.npy').write_bytes(bytes(10**5))
    kept = _computed(tmp_path, 5)
    limit = _room_for(2, kept)
    feature_sets.open_set(tmp_path, 6, most_bytes=limit).close()
    assert not begun.exists()
    assert Path(kept).exists()
