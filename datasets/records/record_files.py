"""Find the TFRecord files of a split, and the positions of their records."""

import dataclasses
import glob
import mmap
import os
import re

from common.errors import UserError
from datasets.records import manifest
from datasets.records.frames import FRAME_BYTES, HEADER_BYTES, data_length, length_agrees

_MOST_OTHERS = 6

# What may follow `<dataset>_<split>` or `<split>` in a file's name.
_NUMBERED = re.compile(r'[-_](\d+)-of-(\d+)(?:\.tfrecords?)?')
_PLAIN = re.compile(r'(?:[-_].*)?\.tfrecords?|[-_]\d+')
_SHARD = re.compile(r'(.+?)(?:[-_]\d+-of-\d+(?:\.tfrecords?)?|(?:[-_]\d+)?\.tfrecords?)')


@dataclasses.dataclass(frozen=True)
class RecordFile:
    """A TFRecord file, and the positions at which its records' frames begin."""

    path: str
    offsets: list

    @property
    def examples(self):
        """Count the records."""
        return len(self.offsets)


def find_record_files(dataset_dir, dataset_name, split_name, file_pattern=None):
    """List the files of a split in order; raise a UserError if one of a numbered set is missing."""
    if file_pattern:
        pattern = file_pattern.replace('%s', split_name)
        paths = sorted(glob.glob(os.path.join(glob.escape(dataset_dir), pattern)))
        if not paths:
            raise UserError(f'{os.path.join(dataset_dir, pattern)}: no file matches')
        return paths
    for prefix in _prefixes(dataset_name, split_name):
        names = _matching(dataset_dir, prefix)
        if names:
            return [os.path.join(dataset_dir, name) for name in names]
    present = splits_present(dataset_dir, dataset_name)
    if present:
        raise UserError(
            f'{dataset_dir}: {dataset_name} has no split {split_name!r};'
            f' it has {", ".join(present)}'
        )
    first = os.path.join(dataset_dir, f'{dataset_name}_{split_name}-*')
    command = manifest.conversion_command(dataset_dir, dataset_name)
    others = ', '.join(sorted(_stems(dataset_dir))[:_MOST_OTHERS])
    instead = f' (records there: {others})' if others else ''
    raise UserError(f'{first}: no such files; make them with: {command}{instead}')


def require_directory(dataset_dir):
    """Raise a UserError unless the command line names a directory of records."""
    if not dataset_dir:
        raise UserError('--dataset_dir is missing: the directory that holds the records')


def require(dataset_dir, dataset_name, split_name):
    """Raise a UserError unless the records of a split are there, as far as their names say.

    The data set and the split are None if they are taken from the model later.
    """
    require_directory(dataset_dir)
    manifest.require_directory(dataset_dir, dataset_name or '')
    if dataset_name is None or split_name is None:
        return
    manifest.require_finished(dataset_dir, dataset_name)
    described = manifest.find_manifest(dataset_dir, dataset_name)
    if described:
        manifest.require_split(described, split_name, dataset_dir)
    else:
        find_record_files(dataset_dir, dataset_name, split_name)


def splits_present(dataset_dir, dataset_name):
    """List the splits of a data set that have files, whether complete or not."""
    stems = _stems(dataset_dir)
    prefix = f'{dataset_name}_'
    own = {stem.removeprefix(prefix) for stem in stems if stem.startswith(prefix)}
    return sorted(own or {stem for stem in stems if '_' not in stem})


def _stems(dataset_dir):
    # A checkpoint's data is in numbered files, too.
    names = (name for name in _visible(dataset_dir) if '.ckpt' not in name)
    matches = [_SHARD.fullmatch(name) for name in names]
    return {match[1] for match in matches if match}


def _prefixes(dataset_name, split_name):
    return (f'{dataset_name}_{split_name}', split_name) if dataset_name else (split_name,)


def _visible(dataset_dir):
    return [name for name in sorted(os.listdir(dataset_dir)) if not name.startswith('.')]


def _matching(dataset_dir, prefix):
    suffixes = {
        name.removeprefix(prefix): name for name in _visible(dataset_dir) if name.startswith(prefix)
    }
    numbered = {}
    for suffix, name in suffixes.items():
        match = _NUMBERED.fullmatch(suffix)
        if match:
            numbered.setdefault(int(match[2]), {})[int(match[1])] = name
    if numbered:
        return _complete(dataset_dir, numbered)
    return [name for suffix, name in suffixes.items() if _PLAIN.fullmatch(suffix)]


def _complete(dataset_dir, numbered):
    """Return the names of a set `i-of-n` in order; raise a UserError if one is missing."""
    (count, names), *others = numbered.items()
    example = next(iter(names.values()))
    if others:
        other = next(iter(others[0][1].values()))
        raise UserError(
            f'{dataset_dir}: {example} and {other} come from different conversions; remove the'
            ' older one'
        )
    for number in range(count):
        if number not in names:
            start = _NUMBERED.search(example).start(1)
            digits = re.match(r'\d+', example[start:])[0]
            missing = example[:start] + f'{number:0{len(digits)}d}' + example[start + len(digits) :]
            raise UserError(
                f'{os.path.join(dataset_dir, missing)}: missing, 1 of {count} files; convert the'
                ' data set again, or copy the file here'
            )
    return [names[number] for number in range(count)]


def scan(path):
    """Return the offset of every record in a file, reading only the frames' headers."""
    offsets = []
    size = os.path.getsize(path)
    if not size:
        return offsets
    with open(path, 'rb') as stream:
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            position, last = 0, size - FRAME_BYTES
            while position <= last:
                # A wrong length would hide all later records and blame another one.
                header = content[position : position + HEADER_BYTES]
                if not length_agrees(header):
                    break
                offsets.append(position)
                position += data_length(header) + FRAME_BYTES
    if position != size:
        number = len(offsets) - 1 if position > size else len(offsets)
        raise UserError(
            f'{path}: record {number} is damaged or cut off, or this is not a TFRecord file'
        )
    return offsets


def data_span(content, offset):
    """Return (start, end) of the data of the record at `offset` in a file's content."""
    start = offset + HEADER_BYTES
    return start, start + data_length(content, offset)
