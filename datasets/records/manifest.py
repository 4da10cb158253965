"""The files of a converted data set: their names, the manifest, and the `.converting` file."""

import contextlib
import dataclasses
import os
import shlex

from common import files, labels, locks
from common.errors import UserError
from common.logs import LOG
from datasets.records import manifest_checks

FORMAT_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file; `offsets` are the byte positions at which its record frames begin."""

    file: str
    examples: int
    bytes: int
    sha256: str
    offsets: list


@dataclasses.dataclass(frozen=True)
class Split:
    """One split, such as `train` or `validation`."""

    examples: int
    shards: list


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The description of a data set for its readers, and what it was made from.

    `class_names[i]` is the name of record label i, including a background class. `found` counts all
    files (also litter such as `.DS_Store`), so that found = written + skipped. `skipped` holds
    (path, reason) pairs. `other_files` are the reports beside the shards. `fingerprint` is a hash
    of the pictures' content, names and labels.
    """

    dataset_name: str
    class_names: list
    splits: dict
    labels_file: str = 'labels.txt'
    background_class: bool = False
    found: int = 0
    skipped: list = dataclasses.field(default_factory=list)
    duplicates: int = 0
    other_files: list = dataclasses.field(default_factory=list)
    options: dict = dataclasses.field(default_factory=dict)
    fingerprint: str = ''
    format_version: int = FORMAT_VERSION

    @property
    def examples(self):
        """Count the examples of all splits."""
        return sum(split.examples for split in self.splits.values())

    @property
    def files(self):
        """List the files that belong to this data set only, including the manifest."""
        shards = [shard.file for split in self.splits.values() for shard in split.shards]
        return shards + list(self.other_files) + [manifest_name(self.dataset_name)]


def shard_name(dataset_name, split_name, index, count):
    """Return a shard's file name; without a data set name, that of the older Inception tools."""
    numbers = f'{index:05d}-of-{count:05d}'
    if not dataset_name:
        return f'{split_name}-{numbers}'
    return f'{dataset_name}_{split_name}_{numbers}.tfrecord'


def manifest_name(dataset_name):
    """Return the manifest's file name."""
    return f'{dataset_name}.manifest.json' if dataset_name else 'manifest.json'


def manifest_path(dataset_dir, dataset_name):
    """Return the path of a data set's manifest."""
    return os.path.join(dataset_dir, manifest_name(dataset_name))


def converting_path(dataset_dir, dataset_name):
    """Return the path of the file that exists while the data set may be incomplete."""
    return os.path.join(dataset_dir, f'{dataset_name}.converting' if dataset_name else 'converting')


def read(dataset_dir, dataset_name):
    """Read a data set's manifest, or return None if there is none."""
    path = manifest_path(dataset_dir, dataset_name)
    if not os.path.exists(path):
        return None
    return from_json(files.read_json(path), path)


def find_manifest(dataset_dir, dataset_name):
    """Read the manifest of `dataset_name`, or else one written without a data set name."""
    return read(dataset_dir, dataset_name) or read(dataset_dir, '')


def write(path, manifest):
    """Write a manifest atomically."""
    files.write_json(path, dataclasses.asdict(manifest))


def from_json(value, path):
    """Build a manifest from the JSON value read from `path`."""
    try:
        if value['format_version'] > FORMAT_VERSION:
            raise UserError(
                f'{path}: manifest format {value["format_version"]} is newer than this program,'
                f' which reads up to {FORMAT_VERSION}'
            )
        if fault := manifest_checks.fault(value):
            raise UserError(f'{path}: {fault}')
        splits = {
            name: Split(split['examples'], [Shard(**shard) for shard in split['shards']])
            for name, split in value['splits'].items()
        }
        names = [labels.normalised(name) for name in value['class_names']]
        return Manifest(**{**value, 'splits': splits, 'class_names': names})
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise UserError(f'{path}: not a manifest of this program ({error})') from None


def lock_path(dataset_dir, dataset_name):
    """Return the path of the file that a running conversion holds locked."""
    return os.path.join(dataset_dir, f'.{dataset_name or "records"}.lock')


def require_directory(dataset_dir, dataset_name):
    """Raise a UserError with the conversion command if the directory does not exist."""
    if not os.path.isdir(dataset_dir or ''):
        command = conversion_command(dataset_dir, dataset_name)
        raise UserError(f'{dataset_dir}: no such directory; make the records with: {command}')


def require_split(described, split_name, dataset_dir):
    """Raise a UserError that names the splits that there are, unless `split_name` is one."""
    if split_name not in described.splits:
        raise UserError(
            f'{dataset_dir}: {described.dataset_name or "the data set"} has no split'
            f' {split_name!r}; it has {", ".join(sorted(described.splits))}'
        )


def require_finished(dataset_dir, dataset_name):
    """Raise a UserError with the conversion command if the records may be incomplete.

    If a conversion was interrupted but the records in place are complete, log a warning.
    """
    names = [dataset_name]
    if dataset_name and not os.path.exists(manifest_path(dataset_dir, dataset_name)):
        names.append('')
    for name in names:
        path = converting_path(dataset_dir, name)
        if os.path.exists(path):
            fence = read_fence(path)
            command = fence.get('command') or conversion_command(dataset_dir, name)
            if locks.is_locked(lock_path(dataset_dir, name)):
                raise UserError(f'{path} exists: a conversion is running; wait until it ends')
            if not _is_whole(dataset_dir, name, fence):
                raise UserError(
                    f'{path} exists: a conversion was interrupted, and the records may be'
                    f' incomplete. To finish it: {command}'
                )
            LOG.warning(
                '%s exists: a conversion was interrupted, but the records in place are complete and'
                ' are used. To finish it: %s',
                path,
                command,
            )


def _is_whole(dataset_dir, dataset_name, fence):
    """Tell whether the manifest in place describes the shards in place.

    A conversion replaces them only while it publishes. It first records the digest of the new
    manifest in the fence, and moves that manifest last.
    """
    path = manifest_path(dataset_dir, dataset_name)
    if not os.path.exists(path) or 'publishes' not in fence:
        return False
    return not fence['publishes'] or fence.get('manifest') == files.digest(path)


def read_fence(path):
    """Read a `.converting` file; return an empty dictionary if it is missing or damaged."""
    with contextlib.suppress(UserError):
        fence = files.read_json(path)
        if isinstance(fence, dict):
            return fence
    return {}


def conversion_command(dataset_dir, dataset_name):
    """Return the command that converts a data set."""
    arguments = [f'--dataset_name={dataset_name}', f'--dataset_dir={dataset_dir}']
    if not dataset_name:
        arguments = ['--train_directory=...', '--validation_directory=...']
        arguments.append(f'--output_directory={dataset_dir}')
    return shlex.join(['python', 'download_and_convert_data.py', *arguments])
