"""Detect whether a data set on disk is what a conversion would write."""

import hashlib
import json
import os

from common import files
from common.errors import UserError
from datasets.conversion import duplicates
from datasets.records import manifest

# The options that determine the content of the records.
_OPTIONS = (
    'num_shards',
    'train_shards',
    'validation_shards',
    'validation_percentage',
    'random_seed',
    'reencode',
    'max_side',
)


def recorded_options(options):
    """Return the options that determine the content of the records, for the manifest."""
    return {name: getattr(options, name) for name in _OPTIONS}


def quick_fingerprint(spec, options):
    """Hash names, labels, options, sizes and times, without reading any picture."""
    lines = [spec.source, *spec.class_names, json.dumps(recorded_options(options))]
    for example in spec.examples:
        lines += [_identity(example), _state(example)]
    return _hash(lines)


def _state(example):
    """Return a description of a file that changes with its content.

    The time of the last status change shows a replacement that kept the modification time.
    """
    if example.path is None:
        return duplicates.content_hash(example) if isinstance(example.data, bytes) else ''
    try:
        state = os.stat(example.path)
    except OSError as error:
        return f'{example.path} {error.errno}'
    return f'{example.path} {state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}'


def content_fingerprint(spec, digests):
    """Hash names, labels, splits and content, given the content hash of each example."""
    lines = [spec.source]
    for example, digest in zip(spec.examples, digests, strict=True):
        lines += [_identity(example), digest or '']
    return _hash(lines)


def _identity(example):
    return f'{example.filename}\0{example.label}\0{example.split}'


def _hash(lines):
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode('utf-8', 'surrogateescape') + b'\n')
    return digest.hexdigest()


def require_unchanged(old, spec, options, output_dir):
    """Raise a UserError that says what has changed since the manifest `old`, if anything."""
    difference = _difference(old, spec, options, output_dir)
    if difference:
        path = manifest.manifest_path(output_dir, spec.name)
        raise UserError(
            f'{path}: {difference}. Nothing was changed; pass --overwrite to convert again'
        )


def _difference(old, spec, options, output_dir):
    for name, value in recorded_options(options).items():
        if old.options.get(name) != value:
            return f'made with --{name}={old.options.get(name)}, not {value}'
    if old.class_names != list(spec.class_names):
        return 'the classes have changed since'
    for split in old.splits.values():
        for shard in split.shards:
            path = os.path.join(output_dir, shard.file)
            if not os.path.exists(path) or os.path.getsize(path) != shard.bytes:
                return f'{shard.file} is missing or its size has changed'
    quick = quick_fingerprint(spec, options)
    if _remembered(output_dir, spec.name) == quick:
        return None
    digests = (duplicates.content_hash(example) for example in spec.examples)
    if content_fingerprint(spec, digests) != old.fingerprint:
        return 'the pictures have changed since'
    remember(output_dir, spec.name, quick)
    return None


def remember(output_dir, dataset_name, quick):
    """Store the quick fingerprint beside the data set, so that the next run need not read files."""
    files.write_text(_memory_path(output_dir, dataset_name), quick + '\n')


def _remembered(output_dir, dataset_name):
    try:
        return files.read_text(_memory_path(output_dir, dataset_name)).strip()
    except UserError:
        return None


def _memory_path(output_dir, dataset_name):
    return os.path.join(output_dir, f'.{dataset_name or "records"}.unchanged')
