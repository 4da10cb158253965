"""The hash of a split changes with each record and with their order."""

import dataclasses
import os
import shutil

import pytest

from datasets.records import checksums
from datasets.records.record_files import RecordFile, scan
from support.files import records


@pytest.fixture
def shards(tmp_path):
    """Return two shards with three and two pictures."""
    found = []
    for name, labels in (('one', [0, 1, 2]), ('two', [3, 4])):
        path = str(tmp_path / name)
        records.write_pictures(path, labels, start=labels[0])
        found.append(RecordFile(path, scan(path)))
    return found


def test_the_same_records_elsewhere_have_the_same_hash(shards, tmp_path):
    moved = []
    for shard in shards:
        path = str(tmp_path / f'{os.path.basename(shard.path)}_moved')
        shutil.copy(shard.path, path)
        moved.append(dataclasses.replace(shard, path=path))
    assert checksums.digest(moved) == checksums.digest(shards)


def test_the_order_of_the_files_counts(shards):
    assert checksums.digest(shards[::-1]) != checksums.digest(shards)


@pytest.mark.parametrize('number', range(5))
def test_another_record_of_the_same_length_changes_the_hash(shards, number):
    before = checksums.digest(shards)
    shard, place = (shards[0], number) if number < 3 else (shards[1], number - 3)
    size = os.path.getsize(shard.path)
    labels = [9 if k == place else shards.index(shard) * 3 + k for k in range(shard.examples)]
    records.write_pictures(shard.path, labels, start=shards.index(shard) * 3)
    assert os.path.getsize(shard.path) == size
    assert scan(shard.path) == shard.offsets
    assert checksums.digest(shards) != before


def test_many_records_are_read_in_several_blocks(shards, monkeypatch):
    expected = checksums.digest(shards)
    monkeypatch.setattr(checksums, '_BLOCK', 2)
    assert checksums.digest(shards) == expected
