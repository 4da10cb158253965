"""The folder of copies is held: what its name comes to mean later is not touched."""

import logging
import os

import pytest

from serving.web.upload_store import FOLDER, UploadStore
from support.files import pictures

JPEG = pictures.jpegs()['baseline.jpg'].data
OWN_NAME = f'upload-{"0" * 32}.jpg'
OLD = 1_000_000_000


@pytest.fixture
def exchanged(tmp_path):
    """Return (store, its folder by a new name, the folder that its name now links to)."""
    store = UploadStore(tmp_path, max_hours=1, max_mb=1)
    store.keep(JPEG)
    moved, other = tmp_path / 'moved', tmp_path / 'other'
    (tmp_path / FOLDER).rename(moved)
    other.mkdir()
    (other / OWN_NAME).write_bytes(b'of somebody else')
    os.utime(other / OWN_NAME, (OLD, OLD))
    (tmp_path / FOLDER).symlink_to(other)
    return store, moved, other


def test_nothing_is_written_to_what_a_link_means(exchanged, caplog):
    store, moved, other = exchanged
    before = sorted(moved.iterdir())
    with caplog.at_level(logging.WARNING):
        store.keep(JPEG)
    assert [path.name for path in other.iterdir()] == [OWN_NAME]
    assert sorted(moved.iterdir()) == before
    assert 'was replaced while the server runs' in caplog.text


def test_nothing_is_removed_from_what_a_link_means(exchanged):
    store, moved, other = exchanged
    (copy,) = moved.iterdir()
    os.utime(copy, (OLD, OLD))
    store.clean()
    assert [path.name for path in other.iterdir()] == [OWN_NAME]
    assert list(moved.iterdir()) == []  # Its own copies still have their time.


def test_a_new_folder_of_the_same_name_is_not_used(tmp_path, caplog):
    store = UploadStore(tmp_path, max_hours=1, max_mb=1)
    (tmp_path / FOLDER).rename(tmp_path / 'moved')
    (tmp_path / FOLDER).mkdir()
    with caplog.at_level(logging.WARNING):
        store.keep(JPEG)
    assert list((tmp_path / FOLDER).iterdir()) == []
    assert 'was replaced' in caplog.text


def test_what_a_killed_server_left_half_written_is_removed(tmp_path):
    (tmp_path / FOLDER).mkdir(mode=0o700)
    left, young = (tmp_path / FOLDER / f'upload-{digit * 32}.part' for digit in 'ab')
    for path in (left, young):
        path.write_bytes(bytes(1000))
    os.utime(left, (OLD, OLD))
    UploadStore(tmp_path, max_hours=1e6, max_mb=1)
    assert list((tmp_path / FOLDER).iterdir()) == [young]  # Another server may be writing it.
