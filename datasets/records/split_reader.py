"""Describe a split of records as a `slim.dataset.Dataset`."""

import contextlib
import os

from common import files, labels
from common.errors import UserError
from datasets.records import label_files, manifest, record_features, record_files
from datasets.records.random_access import DamagedRecordError, RandomAccess
from datasets.records.record_files import RecordFile


def get_split(
    split_name,
    dataset_dir,
    file_pattern=None,
    reader=None,
    dataset_name='',
    class_names=None,
    channels=3,
):
    """Describe a split of records, from this converter or another, as a `slim.dataset.Dataset`.

    Beyond slim's attributes it has `dataset_name`, `split_name`, `shards` (RecordFiles),
    `num_classes`, `class_names` (by record label) and `labels_to_names`. The function
    `class_names` is called for the names if no file beside the records has them.
    """
    manifest.require_directory(dataset_dir, dataset_name)
    manifest.require_finished(dataset_dir, dataset_name)
    described = None if file_pattern else manifest.find_manifest(dataset_dir, dataset_name)
    if described:
        shards = _manifest_shards(described, split_name, dataset_dir)
        names = described.class_names
    else:
        shards, names = _scanned(dataset_dir, dataset_name, split_name, file_pattern, class_names)
    if not any(shard.examples for shard in shards):
        raise UserError(f'{dataset_dir}: split {split_name!r} of {dataset_name} has no examples')
    return _dataset(
        shards,
        names,
        reader,
        channels,
        dataset_name=dataset_name,
        split_name=split_name,
        has_manifest=described is not None,
        background_class=bool(described and described.background_class),
    )


def _dataset(shards, names, reader, channels, **attributes):
    """Return slim's record of a data set, with some attributes of our own."""
    # Imported late: data sets are converted without TensorFlow in the converter's own process.
    import tensorflow.compat.v1 as tf
    import tf_slim as slim

    from datasets.records import record_parser

    return slim.dataset.Dataset(
        data_sources=[shard.path for shard in shards],
        reader=reader or tf.TFRecordReader,
        decoder=record_parser.RecordDecoder(channels),
        num_samples=sum(shard.examples for shard in shards),
        items_to_descriptions=record_parser.ITEMS,
        num_classes=len(names),
        labels_to_names=dict(enumerate(names)),
        class_names=list(names),
        shards=shards,
        **attributes,
    )


def _manifest_shards(described, split_name, dataset_dir):
    manifest.require_split(described, split_name, dataset_dir)
    shards = []
    for shard in described.splits[split_name].shards:
        path = os.path.join(dataset_dir, shard.file)
        command = manifest.conversion_command(dataset_dir, described.dataset_name)
        if not os.path.exists(path):
            raise UserError(f'{path}: missing; make it again with: {command} --overwrite')
        size = os.path.getsize(path)
        if size != shard.bytes:
            raise UserError(
                f'{path}: has {size:,} bytes, its manifest says {shard.bytes:,};'
                f' make it again with: {command} --overwrite'
            )
        shards.append(RecordFile(path, shard.offsets))
    return shards


def _scanned(dataset_dir, dataset_name, split_name, file_pattern, class_names):
    """Return (shards, class names) of records without a manifest."""
    information = _read_info(dataset_dir, dataset_name)
    paths = record_files.find_record_files(dataset_dir, dataset_name, split_name, file_pattern)
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
                raise UserError(f'{path}: {line!r} must have the form train:900')
            information[key.strip()] = int(value)
    return information


def _info_path(dataset_dir, dataset_name):
    return os.path.join(dataset_dir, f'{dataset_name}.info')


def _compare_count(information, split_name, shards, dataset_dir, dataset_name):
    found = sum(shard.examples for shard in shards)
    stated = information.get(split_name, found)
    if stated != found:
        raise UserError(
            f'{_info_path(dataset_dir, dataset_name)}: says {split_name}:{stated}, but the files'
            f' hold {found} records'
        )


def _class_names(dataset_dir, dataset_name, information, shards, known):
    """Return the class names by record label, from the best available source."""
    path = label_files.find_label_file(dataset_dir, dataset_name)
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
    """Return the class texts of the records; the name of a label without one is its number."""
    texts = {}
    for label, text in _distinct(shards):
        if label is not None and label >= 0 and (text or label not in texts):
            texts[label] = text or b''
    if texts and 0 not in texts:
        # The older Inception tools count from 1 and reserve 0 for a background class.
        texts[0] = b'background'
    names = []
    for label in range(max(count, max(texts, default=-1) + 1)):
        text = texts.get(label, b'').decode(errors='replace')
        names.append(labels.normalised(text) or str(label))
    return names


def _distinct(shards):
    """Return the distinct (label, class text) of the records that pass their checksums.

    Only the first record of each pair is read as a whole.
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
