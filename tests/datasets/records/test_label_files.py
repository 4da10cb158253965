"""Which label file a data set reads, and which it writes."""

import pytest

from datasets import class_names
from datasets.records import label_files
from support.files.picture_folders import class_folders


def test_a_data_sets_own_file_comes_before_the_shared_one(tmp_path):
    assert label_files.find_label_file(tmp_path, 'pets') is None
    (tmp_path / 'labels.txt').write_text('a\nb\n')
    assert label_files.find_label_file(tmp_path, 'pets') == str(tmp_path / 'labels.txt')
    (tmp_path / 'pets_labels.txt').write_text('cat\ndog\nowl\n')
    assert label_files.find_label_file(tmp_path, 'pets') == str(tmp_path / 'pets_labels.txt')


@pytest.mark.parametrize(('name', 'expected'), [('pets', ['cat', 'dog']), ('other', ['a'])])
def test_the_classes_are_those_of_that_file(name, expected, tmp_path):
    (tmp_path / 'labels.txt').write_text('a\n')
    (tmp_path / 'pets_labels.txt').write_text('cat\ndog\n')
    assert class_names.read(name, tmp_path) == (len(expected), expected)


def test_labels_of_another_data_set_stay(tmp_path, pictures):
    (tmp_path / 'labels.txt').write_text('0:x\n1:y\n')
    made = pictures()
    assert made.labels_file == 'pics_labels.txt'
    assert (tmp_path / 'labels.txt').read_text() == '0:x\n1:y\n'
    assert (tmp_path / 'pics_labels.txt').read_text() == '0:ant\n1:bee\n2:cat\n'


def test_equal_labels_are_left_as_they_are_written(tmp_path, pictures):
    (tmp_path / 'labels.txt').write_text('ant\nbee\ncat\n')
    assert pictures().labels_file == 'labels.txt'
    assert (tmp_path / 'labels.txt').read_text() == 'ant\nbee\ncat\n'


def test_own_labels_follow_the_classes(tmp_path, pictures):
    pictures()
    class_folders(tmp_path / 'pics', {'dog': 4}, first_seed=500)
    assert pictures(overwrite=True).labels_file == 'labels.txt'
    assert (tmp_path / 'labels.txt').read_text().endswith('3:dog\n')
