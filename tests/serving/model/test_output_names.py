"""The outputs of a model get names: a label file's, its own, or ImageNet's by their number."""

import dataclasses
import os

import pytest

from classifiers import model_info
from common import imagenet
from common.errors import UserError
from serving.model.model_options import ModelOptions
from serving.model.output_names import name_outputs

OUTPUTS = model_info.ModelInfo('', 3, 0, 0, '')


@pytest.mark.parametrize(
    ('info', 'lines', 'options', 'expected_names', 'offset'),
    [
        (OUTPUTS, 'a\nb\nc\n', {}, ('a', 'b', 'c'), 0),
        (OUTPUTS, '0:a\n1:b\n2:c\n', {}, ('a', 'b', 'c'), 0),
        (OUTPUTS, 'none\na\nb\nc\n', {'labels_offset': 1}, ('a', 'b', 'c'), 1),
        (OUTPUTS, 'a\nb\nc\n', {'labels_offset': 1}, ('a', 'b', 'c'), 1),
        (OUTPUTS.replace(class_names=('a', 'b', 'c')), 'a\nb\nc\n', {}, ('a', 'b', 'c'), 0),
    ],
)
def test_a_label_file_names_the_outputs(info, lines, options, expected_names, offset, tmp_path):
    path = tmp_path / 'names.label'
    path.write_text(lines)
    named, line = name_outputs(info, ModelOptions('x.pb', label_file=os.fspath(path), **options))
    assert (named.class_names, named.labels_offset) == (expected_names, offset)
    assert str(path) in line


@pytest.mark.parametrize(
    ('info', 'lines', 'words'),
    [
        (OUTPUTS, 'a\nb\n', r'names 2 labels .* 3 outputs'),
        (OUTPUTS, 'a\nb\nc\nd\n', 'or pass --labels_offset=1'),
        (OUTPUTS, '0:a\n1:b\n3:c\n', 'label 2 is missing'),
        (OUTPUTS, '0:a\n1:b\n1:c\n', 'label 1 is listed twice'),
        (OUTPUTS.replace(class_names=('a', 'b', 'c')), 'a\nB\nc\n', "output 1 'B', and x.json"),
    ],
)
def test_label_files_that_do_not_fit_are_refused(info, lines, words, tmp_path):
    path = tmp_path / 'names.label'
    path.write_text(lines)
    with pytest.raises(UserError, match=words):
        name_outputs(info, ModelOptions('x.pb', label_file=os.fspath(path)))


@pytest.mark.parametrize(
    ('info', 'expected_names', 'source'),
    [
        (OUTPUTS, ('a', 'b', 'c'), 'x.label'),
        (OUTPUTS.replace(class_names=('d', 'e', 'f')), ('d', 'e', 'f'), 'x.json'),
    ],
)
def test_a_label_file_beside_a_graph_is_used_if_the_description_has_no_names(
    info, expected_names, source, tmp_path
):
    (tmp_path / 'x.label').write_text('a\nb\nc\n')
    named, line = name_outputs(info, ModelOptions(os.fspath(tmp_path / 'x.pb')))
    assert named.class_names == expected_names
    assert str(tmp_path / source) in line


def test_the_offset_follows_from_a_label_file_of_imagenet(tmp_path):
    path = tmp_path / 'imagenet.label'
    path.write_text('\n'.join(imagenet.names()) + '\n')
    outputs = dataclasses.replace(OUTPUTS, num_classes=1000)
    named, _ = name_outputs(outputs, ModelOptions('x.pb', label_file=os.fspath(path)))
    assert (named.labels_offset, 'tench' in named.class_names[0]) == (1, True)


@pytest.mark.parametrize(('outputs', 'first'), [(1000, 'tench'), (1001, 'background')])
def test_a_model_of_imagenets_size_gets_its_names(outputs, first):
    info, line = name_outputs(dataclasses.replace(OUTPUTS, num_classes=outputs), ModelOptions('x'))
    assert first in info.class_names[0]
    assert info.labels_offset == 1001 - outputs
    assert 'ImageNet' in line
