"""Compare all bytes of a data set with its manifest."""

import os

from common import files, labels, progress, startup
from common.errors import UserError
from datasets.records import frames, label_files, manifest
from datasets.records.frames import FOOTER_BYTES, FRAME_BYTES, HEADER_BYTES

_REPAIR = 'convert again with --overwrite'


def verify(dataset_dir, dataset_name, report=print):
    """Raise a UserError that names every bad shard and its first bad record, or report success.

    The records of a shard with the right SHA-256 are parsed too, so that a changed manifest is
    found.
    """
    manifest.require_finished(dataset_dir, dataset_name)
    described = manifest.find_manifest(dataset_dir, dataset_name)
    if described is None:
        path = manifest.manifest_path(dataset_dir, dataset_name)
        command = manifest.conversion_command(dataset_dir, dataset_name)
        raise UserError(f'{path}: no manifest to verify against; make it with: {command}')
    complaints = list(_complaints_about_manifest(dataset_dir, described))
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
        f'{dataset_name or "records"}: {described.examples:,} records in {shards:,} shards match'
        ' the manifest'
    )


def _complaints_about_manifest(dataset_dir, described):
    """Yield contradictions between the manifest, its own counts and the label file."""
    name = manifest.manifest_name(described.dataset_name)
    accounted = described.examples + len(described.skipped)
    if described.found != accounted:
        yield (
            f'{os.path.join(dataset_dir, name)}: states that {described.found:,} files were found,'
            f' but lists {described.examples:,} examples and {len(described.skipped):,} skipped'
        )
    if not label_files.is_written(dataset_dir, described.labels_file, described.class_names):
        yield (
            f'{os.path.join(dataset_dir, described.labels_file)}: does not have the'
            f' {len(described.class_names):,} class names of {name}'
        )


def _complaint(path, shard, described):
    """Say what is wrong with a shard and with which record, or return None."""
    try:
        size = os.path.getsize(path)
        digest = files.digest(path)
    except OSError as error:
        return f'cannot be read ({error.strerror})'
    complaint = _first_bad_record(path, shard, described.class_names)
    if complaint or digest == shard.sha256:
        return complaint
    if size != shard.bytes:
        return f'has {size:,} bytes instead of {shard.bytes:,}'
    return f'its content has changed since the conversion (SHA-256 {digest})'


def _first_bad_record(path, shard, class_names):
    """Say which record is the first bad one and what is wrong with it, or return None."""
    ends = [*shard.offsets, shard.bytes][1:]
    with open(path, 'rb') as stream:
        for number, (start, end) in enumerate(zip(shard.offsets, ends, strict=True)):
            stream.seek(start)
            sizes = HEADER_BYTES, max(end - start - FRAME_BYTES, 0), FOOTER_BYTES
            header, data, footer = (stream.read(size) for size in sizes)
            fault = frames.fault(header, data, footer, end - start)
            if fault := fault or _bad_example(data, class_names):
                return f'{_where(number, start)} {fault}'
    return None


def _where(number, start):
    return f'record {number} (at byte {start:,})'


def _bad_example(data, class_names):
    with startup.quiet():
        import tensorflow.compat.v1 as tf
    from google.protobuf.message import DecodeError

    try:
        features = tf.train.Example.FromString(data).features.feature
    except DecodeError:
        return 'is not a tf.train.Example'
    if not features['image/encoded'].bytes_list.value:
        return 'has no picture'
    label = features['image/class/label'].int64_list.value
    if len(label) != 1 or not 0 <= label[0] < len(class_names):
        return f'has the label {list(label)}; valid are 0 to {len(class_names) - 1}'
    text = features['image/class/text'].bytes_list.value
    try:
        names = [labels.normalised(name.decode()) for name in text]
    except UnicodeDecodeError:
        return f'has a class text that is not UTF-8: {text[0]!r:.60}'
    if names and names != [class_names[label[0]]]:
        return f'has the class text {names[0]!r}, but its label is {class_names[label[0]]!r}'
    return None
