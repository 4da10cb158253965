"""A set of features on disk: written in blocks, resumed, and read without being copied."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common.errors import UserError
from heads import feature_files
from support import feature_sets
from support.checkout import ROOT


def test_a_set_is_read_as_it_was_written(tmp_path):
    features, _ = feature_sets.compute(str(tmp_path))
    feature_sets.check(features)
    assert features.count == feature_sets.COUNT
    assert isinstance(features.arrays[0]['b'], np.memmap)
    description = json.loads(Path(features.directory, 'description.json').read_text())
    assert description['depends_on'] == {'value': 0}
    assert Path(features.directory).name.startswith('pets_train_')


def test_an_interrupted_set_continues_where_it_stopped(tmp_path):
    opened = feature_sets.open_set(tmp_path)
    feature_sets.fill(opened, end=6)
    opened.close()
    features, began_at = feature_sets.compute(str(tmp_path))
    assert began_at == 6
    feature_sets.check(features)


def test_a_kill_at_any_moment_leaves_a_set_that_continues(tmp_path):
    paths = os.pathsep.join([str(ROOT), str(ROOT / 'tests')])
    done = subprocess.run(
        [sys.executable, '-m', 'support.feature_sets', str(tmp_path)],
        env={**os.environ, 'PYTHONPATH': paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50


def test_blocks_are_noted_only_from_time_to_time(tmp_path, monkeypatch):
    opened = feature_sets.open_set(tmp_path)
    progress = Path(opened.directory, 'progress')
    feature_sets.fill(opened, end=6)
    assert not progress.exists()
    monkeypatch.setattr(feature_files, 'SYNC_SECS', 0.0)
    feature_sets.fill(opened, end=9)
    assert progress.read_text() == '9\n'
    opened.close()


def _cut_off(directory):
    path = next(Path(directory).glob('1_*.npy'))
    os.truncate(path, path.stat().st_size - 1)


def _spoil(name, content):
    return lambda directory: Path(directory, name).write_text(content)


@pytest.mark.parametrize(
    'damage',
    [
        _cut_off,
        _spoil('progress', ''),
        _spoil('progress', '11\n'),
        _spoil('progress', '-1\n'),
        _spoil('description.json', '{'),
        _spoil('description.json', '{"depends_on": {"value": 1}}'),
        lambda directory: os.unlink(os.path.join(directory, 'outputs.npy')),
    ],
)
def test_a_damaged_set_is_computed_again(tmp_path, damage):
    features, _ = feature_sets.compute(str(tmp_path))
    features.close()
    damage(features.directory)
    features, began_at = feature_sets.compute(str(tmp_path))
    assert began_at == 0
    feature_sets.check(features)


def test_sets_that_depend_on_something_else_are_apart(tmp_path):
    found = [feature_sets.open_set(tmp_path, value=value) for value in (0, 1)]
    for opened in found:
        feature_sets.fill(opened)
    for value, opened in enumerate(found):
        feature_sets.check(opened.read(), value)


def test_passes_are_joined(tmp_path):
    found = []
    for value in (0, 1):
        opened = feature_sets.open_set(tmp_path, value=value)
        feature_sets.fill(opened)
        found.append(opened.read())
    joined = found[0].joined(found[1])
    assert [arrays['a/Squeeze'][0, 0] for arrays in joined.arrays] == [0.5, 1.5]
    assert joined.directory == found[0].directory
    assert joined.directories == tuple(features.directory for features in found)


def test_an_error_while_writing_is_one_line(tmp_path, monkeypatch):
    opened = feature_sets.open_set(tmp_path)
    feature_sets.fill(opened, end=3)
    opened.sync()
    full = OSError(28, 'No space left on device')

    def pwrite(*_):
        raise full

    with monkeypatch.context() as patched:
        patched.setattr(os, 'pwrite', pwrite)
        with pytest.raises(UserError, match='No space left on device; make room, or name another'):
            feature_sets.fill(opened)
    opened.close()
    features, began_at = feature_sets.compute(str(tmp_path))
    assert began_at == 3
    feature_sets.check(features)
