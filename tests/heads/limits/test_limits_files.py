"""The files of limits: what is written is read, and nothing else."""

import os

import numpy as np
import pytest

from common import files
from common.errors import UserError
from heads.limits import limits_files
from support import limits
from support.files import checkpoint_files


@pytest.fixture
def checkpoint(tmp_path):
    """Return a checkpoint that has limits."""
    path = checkpoint_files.write(tmp_path / 'a run', step=1)
    limits_files.write(path, limits.make_limits())
    return path


def test_what_is_written_is_read(checkpoint):
    found, expected = limits_files.read(checkpoint), limits.make_limits()
    assert found.described() == expected.described()
    for one, other in zip(found.terms, expected.terms, strict=True):
        assert one.arrays.keys() == other.arrays.keys()
        for name in one.arrays:
            np.testing.assert_array_equal(one.arrays[name], other.arrays[name])


def test_the_same_limits_are_the_same_bytes(checkpoint):
    paths = limits_files.paths_beside(checkpoint)
    before = [files.digest(path) for path in paths]
    limits_files.write(checkpoint, limits.make_limits())
    assert [files.digest(path) for path in paths] == before


def test_without_files_there_are_no_limits(tmp_path):
    assert limits_files.read(checkpoint_files.write(tmp_path / 'a run')) is None


@pytest.mark.parametrize('number', [0, 1], ids=limits_files.LIMITS_FILES)
def test_every_flipped_bit_and_every_cut_is_found(number, checkpoint):
    path = limits_files.paths_beside(checkpoint)[number]
    with open(path, 'rb') as stream:
        data = stream.read()
    places = np.unique(np.linspace(0, len(data) - 2, 150).astype(int))
    for place in map(int, places):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        for damaged in (bytes(flipped), data[:place]):
            with open(path, 'wb') as stream:
                stream.write(damaged)
            with pytest.raises(UserError, match=r'; run calibrate.* or pass --nolimits$') as found:
                limits_files.read(checkpoint)
            message = str(found.value)
            assert len(message.splitlines()) == 1, message
            assert message.startswith(os.path.dirname(path))


def test_a_digit_that_was_changed_is_found(checkpoint):
    path, _ = limits_files.paths_beside(checkpoint)
    content = files.read_json(path)
    files.write_json(path, {**content, 'threshold': content['threshold'] + 1})
    with pytest.raises(UserError, match=r'limits\.json: damaged \(its SHA-256 differs\)'):
        limits_files.read(checkpoint)


def test_files_of_another_run_are_refused(checkpoint, tmp_path):
    other = checkpoint_files.write(tmp_path / 'other', {'w': np.ones(3, np.float32)}, step=1)
    limits_files.write(other, limits.make_limits(seed=1))
    theirs, ours = limits_files.paths_beside(other), limits_files.paths_beside(checkpoint)
    os.replace(theirs[1], ours[1])
    with pytest.raises(UserError, match=r'limits\.npz: does not belong to .*limits\.json'):
        limits_files.read(checkpoint)
    os.replace(theirs[0], ours[0])
    with pytest.raises(UserError, match=r'limits\.json: belongs to another checkpoint'):
        limits_files.read(checkpoint)


@pytest.mark.parametrize('last', [0, 1])
def test_a_process_that_is_killed_leaves_no_half_written_files(last, checkpoint):
    """The arrays appear before the description."""
    process = os.fork()
    if not process:
        left = iter(range(last, -1, -1))
        replace = os.replace

        def killed(*arguments):
            if next(left) == 0:
                os.kill(os.getpid(), 9)
            replace(*arguments)

        os.replace = killed
        limits_files.write(checkpoint, limits.make_limits(seed=1))
        os._exit(0)
    assert os.waitpid(process, 0)[1] == 9
    if last == 0:
        assert limits_files.read(checkpoint).described() == limits.make_limits().described()
    else:
        with pytest.raises(UserError, match='does not belong to'):
            limits_files.read(checkpoint)
    limits_files.write(checkpoint, limits.make_limits(seed=2))
    assert limits_files.read(checkpoint).described() == limits.make_limits(seed=2).described()
    assert not [name for name in os.listdir(os.path.dirname(checkpoint)) if name.endswith('.part')]
