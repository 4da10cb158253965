"""A conversion that ends at any moment: afterwards there is no data set, or a whole one."""

import functools
import os
import shutil
import signal
import subprocess
import sys

import pytest

from common import locks
from common.errors import UserError
from datasets.conversion import shards
from datasets.conversion.convert import ConvertOptions, convert
from datasets.conversion.spec import DatasetSpec, RawExample
from datasets.own import image_folder
from datasets.records import manifest, split_reader
from datasets.records.verification import verify
from support.checkout import ROOT
from support.files.picture_folders import class_folders, visible_files

_STEPS = ('replace', 'unlink', 'fsync', 'makedirs')

# Counts what touches the data set's directory, and kills itself in the middle of it.
_CHILD = """
import os, signal, sys
from datasets.own import image_folder
from datasets.conversion.convert import ConvertOptions, convert
from datasets.conversion.spec import DatasetSpec, RawExample

def main():
    directory, processes, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    count = 0

    def watch(event, arguments):
        nonlocal count
        if event not in ('open', 'os.rename', 'os.remove', 'os.mkdir', 'os.rmdir'):
            return
        if str(arguments[0]).startswith(directory) and '/pics/' not in str(arguments[0]):
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    options = ConvertOptions(num_processes=processes, num_shards=2)
    convert(image_folder.from_folder(directory, 'pics'), directory, options)
    print(count)

if __name__ == '__main__':
    main()
"""


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def run(directory, **options):
    spec = image_folder.from_folder(directory, 'pics')
    options = ConvertOptions(num_processes=1, **options)
    return convert(spec, directory, options, lambda line: None)


def is_fenced(directory):
    return os.path.exists(manifest.converting_path(directory, 'pics'))


def is_usable(directory):
    """Tell whether readers accept what a killed run left; if they do, it has to be whole."""
    try:
        manifest.require_finished(directory, 'pics')
    except UserError:
        return False
    verify(directory, 'pics', lambda line: None)
    return True


def records_in(directory):
    return {name: digest for name, digest in visible_files(directory).items() if 'pics' in name}


def _no_sync(handle):
    """Spare the disk: what a test writes need not outlive a power cut."""


@pytest.fixture
def killing(monkeypatch):
    """Return a function that makes the n-th step that changes the disk, and all after it, fail."""

    def arm(last):
        count = 0

        def watched(function):
            def step(*arguments, **options):
                nonlocal count
                count += 1
                if count >= last:
                    raise Killed
                return function(*arguments, **options)

            return step

        for name in _STEPS:
            real = _no_sync if name == 'fsync' else getattr(os, name)
            monkeypatch.setattr(os, name, watched(real))
        monkeypatch.setattr(shards, 'write_segment', watched(shards.write_segment))
        monkeypatch.setattr(shutil, 'rmtree', watched(shutil.rmtree))

    yield arm
    monkeypatch.undo()


def end_everywhere(directory, monkeypatch, killing, prepare, options):
    """Kill the conversion at each of its steps, and yield the directory after each."""
    for last in range(1, 200):
        copy = directory / str(last)
        class_folders(copy / 'pics', {'ant': 3, 'bee': 2})
        prepare(copy)
        killing(last)
        try:
            run(copy, **options)
            return
        except Killed:
            pass
        finally:
            monkeypatch.undo()
        monkeypatch.setattr(os, 'fsync', _no_sync)
        yield copy
    pytest.fail('the conversion has more steps than this test expects')


def test_killed_at_any_step_there_is_no_data_set_or_a_whole_one(tmp_path, monkeypatch, killing):
    class_folders(tmp_path / 'whole/pics', {'ant': 3, 'bee': 2})
    run(tmp_path / 'whole', num_shards=2)
    whole = visible_files(tmp_path / 'whole')
    fenced = 0
    options = {'num_shards': 2}
    for copy in end_everywhere(tmp_path, monkeypatch, killing, lambda _: None, options):
        fenced += is_fenced(copy)
        if not is_fenced(copy):
            assert records_in(copy) in ({}, {n: d for n, d in whole.items() if 'pics' in n})
        run(copy, **options)
        assert visible_files(copy) == whole
        assert not is_fenced(copy)
    assert fenced > 15


def test_killed_while_overwriting_the_old_set_stays_or_the_new_one_comes(
    tmp_path, monkeypatch, killing
):
    class_folders(tmp_path / 'whole/pics', {'ant': 3, 'bee': 2})
    run(tmp_path / 'whole', num_shards=3)
    old = visible_files(tmp_path / 'whole')
    run(tmp_path / 'whole', num_shards=2, overwrite=True)
    new = visible_files(tmp_path / 'whole')
    options = {'num_shards': 2, 'overwrite': True}
    used = refused = 0
    for copy in end_everywhere(
        tmp_path, monkeypatch, killing, lambda copy: run(copy, num_shards=3), options
    ):
        if is_fenced(copy):
            if is_usable(copy):
                used += 1
            else:
                refused += 1
            # The interrupted run had leave to overwrite, so its rerun needs no flag.
            run(copy, num_shards=2)
            assert visible_files(copy) == new
        else:
            assert visible_files(copy) in (old, new)
    # Whole records are refused only while the new files move into place.
    assert used > 20
    assert 0 < refused <= len(new)


def test_the_old_records_are_used_after_a_killed_conversion(tmp_path, monkeypatch, killing, caplog):
    class_folders(tmp_path / 'pics', {'ant': 3, 'bee': 2})
    run(tmp_path, num_shards=2)
    monkeypatch.setattr(shards, '_finish', _kill_after(1, shards._finish))
    with pytest.raises(Killed):
        run(tmp_path, num_shards=2, overwrite=True, random_seed=5)
    monkeypatch.undo()
    dataset = split_reader.get_split('train', str(tmp_path), dataset_name='pics')
    assert dataset.num_samples > 0
    assert 'the records in place are complete and are used. To finish it: python' in caplog.text
    # Files of a conversion that runs are about to be replaced.
    with locks.Lock(manifest.lock_path(tmp_path, 'pics'), 'busy'):
        with pytest.raises(UserError, match='a conversion is running'):
            split_reader.get_split('train', str(tmp_path), dataset_name='pics')


def test_finished_shards_of_an_interrupted_run_are_kept(tmp_path, monkeypatch, killing):
    class_folders(tmp_path / 'pics', {'ant': 60, 'bee': 60})
    monkeypatch.setattr(shards, '_finish', _kill_after(2, shards._finish))
    with pytest.raises(Killed):
        run(tmp_path, num_shards=3)
    monkeypatch.undo()
    lines = []
    spec = image_folder.from_folder(tmp_path, 'pics')
    convert(spec, tmp_path, ConvertOptions(num_processes=1, num_shards=3), lines.append)
    assert lines[0].startswith('resuming an interrupted conversion')
    verify(tmp_path, 'pics', lambda line: None)


def _kill_after(times, function):
    done = []

    def finish(*arguments):
        if len(done) == times:
            raise Killed
        done.append(arguments)
        return function(*arguments)

    return finish


def test_other_options_after_a_kill_start_over(tmp_path, monkeypatch, killing):
    class_folders(tmp_path / 'pics', {'ant': 3, 'bee': 2})
    killing(12)
    with pytest.raises(Killed):
        run(tmp_path, num_shards=2)
    monkeypatch.undo()
    run(tmp_path, num_shards=1)
    verify(tmp_path, 'pics', lambda line: None)
    assert not [name for name in os.listdir(tmp_path) if name.endswith('.converting')]


def kill_child(directory, processes, last):
    """Run a conversion that kills itself with SIGKILL; return once its workers are gone too."""
    command = [sys.executable, '-c', _CHILD, str(directory), str(processes), str(last)]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended


def check_after_kill(directory, whole):
    if is_fenced(directory):
        is_usable(directory)
    else:
        assert records_in(directory) in ({}, {n: d for n, d in whole.items() if 'pics' in n})
    run(directory, num_shards=2)
    assert visible_files(directory) == whole


def whole_set(directory):
    class_folders(directory / 'pics', {'ant': 40, 'bee': 40})
    run(directory, num_shards=2)
    return visible_files(directory)


def test_a_real_kill_leaves_no_data_set_and_no_worker(tmp_path):
    whole = whole_set(tmp_path / 'whole')
    class_folders(tmp_path / 'copy/pics', {'ant': 40, 'bee': 40})
    assert kill_child(tmp_path / 'copy', 2, 12).returncode == -signal.SIGKILL
    assert is_fenced(tmp_path / 'copy')
    check_after_kill(tmp_path / 'copy', whole)


@pytest.mark.soak
@pytest.mark.parametrize('last', range(2, 62, 3))
def test_twenty_real_kills(tmp_path, last):
    whole = whole_set(tmp_path / 'whole')
    class_folders(tmp_path / 'copy/pics', {'ant': 40, 'bee': 40})
    kill_child(tmp_path / 'copy', 1 + last % 2, last)
    check_after_kill(tmp_path / 'copy', whole)


@pytest.mark.soak
def test_a_worker_that_is_killed_ends_the_conversion_clearly(tmp_path):
    killer = functools.partial(_kill_own_process, 'in a worker')
    examples = [RawExample(str(i), i % 2, data=killer) for i in range(4)]
    spec = DatasetSpec('pics', ['a', 'b'], examples)
    with pytest.raises(UserError, match='a worker process was killed'):
        convert(spec, tmp_path, ConvertOptions(num_processes=2), lambda line: None)
    assert not is_fenced(tmp_path)


def _kill_own_process(_):
    os.kill(os.getpid(), signal.SIGKILL)
