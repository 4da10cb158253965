"""Find pictures that a data set contains more than once, and name them."""

import csv
import io
import os

import numpy as np

from common import files
from common.errors import UserError
from datasets.conversion import reports
from heads.audit.collection import Picture
from heads.audit.findings import Finding

_LEFT_OUT = 'left out'


def same_bytes(rows, intact):
    """Return {number: number of the first record with the same bytes} for all later ones."""
    order = intact[np.argsort(rows['digest'][intact], kind='stable')]
    digests = rows['digest'][order]
    is_first = np.append(True, digests[1:] != digests[:-1])
    firsts = order[np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))]
    is_copy = ~is_first
    return dict(zip(order[is_copy].tolist(), firsts[is_copy].tolist(), strict=True))


def as_findings(kind, pairs, collection):
    """Yield a Finding for each (copy, original, score, reason); those that cross come first."""
    found = []
    for copy, original, score, reason in pairs:
        picture, other = collection.picture(copy), collection.picture(original)
        where = crosses(picture, other)
        found.append(Finding(kind, picture, score, reason, other, where))
    return sorted(found, key=lambda each: (-len(each.crosses), -each.score))


def crosses(picture, other):
    """Say what two copies do not share: 'classes', 'splits', both or nothing."""
    parts = [
        name
        for name, attribute in (('classes', 'class_name'), ('splits', 'split'))
        if getattr(picture, attribute) != getattr(other, attribute)
    ]
    return ' and '.join(parts)


def left_out_copies(dataset_dir, dataset_name):
    """Yield a Finding for each copy that the conversion kept out of the held-out splits.

    It is not among the records, so that only the conversion's own table has it.
    """
    path = os.path.join(dataset_dir, reports.duplicates_name(dataset_name))
    if not os.path.exists(path):
        return
    groups = {}
    for row in csv.DictReader(io.StringIO(files.read_text(path), newline='')):
        if None in row.values() or not {'group', 'path', 'class', 'split'} <= row.keys():
            raise UserError(f'{path}: not a table of copies; convert the data set again')
        picture = Picture(None, row['path'], row['split'], row['class'])
        groups.setdefault(row['group'], []).append(picture)
    for group in groups.values():
        kept = next((each for each in group if each.split != _LEFT_OUT), None)
        for picture in group:
            if picture.split == _LEFT_OUT and kept:
                where = 'classes' if picture.class_name != kept.class_name else ''
                reason = 'the same bytes; the conversion left this copy out of the records'
                yield Finding('exact_duplicate', picture, 1.0, reason, kept, where)
