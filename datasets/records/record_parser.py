"""Parse records, and check a split before it is used."""

import tensorflow.compat.v1 as tf
from google.protobuf.message import DecodeError
from tf_slim.data import data_decoder

from common.errors import UserError
from datasets.records import record_features
from datasets.records.random_access import DamagedRecordError, RandomAccess
from datasets.records.verified_records import label_fault
from preprocessing import decoding

ITEMS = {
    'image': 'A picture of any size.',
    'label': 'The number of its class.',
}


def parse(serialized):
    """Parse one serialised record, or a vector of them, into image bytes, labels and file names."""
    features = {
        'image/encoded': tf.FixedLenFeature([], tf.string),
        'image/class/label': tf.FixedLenFeature([], tf.int64),
        'image/filename': tf.FixedLenFeature([], tf.string, default_value=''),
    }
    parsed = tf.io.parse_example(serialized, features)
    return parsed['image/encoded'], parsed['image/class/label'], parsed['image/filename']


def encoded_picture(record, where):
    """Return the bytes of the picture in one serialised record; errors call it `where`."""
    return _encoded(_features(record, where), where)


def example(record, where):
    """Return (bytes of the picture, label, file name) of one serialised record."""
    features = _features(record, where)
    labels = features['image/class/label'].int64_list.value
    if not labels:
        raise UserError(f'{where} has no image/class/label')
    names = features['image/filename'].bytes_list.value or [b'']
    return _encoded(features, where), labels[0], names[0].decode(errors='replace')


def _features(record, where):
    try:
        return tf.train.Example.FromString(record).features.feature
    except DecodeError:
        raise UserError(f'{where} is not a tf.train.Example') from None


def _encoded(features, where):
    encoded = features['image/encoded'].bytes_list.value
    if not encoded:
        raise UserError(f'{where} has no image/encoded')
    return encoded[0]


class RecordDecoder(data_decoder.DataDecoder):
    """Decode a record into a picture and its label, for `slim.dataset_data_provider`."""

    def __init__(self, channels=3):
        self._channels = channels

    def list_items(self):
        """List the items that a record can be decoded into."""
        return list(ITEMS)

    def decode(self, data, items=None):
        """Decode a record into the tensors of `items`."""
        # A queue's elements have no shape, but tf.train.batch needs the label's.
        encoded, label, _ = parse(tf.reshape(data, []))
        decoded = {'image': decoding.decode_image(encoded, self._channels), 'label': label}
        return [decoded[item] for item in items or self.list_items()]


def check(dataset, labels_offset=0, num_classes=None, skipped=None):
    """Raise a UserError unless all records of a split can be used for training or evaluation.

    The first record of each shard must parse, and every label minus `labels_offset` must be one of
    `num_classes` (default: the data set's). With `skipped`, a SkippedRecords, damaged records are
    left out.
    """
    if num_classes is None:
        num_classes = dataset.num_classes - labels_offset
    read = RandomAccess(dataset.shards)
    first = 0
    for shard in dataset.shards:
        _check_first_record(read, range(first, first + shard.examples), skipped)
        first += shard.examples
    if not _is_vouched_for(dataset, labels_offset, num_classes):
        for _ in outputs(dataset, labels_offset, num_classes, skipped):
            pass


def _check_first_record(read, numbers, skipped):
    """Check the first record of a shard that is not skipped."""
    for number in numbers:
        try:
            record = read.read(number)
        except DamagedRecordError as error:
            if skipped is None:
                raise
            skipped.add(number, error)
            continue
        where = read.name(number)
        features = _features(record, where)
        if not features['image/class/label'].int64_list.value:
            raise UserError(f'{where} has no image/class/label')
        _encoded(features, where)
        return


def _is_vouched_for(dataset, labels_offset, num_classes):
    """Tell whether the manifest rules out bad labels, so that they need not be read."""
    return (
        dataset.has_manifest
        and labels_offset <= int(dataset.background_class)
        and dataset.num_classes - labels_offset <= num_classes
    )


def outputs(dataset, labels_offset, num_classes, skipped=None):
    """Yield the network's output for the label of each record, without reading the pictures.

    A label outside the classes raises a UserError, unless the record is damaged and `skipped` is
    given.
    """
    read = RandomAccess(dataset.shards)
    number = -1
    for shard in dataset.shards:
        for label, _ in record_features.labels_and_texts(shard.path, shard.offsets):
            number += 1
            fault = label_fault(label, labels_offset, num_classes)
            if not fault:
                yield label - labels_offset
            elif not _is_skipped(read, number, skipped):
                raise UserError(f'{read.name(number)} {fault}')


def _is_skipped(read, number, skipped):
    """Tell whether a record is damaged and skipped; without `skipped`, raise its error."""
    try:
        read.read(number)
    except DamagedRecordError as error:
        if skipped is None:
            raise
        skipped.add(number, error)
        return True
    return False
