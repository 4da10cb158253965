"""Reading checkpoint files of both formats, whole and damaged."""

import gzip
import os

import numpy as np
import pytest

from classifiers import checkpoints
from common.errors import UserError
from support.files import checkpoint_files


@pytest.fixture
def v2(tmp_path):
    return checkpoint_files.write(tmp_path, step=7)


@pytest.fixture
def v1(tmp_path):
    return checkpoint_files.write(tmp_path, name='inception_v4.ckpt', v1=True)


def test_every_file_of_a_checkpoint_names_it(v2):
    for suffix in ('', '.index', '.meta', '.data-00000-of-00001'):
        assert checkpoints.prefix_of(v2 + suffix) == v2
    assert checkpoints.prefix_of('/a/inception_v4.ckpt') == '/a/inception_v4.ckpt'


def test_both_formats_are_read(v1, v2):
    for path in (v1, v2):
        assert checkpoints.fault(path) is None
        assert checkpoints.read_variables(path) == {'w': ((3,), np.float32)}


def test_the_step_comes_from_the_name_or_from_the_file(tmp_path, v1, v2):
    named = checkpoint_files.write(tmp_path, {'global_step': np.int64(12)}, name='x.ckpt')
    assert [checkpoints.step_of(path) for path in (v1, v2, named)] == [0, 7, 12]


@pytest.mark.parametrize('part', ['.index', '.data-00000-of-00001'])
@pytest.mark.parametrize('damage', ['empty', 'cut', 'flipped', 'gone'])
def test_damage_is_found(v2, part, damage):
    path = v2 + part
    if damage == 'gone':
        os.remove(path)
    elif damage == 'flipped':
        checkpoint_files.flip(path)
    else:
        checkpoint_files.truncate(path, {'empty': 0, 'cut': 0.9}[damage])
    assert checkpoints.fault(v2)


@pytest.mark.parametrize('fraction', [0, 0.9])
def test_a_cut_file_of_the_old_format_is_found(v1, fraction):
    checkpoint_files.truncate(v1, fraction)
    assert checkpoints.fault(v1)
    with pytest.raises(checkpoints.UnreadableCheckpointError, match='damaged or half written'):
        checkpoints.read_variables(v1)


def test_a_missing_file_and_an_archive_are_named(tmp_path):
    with pytest.raises(UserError, match='no such checkpoint'):
        checkpoints.read_variables(str(tmp_path / 'none.ckpt'))
    archive = tmp_path / 'inception_v4_2016_09_09.tar.gz'
    archive.write_bytes(gzip.compress(b'x' * 100))
    with pytest.raises(UserError, match='unpack it'):
        checkpoints.read_variables(str(archive))


def test_fingerprints_tell_contents_apart(tmp_path):
    values = {'w': np.ones(3, np.float32)}
    paths = [
        checkpoint_files.write(tmp_path / 'a', step=1),
        checkpoint_files.write(tmp_path / 'b', step=1),
        checkpoint_files.write(tmp_path / 'c', values, step=1),
        checkpoint_files.write(tmp_path / 'd', step=2),
    ]
    first, same, other_values, other_step = map(checkpoints.fingerprint, paths)
    assert first == same
    assert len({first, other_values, other_step}) == 3
    assert checkpoints.fingerprint(str(tmp_path / 'none')) is None
    assert checkpoints.signature(str(tmp_path / 'none')) is None
