import contextlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from common.errors import UserError
from datasets import dataset_utils
from support.files import published_files


def values(feature):
    return list(getattr(feature, feature.WhichOneof('kind')).value)


@pytest.mark.parametrize(
    ('function', 'value', 'expected'),
    [
        (dataset_utils.int64_feature, 7, [7]),
        (dataset_utils.int64_feature, [1, 2], [1, 2]),
        (dataset_utils.int64_feature, np.arange(3), [0, 1, 2]),
        (dataset_utils.float_feature, 0.5, [0.5]),
        (dataset_utils.float_list_feature, (0.5, 1), [0.5, 1.0]),
        (dataset_utils.bytes_feature, b'jpg', [b'jpg']),
        (dataset_utils.bytes_feature, '데이지', ['데이지'.encode()]),
        (dataset_utils.bytes_list_feature, [b'a', b'b'], [b'a', b'b']),
    ],
)
def test_features(function, value, expected):
    assert values(function(value)) == expected


def test_image_to_tfexample():
    example = dataset_utils.image_to_tfexample(b'data', b'png', 3, 4, 2)
    found = {key: values(feature) for key, feature in example.features.feature.items()}
    assert found == {
        'image/encoded': [b'data'],
        'image/format': [b'png'],
        'image/class/label': [2],
        'image/height': [3],
        'image/width': [4],
    }


def test_label_files(tmp_path):
    assert not dataset_utils.has_labels(tmp_path)
    dataset_utils.write_label_file({0: 'daisy', 1: 'roses'}, tmp_path)
    assert dataset_utils.has_labels(tmp_path)
    assert (tmp_path / 'labels.txt').read_text() == '0:daisy\n1:roses\n'
    assert dataset_utils.read_label_file(tmp_path) == {0: 'daisy', 1: 'roses'}
    dataset_utils.write_label_file({0: 'x'}, tmp_path, 'other.txt')
    assert dataset_utils.read_label_file(tmp_path, 'other.txt') == {0: 'x'}


def test_sharded_writers(tmp_path):
    with contextlib.ExitStack() as stack:
        writers = dataset_utils.open_sharded_output_tfrecords(stack, str(tmp_path / 'train'), 2)
        for number, writer in enumerate(writers):
            writer.write(b'%d' % number)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'train-00000-of-00002',
        'train-00001-of-00002',
    ]
    assert list(tf.io.tf_record_iterator(str(tmp_path / 'train-00001-of-00002'))) == [b'1']


def test_downloads(tmp_path):
    archive = published_files.tar(tmp_path / 'web/set.tgz', {'set/a.txt': b'a'})
    data = tmp_path / 'data'
    path = dataset_utils.download_url(archive.as_uri(), str(data))
    assert path == str(data / 'set.tgz')
    dataset_utils.download_and_uncompress_tarball(archive.as_uri(), str(data))
    assert (data / 'set/a.txt').read_bytes() == b'a'
    with pytest.raises(UserError, match='could not be downloaded'):
        dataset_utils.download_and_uncompress_zipfile('file:///not/there.zip', str(data))
