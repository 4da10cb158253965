"""The converter as a whole, in this process and in spawned ones."""

import collections
import csv
import dataclasses
import errno
import functools
import os
import resource

import pytest

from common import locks
from common.errors import UserError
from datasets.conversion import convert as convert_module
from datasets.conversion.convert import ConvertOptions, convert
from datasets.conversion.spec import DatasetSpec, RawExample
from datasets.own import image_folder
from datasets.records import manifest
from datasets.records.verification import verify
from support.files.picture_folders import class_folders, picture_bytes, records, visible_files

ALONE = ConvertOptions(num_processes=1)


def read_table(path):
    with open(path, encoding='utf-8', newline='') as stream:
        return list(csv.DictReader(stream))


def test_records_hold_what_readers_expect(tmp_path, pictures):
    made = pictures()
    found = records(tmp_path, made)
    assert len(found) == made.examples == made.found == 27
    for record in found:
        name = record['image/filename'][0].decode()
        assert record['image/encoded'] == [(tmp_path / 'pics' / name).read_bytes()]
        assert record['image/format'] == [b'jpeg']
        assert record['image/height'] == [12]
        assert record['image/width'] == [16]
        assert record['image/class/text'] == [name.split('/')[0].encode()]
        assert made.class_names[record['image/class/label'][0]] == name.split('/')[0]
    assert (tmp_path / 'labels.txt').read_text() == '0:ant\n1:bee\n2:cat\n'
    assert manifest.read(tmp_path, 'pics') == made
    assert not (tmp_path / 'pics.converting').exists()


def test_the_split_is_stratified_and_every_shard_holds_every_class(tmp_path, pictures):
    made = pictures(validation_percentage=33, train_shards=3)
    held_out = collections.Counter(
        record['image/class/text'][0] for record in records(tmp_path, made, 'validation')
    )
    assert held_out == {b'ant': 4, b'bee': 3, b'cat': 2}
    for shard in made.splits['train'].shards:
        split = manifest.Split(shard.examples, [shard])
        alone = dataclasses.replace(made, splits={'train': split})
        assert len({record['image/class/label'][0] for record in records(tmp_path, alone)}) == 3
    order = [record['image/class/label'][0] for record in records(tmp_path, made, 'train')]
    assert order != sorted(order)


def test_another_seed_draws_another_split(tmp_path, pictures):
    first = [record['image/filename'] for record in records(tmp_path, pictures(), 'validation')]
    made = pictures(random_seed=1, overwrite=True)
    assert first != [record['image/filename'] for record in records(tmp_path, made, 'validation')]


def test_the_bytes_do_not_depend_on_the_number_of_processes(tmp_path, pictures):
    pictures(num_shards=2)
    alone = visible_files(tmp_path)
    pictures(num_shards=2, num_processes=2, overwrite=True)
    assert visible_files(tmp_path) == alone


def test_a_second_run_with_nothing_changed_does_nothing_and_says_so(tmp_path, pictures):
    pictures()
    before = {name: os.stat(tmp_path / name).st_mtime_ns for name in visible_files(tmp_path)}
    lines = []
    pictures(lines.append)
    assert lines == ['pics: nothing has changed since the last conversion; nothing to do']
    assert before == {name: os.stat(tmp_path / name).st_mtime_ns for name in before}


def test_a_touched_folder_is_not_a_changed_one(tmp_path, pictures):
    pictures()
    (tmp_path / 'pics/ant/000.jpg').touch()
    (tmp_path / 'pics/ant/.DS_Store').write_bytes(b'litter')
    lines = []
    pictures(lines.append)
    assert 'nothing to do' in lines[0]


@pytest.mark.parametrize('change', ['content', 'new', 'gone', 'renamed', 'moved', 'class'])
def test_a_changed_folder_says_what_to_pass(tmp_path, pictures, change):
    pictures()
    before = visible_files(tmp_path)
    folder = tmp_path / 'pics'
    if change == 'content':
        path = folder / 'ant/000.jpg'
        state = path.stat()
        data = bytearray(path.read_bytes())
        data[-10] ^= 1
        path.write_bytes(data)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    elif change == 'new':
        (folder / 'ant/new.jpg').write_bytes(picture_bytes(999))
    elif change == 'gone':
        (folder / 'ant/000.jpg').unlink()
    elif change == 'renamed':
        (folder / 'ant/000.jpg').rename(folder / 'ant/zzz.jpg')
    elif change == 'moved':
        (folder / 'ant/000.jpg').rename(folder / 'bee/zzz.jpg')
    else:
        class_folders(folder, {'dog': 1}, first_seed=500)
    with pytest.raises(UserError, match=r'changed since.*--overwrite'):
        pictures()
    assert visible_files(tmp_path) == before
    pictures(overwrite=True)
    verify(tmp_path, 'pics', report=lambda line: None)


@pytest.mark.parametrize(
    ('name', 'value'),
    [('num_shards', 2), ('validation_percentage', 20), ('random_seed', 5), ('max_side', 8)],
)
def test_changed_options_are_named(pictures, name, value):
    pictures()
    with pytest.raises(UserError, match=f'--{name}=.*not {value}.*--overwrite'):
        pictures(**{name: value})


def test_a_missing_shard_is_named(tmp_path, pictures):
    made = pictures()
    lost = made.splits['train'].shards[0].file
    (tmp_path / lost).unlink()
    with pytest.raises(UserError, match=f'{lost} is missing.*--overwrite'):
        pictures()


def test_overwrite_removes_what_the_old_manifest_lists_and_nothing_else(tmp_path, pictures):
    old = pictures(num_shards=3)
    (tmp_path / 'pics_notes.txt').write_text('mine')
    new = pictures(num_shards=1, overwrite=True)
    assert not {shard.file for shard in old.splits['train'].shards} & set(os.listdir(tmp_path))
    expected = {*new.files, 'labels.txt', 'pics_notes.txt'}
    assert set(visible_files(tmp_path)) == expected


def test_shards_of_another_program_are_not_mixed_up_with_ours(tmp_path, pictures):
    (tmp_path / 'pics_train_00000-of-00007.tfrecord').write_bytes(b'')
    for overwrite in (False, True):
        with pytest.raises(UserError, match=r'00000-of-00007\.tfrecord is in the way'):
            pictures(overwrite=overwrite)
    assert list(visible_files(tmp_path)) == ['pics_train_00000-of-00007.tfrecord']


def test_a_second_converter_is_refused(tmp_path, pictures):
    with locks.Lock(tmp_path / '.pics.lock', 'busy'):
        with pytest.raises(UserError, match=r'another conversion of pics is running \(process'):
            pictures()


def test_bad_pictures_are_listed_and_counted(tmp_path, pictures):
    (tmp_path / 'pics/ant/empty.jpg').write_bytes(b'')
    (tmp_path / 'pics/bee/cut.jpg').write_bytes(picture_bytes(1000)[:-200])
    (tmp_path / 'pics/bee/.hidden').write_bytes(b'x')
    (tmp_path / 'pics/bee/Thumbs.db').write_bytes(b'x')
    lines = []
    made = pictures(lines.append)
    table = {row['path']: row['reason'] for row in read_table(tmp_path / 'pics_skipped.csv')}
    assert set(table) == {
        'pics/ant/empty.jpg',
        'pics/bee/cut.jpg',
        'pics/bee/.hidden',
        'pics/bee/Thumbs.db',
    }
    assert all(table.values())
    assert lines[0] == 'pics: found 31 = written 27 + skipped 4'
    assert made.found == made.examples + len(made.skipped) == 31


def test_too_many_bad_pictures_are_an_error_that_leaves_the_list(tmp_path, pictures):
    for index in range(4):
        (tmp_path / f'pics/ant/bad{index}.jpg').write_bytes(b'text')
    with pytest.raises(UserError, match=r'4 of 31 .*--max_skipped_fraction=0\.1.*skipped\.csv'):
        pictures()
    assert list(visible_files(tmp_path)) == ['pics_skipped.csv']
    assert len(read_table(tmp_path / 'pics_skipped.csv')) == 4
    assert pictures(max_skipped_fraction=0.2).examples == 27


def test_litter_does_not_count_as_damage(tmp_path, pictures):
    for index in range(20):
        (tmp_path / f'pics/ant/._{index}.jpg').write_bytes(b'resource fork')
    assert pictures().examples == 27


def test_copies_stay_out_of_a_drawn_validation_split(tmp_path, pictures):
    data = (tmp_path / 'pics/ant/000.jpg').read_bytes()
    for index in range(6):
        (tmp_path / f'pics/bee/copy{index}.jpg').write_bytes(data)
    made = pictures(validation_percentage=50)
    training = [record['image/filename'][0] for record in records(tmp_path, made, 'train')]
    assert {b'ant/000.jpg', *(f'bee/copy{i}.jpg'.encode() for i in range(6))} <= set(training)
    rows = read_table(tmp_path / 'pics_duplicates.csv')
    assert [row['class'] for row in rows] == ['ant'] + ['bee'] * 6
    assert {row['split'] for row in rows} == {'train'}


def test_copies_across_given_splits_leave_validation(tmp_path):
    class_folders(tmp_path / 'pics/train', {'ant': 3, 'bee': 3})
    class_folders(tmp_path / 'pics/val', {'ant': 2, 'bee': 2}, first_seed=100)
    data = (tmp_path / 'pics/train/bee/000.jpg').read_bytes()
    (tmp_path / 'pics/val/ant/copy.jpg').write_bytes(data)
    lines = []
    made = convert(image_folder.from_folder(tmp_path, 'pics'), tmp_path, ALONE, lines.append)
    assert {name: split.examples for name, split in made.splits.items()} == {
        'train': 6,
        'validation': 4,
    }
    assert made.skipped == [['pics/val/ant/copy.jpg', 'copy of train/bee/000.jpg in train']]
    assert any('1 copy left out' in line for line in lines)


def test_a_published_split_keeps_its_copies(tmp_path):
    data = picture_bytes(1)
    examples = [RawExample(str(i), i % 2, split, data=data) for i, split in enumerate(SPLITS)]
    spec = DatasetSpec('known', ['a', 'b'], examples, keep_duplicates=True)
    made = convert(spec, tmp_path, ALONE, lambda line: None)
    assert {name: split.examples for name, split in made.splits.items()} == {'train': 2, 'test': 2}


SPLITS = ('train', 'train', 'test', 'test')


def test_examples_from_memory_functions_and_extra_features(tmp_path):
    examples = [
        RawExample(
            f'{number}.png',
            number % 2,
            data=functools.partial(picture_bytes, number, kind='PNG'),
            extra={'image/class/synset': (f'n{number}',), 'image/object/bbox/xmin': (0.5, 0.25)},
        )
        for number in range(4)
    ]
    spec = DatasetSpec('drawn', ['even', 'odd'], examples, validation_count=2, source='v1')
    made = convert(spec, tmp_path, ALONE, lambda line: None)
    assert made.splits['validation'].examples == 2
    for record in records(tmp_path, made):
        number = int(record['image/filename'][0][:-4])
        assert record['image/encoded'] == [picture_bytes(number, kind='PNG')]
        assert record['image/class/synset'] == [b'n%d' % number]
        assert record['image/object/bbox/xmin'] == [0.5, 0.25]
    with pytest.raises(UserError, match='--overwrite'):
        convert(dataclasses.replace(spec, source='v2'), tmp_path, ALONE)


def test_without_a_name_the_files_are_named_as_the_older_tools_did(tmp_path):
    source = class_folders(tmp_path / 'img', {'gim': 3, 'tuk': 3})
    made = convert(
        image_folder.from_splits({'train': source}), tmp_path / 'out', ALONE, lambda line: None
    )
    assert set(visible_files(tmp_path / 'out')) == {
        'labels.txt',
        'manifest.json',
        'skipped.csv',
        'train-00000-of-00001',
    }
    assert manifest.read(tmp_path / 'out', '') == made


def test_a_file_size_limit_leaves_no_half_data_set(tmp_path, pictures):
    before = visible_files(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        with pytest.raises(UserError, match='cannot be written'):
            pictures()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert visible_files(tmp_path) == before
    assert not (tmp_path / '.pics.converting').exists()
    assert pictures().examples == 27


def test_a_full_disk_keeps_the_data_set_that_was_there(tmp_path, pictures, monkeypatch):
    pictures()
    before = visible_files(tmp_path)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(convert_module.shards, 'write', full)
    with pytest.raises(UserError, match='No space left on device'):
        pictures(num_shards=2, overwrite=True)
    assert visible_files(tmp_path) == before


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'num_shards': 0}, '--num_shards=0'),
        ({'validation_percentage': 100}, '--validation_percentage=100'),
        ({'max_skipped_fraction': 2}, '--max_skipped_fraction=2'),
        ({'reencode': 'gif'}, '--reencode=gif'),
        ({'num_processes': -1}, '--num_threads=-1'),
    ],
)
def test_impossible_options_are_named(pictures, options, words):
    with pytest.raises(UserError, match=words):
        pictures(**options)


def test_nothing_to_convert_is_said(tmp_path):
    with pytest.raises(UserError, match='no pictures'):
        convert(DatasetSpec('none', ['a', 'b'], []), tmp_path, ALONE)


def test_what_lossy_options_give_up_is_said(pictures):
    lines = []
    pictures(lines.append, reencode='jpeg', max_side=8)
    assert any('--max_side=8' in line for line in lines)
    assert any('--reencode=jpeg' in line for line in lines)
