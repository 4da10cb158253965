"""What a pipeline reads records with: every record is verified, and so is its label."""

import collections
import functools
import threading

import numpy as np

from common.errors import UserError
from datasets.records.random_access import DamagedRecordError, RandomAccess

# More than a pipeline reads ahead, whatever the batch is.
_RECENT = 4096
# With fewer records it would no longer be the same data set.
_MOST_SKIPPED = 0.1


def label_fault(label, labels_offset, num_classes):
    """Say why a record's label cannot be used, or return None."""
    if label is None:
        return 'has no image/class/label'
    if 0 <= label - labels_offset < num_classes:
        return None
    return (
        f'has the label {label}; valid are {labels_offset} to {labels_offset + num_classes - 1}'
        f' ({num_classes} classes, labels_offset {labels_offset})'
    )


class SkippedRecords:
    """The damaged records of a split that were skipped; too many raise a UserError.

    `report` is called with a line of text for each.
    """

    def __init__(self, dataset, report):
        self._dataset = dataset
        self._report = report
        self._numbers = set()
        self._lock = threading.Lock()

    def __contains__(self, number):
        return number in self._numbers

    def __len__(self):
        return len(self._numbers)

    def add(self, number, error):
        """Note a damaged record, and report it the first time."""
        with self._lock:
            if number in self._numbers:
                return
            self._numbers.add(number)
            self._report(f'SKIPPED {error}')
            total = self._dataset.num_samples
            if len(self) == total or len(self) > max(1, _MOST_SKIPPED * total):
                raise UserError(
                    f'{len(self):,} of the {total:,} records of split'
                    f' {self._dataset.split_name!r} are damaged; --skip_damaged_records allows'
                    f' {_MOST_SKIPPED:.0%} of them, or one. Convert the data set again'
                )

    def summary(self):
        """Return a line with their number."""
        return (
            f'Skipped {len(self):,} damaged records of the {self._dataset.num_samples:,} of split'
            f' {self._dataset.split_name!r}'
        )

    def number_of(self, place):
        """Return the number of the record at a position among the intact ones."""
        for number in sorted(self._numbers):
            if number > place:
                break
            place += 1
        return place


def _remembering(method):
    """Keep a UserError in `self.error`, because TensorFlow only passes on its text."""

    @functools.wraps(method)
    def wrapped(self, *arguments):
        try:
            return method(self, *arguments)
        except UserError as error:
            self.error = error
            raise

    return wrapped


class VerifiedRecords:
    """Read the records of a split by number; a damaged one raises a UserError.

    With `skipped`, a SkippedRecords, damaged records are left out instead. `error` is the last
    UserError.
    """

    def __init__(self, dataset, labels_offset=0, num_classes=None, skipped=None):
        self.dataset = dataset
        self.skipped = skipped
        self.error = None
        self.recent = collections.deque(maxlen=_RECENT)  # The most recently requested numbers.
        self.labels_offset = labels_offset
        self.num_classes = num_classes
        if num_classes is None:
            self.num_classes = dataset.num_classes - labels_offset
        self._read = RandomAccess(dataset.shards)

    @_remembering
    def replaced(self, numbers):
        """Return (records, their numbers); a damaged record is replaced by the next intact one."""
        found = [self._intact_from(int(number)) for number in numbers]
        self.recent.extend(number for _, number in found)
        return _columns(found)

    @_remembering
    def intact(self, numbers):
        """Return (records, their numbers) without damaged ones."""
        found = ((self._intact_or_none(int(number)), number) for number in numbers)
        return _columns([pair for pair in found if pair[0] is not None])

    @_remembering
    def outputs_of(self, labels, numbers):
        """Return the network's output for each label; raise a UserError outside the classes."""
        for label, number in zip(labels, numbers, strict=True):
            fault = label_fault(int(label), self.labels_offset, self.num_classes)
            if fault:
                raise UserError(f'{self._read.name(number)} {fault}')
        return labels - self.labels_offset

    def named(self, number):
        """Return (record, its name)."""
        return self._read.read(number), self._read.name(number)

    def at_place(self, place):
        """Return (record, its name) at a position in a pass over all intact records."""
        number = place if self.skipped is None else self.skipped.number_of(place)
        return self.named(number)

    def require_intact(self, first):
        """Raise a DamagedRecordError for the first damaged record from `first` on, if any."""
        for number in range(first, len(self._read)):
            self._read.read(number)

    def require_outputs(self, outputs, first):
        """Raise a UserError for the first output that is not a class; they start at `first`."""
        for place, output in enumerate(outputs, first):
            if not 0 <= output < self.num_classes:
                _, where = self.at_place(place)
                label = int(output) + self.labels_offset
                fault = label_fault(label, self.labels_offset, self.num_classes)
                raise UserError(f'{where} {fault}')

    def _intact_from(self, number):
        # This ends, because `skipped` raises an error if too few records are intact.
        while (record := self._intact_or_none(number)) is None:
            number = (number + 1) % len(self._read)
        return record, number

    def _intact_or_none(self, number):
        if self.skipped is None:
            return self._read.read(number)
        if number in self.skipped:
            return None
        try:
            return self._read.read(number)
        except DamagedRecordError as error:
            self.skipped.add(number, error)
            return None


def _columns(pairs):
    records = np.empty(len(pairs), object)
    records[:] = [record for record, _ in pairs]
    return records, np.asarray([number for _, number in pairs], np.int64)
