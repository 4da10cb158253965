"""The one reader of records: what a split consists of, and what must hold before it is used."""

import contextlib
import os

import tensorflow.compat.v1 as tf
import tf_slim as slim
from google.protobuf.message import DecodeError
from tf_slim.data import data_decoder

from common import files, labels
from common.errors import UserError
from datasets.records import label_files, manifest, record_features, record_files
from datasets.records.random_access import DamagedRecordError, RandomAccess
from datasets.records.record_files import RecordFile
from datasets.records.verified_records import label_fault
from preprocessing import decoding

_DESCRIPTIONS = {
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
    """Return the bytes of the picture in one serialised record; `where` names it in an error."""
    return _encoded(_features(record, where), where)


def _features(record, where):
    try:
        return tf.train.Example.FromString(record).features.feature
    except DecodeError:
        raise UserError(f'{where} is no tf.train.Example') from None


def _encoded(features, where):
    encoded = features['image/encoded'].bytes_list.value
    if not encoded:
        raise UserError(f'{where} has no image/encoded')
    return encoded[0]


class RecordDecoder(data_decoder.DataDecoder):
    """What `slim.dataset_data_provider` needs to turn a record into a picture and its label."""

    def __init__(self, channels=3):
        self._channels = channels

    def list_items(self):
        """List what a record can be asked for."""
        return list(_DESCRIPTIONS)

    def decode(self, data, items=None):
        """Decode a record into the tensors of `items`."""
        # A queue's elements have no shape, and tf.train.batch asks the label for one.
        encoded, label, _ = parse(tf.reshape(data, []))
        decoded = {'image': decoding.decode_image(encoded, self._channels), 'label': label}
        return [decoded[item] for item in items or self.list_items()]


def get_split(
    dataset_name,
    split_name,
    dataset_dir,
    file_pattern=None,
    reader=None,
    class_names=None,
    channels=3,
):
    """Describe a split of records, whoever wrote them, as a `slim.dataset.Dataset`.

    Beyond slim's attributes it has `dataset_name`, `split_name`, `shards` (RecordFiles),
    `num_classes`, `class_names` (by record label) and `labels_to_names`. The function
    `class_names` supplies the names where nothing beside the records tells them.
    """
    manifest.require_directory(dataset_dir, dataset_name)
    manifest.require_finished(dataset_dir, dataset_name)
    described = None if file_pattern else manifest.find(dataset_dir, dataset_name)
    if described:
        shards = _manifest_shards(described, split_name, dataset_dir)
        names = described.class_names
    else:
        shards, names = _scanned(dataset_dir, dataset_name, split_name, file_pattern, class_names)
    num_samples = sum(shard.examples for shard in shards)
    if not num_samples:
        raise UserError(f'{dataset_dir}: split {split_name!r} of {dataset_name} has no examples')
    return slim.dataset.Dataset(
        data_sources=[shard.path for shard in shards],
        reader=reader or tf.TFRecordReader,
        decoder=RecordDecoder(channels),
        num_samples=num_samples,
        items_to_descriptions=_DESCRIPTIONS,
        num_classes=len(names),
        labels_to_names=dict(enumerate(names)),
        class_names=list(names),
        shards=shards,
        dataset_name=dataset_name,
        split_name=split_name,
        has_manifest=described is not None,
        background_class=bool(described and described.background_class),
    )


def _manifest_shards(described, split_name, dataset_dir):
    manifest.require_split(described, split_name, dataset_dir)
    shards = []
    for shard in described.splits[split_name].shards:
        path = os.path.join(dataset_dir, shard.file)
        command = manifest.conversion_command(dataset_dir, described.dataset_name)
        if not os.path.exists(path):
            raise UserError(f'{path}: missing; it is made by: {command} --overwrite')
        size = os.path.getsize(path)
        if size != shard.bytes:
            raise UserError(
                f'{path}: has {size:,} bytes, its manifest says {shard.bytes:,};'
                f' it is made again by: {command} --overwrite'
            )
        shards.append(RecordFile(path, shard.offsets))
    return shards


def _scanned(dataset_dir, dataset_name, split_name, file_pattern, class_names):
    """Return (shards, class names) of records that no manifest describes."""
    information = _read_info(dataset_dir, dataset_name)
    paths = record_files.find(dataset_dir, dataset_name, split_name, file_pattern)
    shards = [RecordFile(path, record_files.scan(path)) for path in paths]
    _compare_count(information, split_name, shards, dataset_dir, dataset_name)
    return shards, _class_names(dataset_dir, dataset_name, information, shards, class_names)


def _read_info(dataset_dir, dataset_name):
    """Read `<dataset>.info`, lines such as `label:5` and `train:900`, into a dictionary."""
    path = _info_path(dataset_dir, dataset_name)
    if not os.path.exists(path):
        return {}
    information = {}
    for line in files.read_text(path).splitlines():
        key, _, value = line.rpartition(':')
        if line.strip():
            if not key or not value.strip().isdigit():
                raise UserError(f'{path}: {line!r} is not of the form train:900')
            information[key.strip()] = int(value)
    return information


def _info_path(dataset_dir, dataset_name):
    return os.path.join(dataset_dir, f'{dataset_name}.info')


def _compare_count(information, split_name, shards, dataset_dir, dataset_name):
    found = sum(shard.examples for shard in shards)
    stated = information.get(split_name, found)
    if stated != found:
        raise UserError(
            f'{_info_path(dataset_dir, dataset_name)}: says {split_name}:{stated}, but its files'
            f' hold {found} records'
        )


def _class_names(dataset_dir, dataset_name, information, shards, known):
    """Return the class names by record label, from the best source that there is."""
    path = label_files.find(dataset_dir, dataset_name)
    if path:
        names = labels.names_in_order(labels.read_labels(path), path)
        stated = information.get('label', len(names))
        if stated != len(names):
            raise UserError(
                f'{path}: has {len(names)} names, but'
                f' {_info_path(dataset_dir, dataset_name)} says label:{stated}'
            )
        return names
    if known:
        return known()
    return _names_in_records(shards, information.get('label', 0))


def _names_in_records(shards, count):
    """Return the class texts of the records; a label without one is named by its number."""
    texts = {}
    for label, text in _distinct(shards):
        if label is not None and label >= 0 and (text or label not in texts):
            texts[label] = text or b''
    if texts and 0 not in texts:
        # The older Inception tools count from 1, and keep 0 for what is none of the classes.
        texts[0] = b'background'
    names = []
    for label in range(max(count, max(texts, default=-1) + 1)):
        text = texts.get(label, b'').decode(errors='replace')
        names.append(labels.normalised(text) or str(label))
    return names


def _distinct(shards):
    """Return the pairs (label, class text) of the records that pass their checksums.

    Only the first record of each pair is read whole: classes are few.
    """
    read = RandomAccess(shards)
    pairs = (
        pair
        for shard in shards
        for pair in record_features.labels_and_texts(shard.path, shard.offsets)
    )
    found = {}
    for number, pair in enumerate(pairs):
        if pair not in found:
            with contextlib.suppress(DamagedRecordError):
                read.read(number)
                found[pair] = number
    return list(found)


def check(dataset, labels_offset=0, num_classes=None, skipped=None):
    """Raise a UserError unless all records of a split can be trained or evaluated on.

    The first record of each shard has to parse, and every label, less `labels_offset`, to be one
    of `num_classes` (by default those that the data set has). With `skipped`, a SkippedRecords,
    damaged records are left out.
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
    """Tell whether the manifest excludes labels out of range, so that none need be read."""
    return (
        dataset.has_manifest
        and labels_offset <= int(dataset.background_class)
        and dataset.num_classes - labels_offset <= num_classes
    )


def outputs(dataset, labels_offset, num_classes, skipped=None):
    """Yield the network's output for the label of each record; the pictures are not read.

    A label outside the classes is an error, unless its record is damaged and `skipped` is given.
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
    """Tell whether a record is damaged and skipped; a damaged one is an error without `skipped`."""
    try:
        read.read(number)
    except DamagedRecordError as error:
        if skipped is None:
            raise
        skipped.add(number, error)
        return True
    return False
