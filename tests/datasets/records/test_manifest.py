import dataclasses
import json
import re

import pytest

from common.errors import UserError
from datasets.records import manifest
from datasets.records.manifest import Manifest, Shard, Split

SHARD = Shard('pics_train_00000-of-00001.tfrecord', 2, 300, 'ab', [0, 140])
PICS = Manifest('pics', ['café', '개'], {'train': Split(2, [SHARD])}, skipped=[['a', 'b']])


def write(directory, made):
    manifest.write(manifest.manifest_path(directory, made.dataset_name), made)


def test_what_is_written_is_read(tmp_path):
    write(tmp_path, PICS)
    assert manifest.read(tmp_path, 'pics') == PICS
    assert manifest.read(tmp_path, 'others') is None
    assert PICS.examples == 2
    assert PICS.files == ['pics_train_00000-of-00001.tfrecord', 'pics.manifest.json']


def test_names_of_files(tmp_path):
    assert manifest.shard_name('pics', 'test', 3, 12) == 'pics_test_00003-of-00012.tfrecord'
    assert manifest.shard_name('', 'validation', 0, 2) == 'validation-00000-of-00002'
    assert manifest.manifest_path(tmp_path, '') == str(tmp_path / 'manifest.json')
    assert manifest.converting_path(tmp_path, 'pics') == str(tmp_path / 'pics.converting')


def test_class_names_are_normalised_when_they_are_read(tmp_path):
    decomposed = dataclasses.replace(PICS, class_names=['cafe\u0301', '개'])
    write(tmp_path, decomposed)
    assert manifest.read(tmp_path, 'pics').class_names == PICS.class_names


def test_a_name_finds_its_own_manifest_then_the_nameless_one(tmp_path):
    write(tmp_path, dataclasses.replace(PICS, dataset_name=''))
    assert manifest.find_manifest(tmp_path, 'pics').dataset_name == ''
    write(tmp_path, PICS)
    assert manifest.find_manifest(tmp_path, 'pics').dataset_name == 'pics'


@pytest.mark.parametrize(
    'content',
    ['', '[]', '{}', '{"format_version": 1, "splits": {"train": 3}}', '{"format_version": null}'],
)
def test_what_is_no_manifest_is_named(tmp_path, content):
    (tmp_path / 'pics.manifest.json').write_text(content)
    with pytest.raises(UserError, match=r'pics\.manifest\.json: not '):
        manifest.read(tmp_path, 'pics')


SPELT = json.dumps(dataclasses.asdict(PICS))


def _changed(change):
    value = json.loads(SPELT)
    change(value, value['splits']['train'], value['splits']['train']['shards'][0])
    return value


def _set(place, **values):
    """Return a change of the whole manifest (0), its split (1) or its shard (2)."""
    return lambda *places: places[place].update(values)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (_set(1, examples=3), "split 'train': states 3 examples, but its shards hold 2"),
        (_set(2, examples=3), '2 offsets for 3 records'),
        (_set(2, examples=-1), 'examples: -1 is negative'),
        (_set(2, examples=2.0), 'examples: 2.0 is of the wrong type'),
        (_set(2, bytes=float('nan')), 'bytes: nan is of the wrong type'),
        (_set(2, bytes=True), 'bytes: True is of the wrong type'),
        (_set(2, sha256=None), 'sha256: None is of the wrong type'),
        (_set(2, offsets=[1, 140]), 'the first offset is 1 instead of 0'),
        (_set(2, offsets=[0, 15]), 'record 0 begins at 0 and ends at 15'),
        (_set(2, offsets=[0, 285]), 'record 1 begins at 285 and ends at 300'),
        (_set(2, offsets=[0, '140']), "offsets: '140' is of the wrong type"),
        (_set(2, offsets=[0, -5]), 'record 0 begins at 0 and ends at -5'),
        (_set(2, file='../pics'), "'../pics' is not a file name in the folder"),
        (_set(2, file='/etc/passwd'), "'/etc/passwd' is not a file name in the folder"),
        (_set(2, file='..'), "'..' is not a file name in the folder"),
        (_set(2, file='a\\b'), 'is not a file name in the folder'),
        (_set(2, file='a\0b'), 'is not a file name in the folder'),
        (_set(2, file='\ud800'), 'is not a file name in the folder'),
        (lambda whole, split, shard: split['shards'].append({**shard}), 'is listed twice'),
        (_set(1, shards={}), 'shards: {} is of the wrong type'),
        (_set(0, class_names='abc'), "class_names: 'abc' is of the wrong type"),
        (_set(0, class_names=['a', 3]), 'class_names: 3 is of the wrong type'),
        (_set(0, class_names=['\ud800', 'b']), 'cannot be written as UTF-8'),
        (_set(0, labels_file='../labels.txt'), 'is not a file name in the folder'),
        (_set(0, other_files=['/etc/passwd']), 'is not a file name in the folder'),
        (_set(0, skipped=[['a']]), 'is not a pair of a path and a reason'),
        (_set(0, found=-1), 'found: -1 is negative'),
        (_set(0, background_class=1), 'background_class: 1 is of the wrong type'),
        (_set(0, format_version=True), 'format_version: True is of the wrong type'),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(tmp_path, change, words):
    (tmp_path / 'pics.manifest.json').write_text(json.dumps(_changed(change)))
    with pytest.raises(UserError, match=rf'pics\.manifest\.json: .*{re.escape(words)}') as error:
        manifest.read(tmp_path, 'pics')
    assert '\n' not in str(error.value)


def test_nested_brackets_are_one_line(tmp_path):
    (tmp_path / 'pics.manifest.json').write_text('[' * 100_000)
    with pytest.raises(UserError, match=r'pics\.manifest\.json: not valid JSON'):
        manifest.read(tmp_path, 'pics')


def test_a_manifest_of_the_future_is_refused(tmp_path):
    value = {**dataclasses.asdict(PICS), 'format_version': 2}
    (tmp_path / 'pics.manifest.json').write_text(json.dumps(value))
    with pytest.raises(UserError, match='format 2 is newer'):
        manifest.read(tmp_path, 'pics')


def test_the_fence_names_the_command_that_mends(tmp_path):
    manifest.require_finished(tmp_path, 'pics')
    (tmp_path / 'pics.converting').write_text('')
    with pytest.raises(UserError, match=r'download_and_convert_data\.py --dataset_name=pics'):
        manifest.require_finished(tmp_path, 'pics')
    (tmp_path / 'pics.converting').write_text('{"command": "mend it"}')
    with pytest.raises(UserError, match='mend it'):
        manifest.require_finished(tmp_path, 'pics')


def test_the_nameless_fence_stops_only_those_without_a_manifest(tmp_path):
    (tmp_path / 'converting').write_text('')
    with pytest.raises(UserError, match='--train_directory'):
        manifest.require_finished(tmp_path, 'pics')
    write(tmp_path, PICS)
    manifest.require_finished(tmp_path, 'pics')
