"""Which label file tells the classes of a data set that has no manifest."""

import pytest

from datasets import class_names, label_files


def test_a_data_sets_own_file_comes_before_the_shared_one(tmp_path):
    assert label_files.find(tmp_path, 'pets') is None
    (tmp_path / 'labels.txt').write_text('a\nb\n')
    assert label_files.find(tmp_path, 'pets') == str(tmp_path / 'labels.txt')
    (tmp_path / 'pets_labels.txt').write_text('cat\ndog\nowl\n')
    assert label_files.find(tmp_path, 'pets') == str(tmp_path / 'pets_labels.txt')


@pytest.mark.parametrize(('name', 'expected'), [('pets', ['cat', 'dog']), ('other', ['a'])])
def test_the_classes_are_those_of_that_file(name, expected, tmp_path):
    (tmp_path / 'labels.txt').write_text('a\n')
    (tmp_path / 'pets_labels.txt').write_text('cat\ndog\n')
    assert class_names.read(name, tmp_path) == (len(expected), expected)
