"""Helper functions that programs written for TF-Slim import."""

import os
import urllib.parse

import numpy as np
import tensorflow.compat.v1 as tf

from common import archives, download, labels

LABELS_FILENAME = 'labels.txt'


def int64_feature(values):
    """Return a feature of one integer, or of a sequence of them."""
    return tf.train.Feature(int64_list=tf.train.Int64List(value=_as_list(values)))


def float_list_feature(values):
    """Return a feature of a sequence of floats."""
    return tf.train.Feature(float_list=tf.train.FloatList(value=_as_list(values)))


def float_feature(values):
    """Return a feature of one float, or of a sequence of them."""
    return float_list_feature(values)


def bytes_list_feature(values):
    """Return a feature of a sequence of byte strings; text is encoded as UTF-8."""
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=encoded))


def bytes_feature(values):
    """Return a feature of one byte string."""
    return bytes_list_feature([values])


def _as_list(values):
    return np.ravel(values).tolist()


def image_to_tfexample(image_data, image_format, height, width, class_id):
    """Return the Example of an encoded picture, with the keys that all readers here know."""
    features = {
        'image/encoded': bytes_feature(image_data),
        'image/format': bytes_feature(image_format),
        'image/class/label': int64_feature(class_id),
        'image/height': int64_feature(height),
        'image/width': int64_feature(width),
    }
    return tf.train.Example(features=tf.train.Features(feature=features))


def download_url(url, dataset_dir):
    """Download a file into `dataset_dir` unless it exists, and return its path."""
    name = os.path.basename(urllib.parse.urlsplit(url).path)
    return download.fetch(url, os.path.join(dataset_dir, name))


def download_and_uncompress_tarball(tarball_url, dataset_dir):
    """Download an archive into `dataset_dir` and unpack it there."""
    archives.unpack(download_url(tarball_url, dataset_dir), dataset_dir)


def download_and_uncompress_zipfile(zip_url, dataset_dir):
    """Download a zip file into `dataset_dir` and unpack it there."""
    archives.unpack(download_url(zip_url, dataset_dir), dataset_dir)


def write_label_file(labels_to_class_names, dataset_dir, filename=LABELS_FILENAME):
    """Write a dictionary from labels to class names as lines such as `0:daisy`."""
    labels.write_labels(os.path.join(dataset_dir, filename), dict(labels_to_class_names))


def has_labels(dataset_dir, filename=LABELS_FILENAME):
    """Tell whether `dataset_dir` holds a label file."""
    return os.path.isfile(os.path.join(dataset_dir, filename))


def read_label_file(dataset_dir, filename=LABELS_FILENAME):
    """Read a label file into a dictionary from labels to class names."""
    return labels.read_labels(os.path.join(dataset_dir, filename))


def open_sharded_output_tfrecords(exit_stack, base_path, num_shards):
    """Open `num_shards` record writers, which `exit_stack` closes."""
    names = [f'{base_path}-{index:05d}-of-{num_shards:05d}' for index in range(num_shards)]
    return [exit_stack.enter_context(tf.python_io.TFRecordWriter(name)) for name in names]
