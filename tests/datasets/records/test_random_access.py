"""Records by their number."""

import gc
import os
import sys

import pytest

from datasets.records.random_access import RandomAccess
from datasets.records.record_files import RecordFile, scan
from support.files import records


def test_a_missing_file_raises_one_error_and_leaves_no_broken_destructor(tmp_path, monkeypatch):
    failures = []
    monkeypatch.setattr(sys, 'unraisablehook', failures.append)
    with pytest.raises(FileNotFoundError):
        RandomAccess([RecordFile(str(tmp_path / 'absent'), [0])])
    gc.collect()
    assert failures == []


def test_files_are_closed_with_their_reader(tmp_path):
    path = str(tmp_path / 'a.tfrecord')
    examples = [records.example(b'first', 0), records.example(b'second', 1)]
    records.write(path, examples)
    read = RandomAccess([RecordFile(path, scan(path))])
    assert [read.read(number) for number in (1, 0)] == examples[::-1]
    (handle,) = read._handles.values()
    os.fstat(handle)
    del read
    gc.collect()
    with pytest.raises(OSError, match='Bad file descriptor'):
        os.fstat(handle)
