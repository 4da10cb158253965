"""Class folders, ready-made splits and CSV lists, as they lie on people's disks."""

import os
import unicodedata

import pytest

from common.errors import UserError
from datasets.conversion.convert import ConvertOptions, convert
from datasets.own import image_folder, picture_list
from support.files.picture_folders import class_folders, picture_bytes, records, visible_files

ALONE = ConvertOptions(num_processes=1)


def labels_by_name(spec):
    return {example.filename: example.label for example in spec.examples}


def quiet(line):
    pass


# Class folders.


def test_classes_come_from_the_folders_in_sorted_order(tmp_path):
    class_folders(tmp_path / 'pics', {'Zebra': 2, 'ant': 3, 'b c': 1, '개': 1})
    spec = image_folder.from_folder(tmp_path, 'pics')
    assert spec.class_names == ['Zebra', 'ant', 'b c', '개']
    assert spec.name == 'pics'
    assert len(spec.examples) == 7
    assert labels_by_name(spec)['b c/000.jpg'] == 2
    assert {example.split for example in spec.examples} == {None}


def test_background_takes_label_0(tmp_path):
    class_folders(tmp_path / 'pics', {'ant': 1, 'bee': 1})
    spec = image_folder.from_folder(tmp_path, 'pics', background_class=True)
    assert spec.class_names == ['background', 'ant', 'bee']
    assert labels_by_name(spec) == {'ant/000.jpg': 1, 'bee/000.jpg': 2}
    class_folders(tmp_path / 'pics', {'background': 1}, first_seed=9)
    with pytest.raises(UserError, match='--background_class'):
        image_folder.from_folder(tmp_path, 'pics', background_class=True)


def test_both_spellings_of_an_accent_are_one_class(tmp_path):
    composed, decomposed = 'café', unicodedata.normalize('NFD', 'café')
    class_folders(tmp_path / 'pics', {composed: 1, 'tea': 1})
    class_folders(tmp_path / 'pics', {decomposed: 2}, first_seed=9)
    spec = image_folder.from_folder(tmp_path, 'pics')
    assert spec.class_names == [composed, 'tea']
    assert sorted(labels_by_name(spec).values()) == [0, 0, 0, 1]


def test_folders_below_a_class_and_links_belong_to_it(tmp_path):
    class_folders(tmp_path / 'pics', {'ant': 1, 'bee/small/red': 1})
    class_folders(tmp_path / 'elsewhere', {'cat': 1}, first_seed=9)
    os.symlink(tmp_path / 'elsewhere/cat', tmp_path / 'pics/cat')
    os.symlink(tmp_path / 'elsewhere/cat/000.jpg', tmp_path / 'pics/ant/linked.jpg')
    spec = image_folder.from_folder(tmp_path, 'pics')
    assert spec.class_names == ['ant', 'bee', 'cat']
    assert labels_by_name(spec) == {
        'ant/000.jpg': 0,
        'ant/linked.jpg': 0,
        'bee/small/red/000.jpg': 1,
        'cat/000.jpg': 2,
    }


def test_what_is_no_file_is_refused_and_litter_ignored(tmp_path):
    class_folders(tmp_path / 'pics', {'ant': 1, 'bee': 1})
    ant = tmp_path / 'pics/ant'
    os.symlink(ant / 'nowhere.jpg', ant / 'dangling.jpg')
    os.symlink(ant, ant / 'loop')
    os.mkfifo(ant / 'pipe.jpg')
    for name in ('.DS_Store', '._000.jpg', '.hidden.jpg', 'Thumbs.db', 'desktop.ini'):
        (ant / name).write_bytes(b'x')
    (tmp_path / 'pics/__MACOSX/ant').mkdir(parents=True)
    (tmp_path / 'pics/LICENSE.txt').write_text('text')
    spec = image_folder.from_folder(tmp_path, 'pics')
    assert {os.path.basename(path): reason for path, reason in spec.refused} == {
        'dangling.jpg': 'link to a file that is missing',
        'loop': 'link to a folder that contains it',
        'pipe.jpg': 'not a regular file',
    }
    assert {os.path.basename(path): reason for path, reason in spec.ignored} == {
        '.DS_Store': 'made by the operating system',
        '._000.jpg': 'made by the operating system',
        '.hidden.jpg': 'hidden',
        'LICENSE.txt': 'not in a class folder',
        'Thumbs.db': 'made by the operating system',
        '__MACOSX': 'made by the operating system',
        'desktop.ini': 'made by the operating system',
    }


def test_a_folder_without_pictures_is_no_class_and_its_files_are_listed(tmp_path):
    class_folders(tmp_path / 'pics', {'ant': 1, 'bee': 1, 'empty': 0, 'texts': 0})
    (tmp_path / 'pics/texts/a.txt').write_text('words')
    spec = image_folder.from_folder(tmp_path, 'pics')
    assert spec.class_names == ['ant', 'bee']
    assert [(os.path.relpath(path, tmp_path), reason) for path, reason in spec.ignored] == [
        ('pics/texts/a.txt', 'folder without pictures'),
    ]
    assert len(spec.notes) == 2


def test_loose_pictures_are_mentioned(tmp_path):
    class_folders(tmp_path / 'pics', {'ant': 1, 'bee': 1})
    (tmp_path / 'pics/loose.jpg').write_bytes(picture_bytes(7))
    assert 'outside its folders' in image_folder.from_folder(tmp_path, 'pics').notes[0]


def test_folders_that_cannot_be_used_are_explained(tmp_path):
    with pytest.raises(UserError, match=r'--dataset_dir=.*/none: no such folder'):
        image_folder.from_folder(tmp_path / 'none', 'pics')
    (tmp_path / 'flowers').mkdir()
    with pytest.raises(UserError, match=r'--dataset_name=flower: .* \(folders there: flowers\)'):
        image_folder.from_folder(tmp_path, 'flower')
    with pytest.raises(UserError, match='no pictures were found'):
        image_folder.from_folder(tmp_path, 'flowers')
    (tmp_path / 'flowers/a.jpg').write_bytes(picture_bytes(1))
    with pytest.raises(UserError, match='the pictures are in the folder itself'):
        image_folder.from_folder(tmp_path, 'flowers')
    class_folders(tmp_path / 'flowers', {'daisy': 1})
    with pytest.raises(UserError, match=r'only one class \(daisy\)'):
        image_folder.from_folder(tmp_path, 'flowers')
    with pytest.raises(UserError, match=rf'pass --dataset_dir={tmp_path}\)'):
        image_folder.from_folder(tmp_path / 'flowers', 'flowers')


# Ready-made splits.


@pytest.mark.parametrize('held_out', ['val', 'validation', 'Test'])
def test_train_and_a_held_out_folder_are_recognised(tmp_path, held_out):
    class_folders(tmp_path / 'food/train', {'gim': 2, 'tuk': 2})
    class_folders(tmp_path / f'food/{held_out}', {'gim': 1, 'tuk': 1}, first_seed=9)
    spec = image_folder.from_folder(tmp_path, 'food')
    split = 'test' if held_out == 'Test' else 'validation'
    assert {(e.filename, e.label, e.split) for e in spec.examples if e.label == 1} == {
        ('train/tuk/000.jpg', 1, 'train'),
        ('train/tuk/001.jpg', 1, 'train'),
        (f'{held_out}/tuk/000.jpg', 1, split),
    }


def test_train_val_and_test_may_all_be_there_and_the_rest_is_listed(tmp_path):
    for seed, name in enumerate(('train', 'val', 'test', 'other')):
        class_folders(tmp_path / 'food' / name, {'gim': 1, 'tuk': 1}, first_seed=10 * seed)
    spec = image_folder.from_folder(tmp_path, 'food')
    assert {example.split for example in spec.examples} == {'train', 'validation', 'test'}
    assert len(spec.ignored) == 2
    assert 'other is not a split' in spec.notes[0]


def test_train_may_be_a_class(tmp_path):
    class_folders(tmp_path / 'traffic', {'bus': 1, 'train': 1, 'test': 1})
    assert image_folder.from_folder(tmp_path, 'traffic').class_names == ['bus', 'test', 'train']


def test_two_folders_for_one_split_are_an_error(tmp_path):
    for name in ('train', 'val', 'validation'):
        class_folders(tmp_path / 'food' / name, {'gim': 1, 'tuk': 1})
    with pytest.raises(UserError, match='both val and validation are validation'):
        image_folder.from_folder(tmp_path, 'food')


def test_held_out_classes_need_training_pictures(tmp_path):
    class_folders(tmp_path / 'food/train', {'gim': 1, 'tuk': 1, 'bap': 1})
    class_folders(tmp_path / 'food/val', {'gim': 1, 'tuk': 1}, first_seed=9)
    assert 'no pictures of bap' in image_folder.from_folder(tmp_path, 'food').notes[0]
    class_folders(tmp_path / 'food/val', {'guk': 1})
    with pytest.raises(UserError, match=r'val/guk: not a class of the training pictures'):
        image_folder.from_folder(tmp_path, 'food')


def food(tmp_path):
    directories = {'train': tmp_path / 'img/train', 'validation': tmp_path / 'img/val'}
    class_folders(directories['train'], {'gim': 4, 'tuk': 4})
    class_folders(directories['validation'], {'gim': 2, 'tuk': 2}, first_seed=50)
    (directories['validation'] / 'gim/p.png').write_bytes(picture_bytes(99, kind='PNG'))
    return directories


@pytest.mark.parametrize('background', [False, True])
def test_a_labels_file_gives_order_and_names(tmp_path, background):
    directories = food(tmp_path)
    (tmp_path / 'labels').write_text('tuk\ngim\n')
    spec = image_folder.from_splits(directories, '', tmp_path / 'labels', background)
    assert spec.class_names == ['background'] * background + ['tuk', 'gim']
    assert labels_by_name(spec)['train/gim/000.jpg'] == 1 + background
    assert labels_by_name(spec)['val/gim/p.png'] == 1 + background
    options = ConvertOptions(num_processes=1, train_shards=2, validation_shards=1)
    made = convert(spec, tmp_path / 'tfrecord', options, quiet)
    assert {name for name in visible_files(tmp_path / 'tfrecord') if '-of-' in name} == {
        'train-00000-of-00002',
        'train-00001-of-00002',
        'validation-00000-of-00001',
    }
    kinds = [r['image/format'][0] for r in records(tmp_path / 'tfrecord', made, 'validation')]
    assert sorted(kinds) == [b'jpeg'] * 4 + [b'png']


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('gim\ntuk\nbap\n', "lists 'bap', but there are no pictures in .*train/bap"),
        ('gim\nbap\n', 'train/tuk: not listed in --labels_file'),
        ('gim\n', 'lists 1 name'),
        ('gim\ntuk\ngim\n', "'gim' is listed twice"),
    ],
)
def test_labels_that_do_not_fit_are_named(tmp_path, text, words):
    directories = food(tmp_path)
    (tmp_path / 'labels').write_text(text)
    with pytest.raises(UserError, match=words):
        image_folder.from_splits(directories, '', tmp_path / 'labels')


def test_a_labels_file_may_list_the_background_itself(tmp_path):
    directories = food(tmp_path)
    (tmp_path / 'labels').write_text('0:background\n1:gim\n2:tuk\n')
    spec = image_folder.from_splits(directories, 'food', tmp_path / 'labels', True)
    assert spec.class_names == ['background', 'gim', 'tuk']
    with pytest.raises(UserError, match='background'):
        image_folder.from_splits(directories, 'food', tmp_path / 'labels', False)


def test_split_folders_that_cannot_be_used_are_named(tmp_path):
    directories = food(tmp_path)
    with pytest.raises(UserError, match='--validation_directory=none: no such folder'):
        image_folder.from_splits({**directories, 'validation': 'none'})
    with pytest.raises(UserError, match='same as --train_directory'):
        image_folder.from_splits({**directories, 'validation': directories['train']})
    (tmp_path / 'empty').mkdir()
    with pytest.raises(UserError, match='empty: no pictures were found'):
        image_folder.from_splits({**directories, 'validation': tmp_path / 'empty'})


# CSV lists.


def listed(tmp_path, text):
    for seed, name in enumerate('abcd'):
        (tmp_path / f'{name}.jpg').write_bytes(picture_bytes(seed))
    (tmp_path / 'list.csv').write_text(text, encoding='utf-8')
    return picture_list.from_csv(tmp_path / 'list.csv', 'listed')


@pytest.mark.parametrize(
    'text',
    [
        'a.jpg,ant\nb.jpg,bee\n',
        'path,label\na.jpg,ant\nb.jpg,bee\n',
        '\ufeffPath,Label\r\na.jpg,ant\r\n\r\n"b.jpg", bee\r\n',
        'label,path\nant,a.jpg\nbee,b.jpg\n',
    ],
)
def test_a_list_is_read_with_and_without_header(tmp_path, text):
    spec = listed(tmp_path, text)
    assert spec.class_names == ['ant', 'bee']
    assert [(e.filename, e.label, e.split) for e in spec.examples] == [
        ('a.jpg', 0, None),
        ('b.jpg', 1, None),
    ]
    assert spec.examples[0].path == str(tmp_path / 'a.jpg')


def test_a_list_may_give_the_splits(tmp_path):
    spec = listed(tmp_path, 'a.jpg,ant,train\nb.jpg,bee,Train\nc.jpg,ant,val\nd.jpg,bee,test\n')
    assert [e.split for e in spec.examples] == ['train', 'train', 'validation', 'test']


def test_labels_that_are_numbers_keep_their_order(tmp_path):
    assert listed(tmp_path, 'a.jpg,10\nb.jpg,9\nc.jpg,1\n').class_names == ['1', '9', '10']


def test_a_listed_picture_that_is_missing_is_skipped_with_its_line(tmp_path):
    spec = listed(tmp_path, 'path,label\na.jpg,ant\nnone.jpg,ant\nb.jpg,bee\n')
    assert spec.refused == [(str(tmp_path / 'none.jpg'), 'no such file (line 3 of list.csv)')]
    assert len(spec.examples) == 2


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('a.jpg,ant\nb.jpg\n', 'line 2: 1 columns instead of path,label'),
        ('a.jpg,ant,train\nb.jpg,bee,dev\n', "line 2: split 'dev'"),
        ('a.jpg,ant,train\nb.jpg,bee,\n', "line 2: split ''"),
        ('a.jpg,ant\n,bee\n', 'line 2: the path is empty'),
        ('path,label\na.jpg,ant\n\nb.jpg, \n', 'line 4: the label is empty'),
        ('a.jpg,ant\nb.jpg,"bee\n', r'line \d: unexpected end'),
        ('path,label\n', 'no row after the header'),
        ('', 'empty'),
        ('a.jpg,ant\n', 'two labels'),
        ('x.jpg,ant\ny.jpg,bee\n', 'none of its pictures exist'),
    ],
)
def test_rows_that_cannot_be_used_are_named(tmp_path, text, words):
    with pytest.raises(UserError, match=words):
        listed(tmp_path, text)


def test_lists_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(UserError, match=r'--csv_file=.*none\.csv: No such file'):
        picture_list.from_csv(tmp_path / 'none.csv', 'listed')
    (tmp_path / 'latin.csv').write_bytes('a.jpg,café\n'.encode('latin-1'))
    with pytest.raises(UserError, match='UTF-8'):
        picture_list.from_csv(tmp_path / 'latin.csv', 'listed')


def test_names_that_are_no_text_survive_conversion(tmp_path):
    class_folders(tmp_path / 'pics', {'ant': 2, 'bee': 2})
    odd = os.fsdecode(b'caf\xe9.jpg')
    (tmp_path / 'pics/ant' / odd).write_bytes(picture_bytes(90))
    (tmp_path / 'pics/ant' / os.fsdecode(b'bad\xe9.jpg')).write_bytes(b'')
    options = ConvertOptions(num_processes=1, max_skipped_fraction=0.5)
    made = convert(image_folder.from_folder(tmp_path, 'pics'), tmp_path, options, quiet)
    assert b'ant/caf\xe9.jpg' in [r['image/filename'][0] for r in records(tmp_path, made)]
    assert made.skipped[0][0].startswith('pics/ant/bad')
