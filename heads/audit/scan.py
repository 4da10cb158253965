"""Measure every picture of a data set in one pass over its records."""

import dataclasses

import numpy as np

from common import errors, processors, progress
from common.errors import UserError
from datasets.records.verified_records import label_fault
from heads.audit import measures
from heads.audit.copies import hashes
from pictures.kinds import BadImage

_AHEAD = 64


@dataclasses.dataclass(frozen=True)
class Scan:
    """What is known about the records: measures.RECORDs, hashes, and {number: damage}."""

    rows: np.ndarray
    hashes: np.ndarray
    damaged: dict

    @property
    def intact(self):
        """Return the numbers of the records whose pictures can be decoded."""
        return np.flatnonzero(self.rows['is_intact'])


def scan(collection, report_progress=progress.Progress):
    """Return the Scan of a Collection."""
    rows = np.zeros(len(collection), measures.RECORD)
    boxes = 1 if len(collection) > hashes.MANY else hashes.BOXES
    table = np.zeros((len(collection), boxes), np.uint64)
    damaged = {}

    def measured(number):
        try:
            encoded, label, _ = collection.example(number)
        except UserError as error:
            return None, errors.one_line(error)
        if fault := label_fault(label, 0, len(collection.class_names)):
            return None, fault
        try:
            return measures.measure(encoded, label), None
        except BadImage as error:
            return label, str(error)

    with report_progress(len(collection), 'looking at pictures', unit='pictures') as bar:
        found = processors.mapped(measured, range(len(collection)), _AHEAD)
        for number, (row, damage) in enumerate(found):
            if damage is None:
                rows[number], table[number] = row[0], row[1][:boxes]
            else:
                damaged[number] = damage
                rows['label'][number] = -1 if row is None else row
            bar.advance()
    return Scan(rows, table, damaged)
