"""Read a data set again, byte for byte, against its manifest."""

import hashlib
import os

from common import progress
from common.errors import UserError
from datasets import manifest
from datasets.record_files import FOOTER_BYTES, FRAME_BYTES, HEADER_BYTES, data_length

_REPAIR = 'convert again with --overwrite'


def verify(dataset_dir, dataset_name, report=print):
    """Raise a UserError that names every bad shard and its first bad record; say when all is well.

    A shard with the right SHA-256 has the right bytes; its records are taken apart all the same,
    so that a manifest that was changed shows too.
    """
    manifest.require_finished(dataset_dir, dataset_name)
    described = manifest.find(dataset_dir, dataset_name)
    if described is None:
        path = manifest.manifest_path(dataset_dir, dataset_name)
        command = manifest.conversion_command(dataset_dir, dataset_name)
        raise UserError(f'{path}: no manifest to verify against; it is made by {command}')
    complaints = []
    with progress.Progress(described.examples, 'verifying', unit='records') as bar:
        for split in described.splits.values():
            for shard in split.shards:
                complaint = _complaint(os.path.join(dataset_dir, shard.file), shard, described)
                if complaint:
                    complaints.append(f'{os.path.join(dataset_dir, shard.file)}: {complaint}')
                bar.advance(shard.examples)
    if complaints:
        raise UserError('; '.join([*complaints, _REPAIR]))
    shards = sum(len(split.shards) for split in described.splits.values())
    report(
        f'{dataset_name or "records"}: {described.examples:,} records in {shards:,} shards are as'
        ' the manifest says'
    )


def _complaint(path, shard, described):
    """Say what is wrong with a shard, and with which record, or return None."""
    try:
        size = os.path.getsize(path)
        digest = _sha256(path)
    except OSError as error:
        return f'cannot be read ({error.strerror})'
    if len(shard.offsets) != shard.examples:
        return f'the manifest lists {len(shard.offsets)} offsets for {shard.examples} records'
    complaint = _first_bad_record(path, shard, described.class_names)
    if complaint or digest == shard.sha256:
        return complaint
    if complaint := _first_bad_checksum(path, shard):
        return complaint
    if size != shard.bytes:
        return f'has {size:,} bytes instead of {shard.bytes:,}'
    return f'has other content than when it was made (SHA-256 {digest})'


def _sha256(path):
    with open(path, 'rb') as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _first_bad_record(path, shard, class_names):
    """Name the first record that is not where the manifest says, or not what it should be."""
    ends = [*shard.offsets, shard.bytes][1:]
    with open(path, 'rb') as stream:
        for number, (start, end) in enumerate(zip(shard.offsets, ends, strict=True)):
            stream.seek(start)
            frame = stream.read(max(0, end - start))
            where = _where(number, start)
            if len(frame) < HEADER_BYTES or data_length(frame) + FRAME_BYTES != end - start:
                return f'{where} is not where the manifest says, or its length is wrong'
            if len(frame) < end - start:
                return f'{where} is cut off'
            data = frame[HEADER_BYTES:-FOOTER_BYTES]
            if complaint := _bad_example(data, class_names):
                return f'{where} {complaint}'
    return None


def _first_bad_checksum(path, shard):
    import tensorflow.compat.v1 as tf

    count = 0
    try:
        for _ in tf.io.tf_record_iterator(path):
            count += 1
    except tf.errors.DataLossError:
        start = shard.offsets[count] if count < shard.examples else shard.bytes
        return f'{_where(count, start)} fails its checksum'
    return None


def _where(number, start):
    return f'record {number} (at byte {start:,})'


def _bad_example(data, class_names):
    import tensorflow.compat.v1 as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(data).features.feature
    except DecodeError:
        return 'is no tf.train.Example'
    if not features['image/encoded'].bytes_list.value:
        return 'holds no picture'
    label = features['image/class/label'].int64_list.value
    if len(label) != 1 or not 0 <= label[0] < len(class_names):
        return f'has the label {list(label)}; valid are 0 to {len(class_names) - 1}'
    return None
