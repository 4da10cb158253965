import contextlib
import fcntl
import os
import resource
import subprocess
import sys

import pytest

from common import files
from common.errors import UserError
from support.checkout import ROOT


def test_a_written_file_is_whole_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / 'labels.txt'
    files.write_text(path, 'Größe\n')
    assert path.read_text(encoding='utf-8') == 'Größe\n'
    assert os.listdir(tmp_path) == ['labels.txt']


def test_an_error_while_writing_keeps_the_old_content(tmp_path):
    path = tmp_path / 'model.json'
    path.write_text('old')
    with pytest.raises(ZeroDivisionError), files.atomic_write(path, 'w') as stream:
        stream.write('half of the new')
        raise ZeroDivisionError
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['model.json']


@pytest.mark.parametrize('large', ['net.json', 'net.label', 'net.pb'])
def test_files_that_belong_together_change_together(large, tmp_path):
    names = ['net.json', 'net.label', 'net.pb']
    files.write_together({tmp_path / name: b'old' for name in names})
    contents = {tmp_path / name: b'x' * 5000 * (name == large) for name in names}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match='File too large'):
            files.write_together(contents)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(
        names, b'old'
    )
    files.write_together(contents)
    assert (tmp_path / large).stat().st_size == 5000


def test_files_that_belong_together_appear_in_their_order(tmp_path, monkeypatch):
    replaced, replace = [], os.replace
    monkeypatch.setattr(os, 'replace', lambda *ends: (replaced.append(ends[1]), replace(*ends)))
    paths = [str(tmp_path / name) for name in ('net.json', 'net.label', 'net.pb')]
    files.write_together(dict.fromkeys(paths, b'new'))
    assert replaced == paths


def test_nothing_but_a_file_is_replaced(tmp_path):
    pipe, link, folder = (tmp_path / name for name in ('pipe', 'link', 'folder'))
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    folder.mkdir()
    for path, message in (
        (pipe, 'not a regular file'),
        (link, 'not a regular file'),
        (folder, 'Is a directory'),
        (f'{folder}/', 'Is a directory'),
        (f'{tmp_path}/new/', 'Is a directory'),
    ):
        with pytest.raises(OSError, match=message):
            files.write_text(path, 'x')
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.rglob('*')) == ['folder', 'link', 'pipe']


@pytest.mark.parametrize(
    ('content', 'words'),
    [(b'\xff\xfe', 'must be UTF-8 text'), (b'[' * 100_000, 'nested too deeply'), (b'{', 'JSON')],
)
def test_what_is_no_json_is_one_line(tmp_path, content, words):
    (tmp_path / 'a.json').write_bytes(content)
    with pytest.raises(UserError, match=rf'a\.json: .*{words}') as error:
        files.read_json(tmp_path / 'a.json')
    assert '\n' not in str(error.value)


def test_what_kills_have_left_is_removed_by_name(tmp_path):
    left = ['.metrics.csv.abcdefgh.part', '.model.json.abc_efgh.part']
    for name in [*left, 'metrics.csv', 'a.part', '.hidden']:
        (tmp_path / name).write_text('x')
    files.remove_parts(tmp_path, 'metrics.csv')
    assert sorted(os.listdir(tmp_path)) == ['.hidden', left[1], 'a.part', 'metrics.csv']
    files.remove_parts(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ['.hidden', 'a.part', 'metrics.csv']
    files.remove_parts(tmp_path / 'absent')


_WRITER = """
import sys
from common import files

name, kind = sys.argv[1:]
with getattr(files, kind)(name) as part:
    if kind == 'atomic_write':
        part.write(b'half of a model')
        part.flush()
    print('writing', flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def _another_writer(path, kind):
    """Let another process begin to write `path`, and kill it at the end."""
    command = [sys.executable, '-c', _WRITER, str(path), kind]

    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as process:
        try:
            assert process.stdout.readline() == b'writing\n'
            yield
        finally:
            process.kill()


@pytest.mark.parametrize('kind', ['atomic_write', 'part_directory'])
@pytest.mark.parametrize('name', ['f.pb', 'f[1].pb'])
def test_the_next_write_removes_what_a_kill_left(tmp_path, kind, name):
    path = tmp_path / name
    with _another_writer(path, kind):
        part = os.listdir(tmp_path)
        assert len(part) == 1
        files.write_text(path, 'other')
        # The process that writes it lives.
        assert sorted(os.listdir(tmp_path)) == [*part, name]
        with _another_writer(tmp_path / 'g.pb', kind):
            pass
    files.write_text(path, 'new')
    left = os.listdir(tmp_path)
    assert len(left) == 2
    assert any(other.startswith('.g.pb.') for other in left)
    assert path.read_text() == 'new'
    with files.part_directory(tmp_path / 'g.pb') as part:
        assert os.listdir(part) == []
    assert os.listdir(tmp_path) == [name]


def test_a_part_that_was_removed_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    lock, removed = fcntl.flock, []

    def remove_first(handle, operation):
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        lock(handle, operation)

    monkeypatch.setattr(fcntl, 'flock', remove_first)
    files.write_text(tmp_path / 'model.json', 'new')
    assert len(removed) == 1
    assert [path.name for path in tmp_path.iterdir()] == ['model.json']


def test_the_mode_is_what_an_ordinary_open_would_give(tmp_path, monkeypatch):
    monkeypatch.setattr(os, 'umask', None)  # Other threads would see the changed umask.
    fresh, replaced = tmp_path / 'fresh', tmp_path / 'replaced'
    (tmp_path / 'ordinary').write_text('x')
    replaced.write_text('x')
    replaced.chmod(0o600)
    files.write_text(fresh, 'y')
    files.write_text(replaced, 'y')
    assert fresh.stat().st_mode == (tmp_path / 'ordinary').stat().st_mode
    assert replaced.stat().st_mode & 0o777 == 0o600


def test_json_makes_the_round_trip_and_stays_readable(tmp_path):
    path = tmp_path / 'x.json'
    files.write_json(path, {'names': ['菊', '장미']})
    assert '장미' in path.read_text(encoding='utf-8')
    assert files.read_json(path) == {'names': ['菊', '장미']}


@pytest.mark.parametrize(
    ('algorithm', 'expected'),
    [
        ('sha256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'),
        ('md5', '900150983cd24fb0d6963f7d28e17f72'),
    ],
)
def test_the_digest_of_a_file(tmp_path, algorithm, expected):
    (tmp_path / 'a').write_bytes(b'abc')
    assert files.digest(tmp_path / 'a', algorithm) == expected


def test_unreadable_files_are_named(tmp_path):
    broken = tmp_path / 'broken.json'
    broken.write_text('{')
    with pytest.raises(UserError, match=r'broken\.json: not valid JSON'):
        files.read_json(broken)
    with pytest.raises(UserError, match=r'absent\.json: No such file'):
        files.read_json(tmp_path / 'absent.json')
