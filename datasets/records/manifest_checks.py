"""Check the values of a manifest, which any program may have written."""

import operator
import os

from common import text
from datasets.records.frames import FRAME_BYTES

_MOST_SHOWN = 60


def fault(value):
    """Say what is wrong with the JSON value of a manifest, or return None."""
    try:
        _check(value)
    except _FaultError as error:
        return str(error)
    return None


class _FaultError(Exception):
    pass


def _check(value):
    for key, kind in _KINDS.items():
        if key in value:
            _require(value[key], kind, key)
    _require_names(value['class_names'], 'class_names')
    _require_names(value.get('other_files', []), 'other_files')
    for name in [*value.get('other_files', []), value.get('labels_file', 'labels.txt')]:
        _require_plain(name)
    for row in value.get('skipped', []):
        if not (isinstance(row, list) and len(row) == 2 and all(isinstance(x, str) for x in row)):
            raise _FaultError(f'skipped: {_shown(row)} is not a pair of a path and a reason')
    seen = set()
    for name, split in value['splits'].items():
        _check_split(name, split, seen)


def _check_split(name, split, seen):
    _require(split, dict, f'split {name!r}')
    _require(split['examples'], int, f'split {name!r}: examples')
    _require(split['shards'], list, f'split {name!r}: shards')
    for shard in split['shards']:
        _require(shard, dict, f'split {name!r}: shard')
        _check_shard(shard)
        if shard['file'] in seen:
            raise _FaultError(f'{shard["file"]}: is listed twice')
        seen.add(shard['file'])
    found = sum(shard['examples'] for shard in split['shards'])
    if found != split['examples']:
        raise _FaultError(
            f'split {name!r}: states {split["examples"]} examples, but its shards hold {found}'
        )


def _check_shard(shard):
    _require(shard['file'], str, 'file')
    _require_plain(shard['file'])
    where = shard['file']
    for key, kind in (('examples', int), ('bytes', int), ('sha256', str), ('offsets', list)):
        _require(shard[key], kind, f'{where}: {key}')
    offsets = shard['offsets']
    # There may be a million of them: loop in Python only if one is wrong.
    if not {*map(type, offsets)} <= {int}:
        for offset in offsets:
            _require(offset, int, f'{where}: offsets')
    if len(offsets) != shard['examples']:
        raise _FaultError(
            f'{where}: the manifest lists {len(offsets)} offsets for {shard["examples"]} records'
        )
    ends = [*offsets, shard['bytes']]
    if ends[0] != 0:
        raise _FaultError(f'{where}: the first offset is {ends[0]} instead of 0')
    sizes = list(map(operator.sub, ends[1:], ends))
    if min(sizes, default=FRAME_BYTES) < FRAME_BYTES:
        number = next(number for number, size in enumerate(sizes) if size < FRAME_BYTES)
        raise _FaultError(
            f'{where}: record {number} begins at {ends[number]} and ends at {ends[number + 1]},'
            ' which is too short for a record'
        )


def _require(value, kind, what):
    is_right = isinstance(value, kind) and isinstance(value, bool) == (kind is bool)
    if not is_right:
        raise _FaultError(f'{what}: {_shown(value)} is of the wrong type')
    if kind is int and value < 0:
        raise _FaultError(f'{what}: {_shown(value)} is negative')


def _require_names(names, what):
    for name in names:
        _require(name, str, what)
        if not text.is_encodable(name):
            raise _FaultError(f'{what}: {name!a} cannot be written as UTF-8')


def _require_plain(name):
    """Raise an error for a file name that leads out of the manifest's folder."""
    is_plain = name not in ('', os.curdir, os.pardir) and not {'/', '\\', '\0'} & {*name}
    if not is_plain or not text.is_encodable(name):
        raise _FaultError(f'{_shown(name)} is not a file name in the folder of the manifest')


def _shown(value):
    shown = ascii(value)
    return shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + '...'


_KINDS = {
    'format_version': int,
    'dataset_name': str,
    'class_names': list,
    'splits': dict,
    'labels_file': str,
    'background_class': bool,
    'found': int,
    'skipped': list,
    'duplicates': int,
    'other_files': list,
    'options': dict,
    'fingerprint': str,
}
