"""All records of a data set, whatever their split, under one range of numbers."""

import bisect
import dataclasses
import functools
import itertools

from common.errors import UserError
from datasets import dataset_factory, directory_content
from datasets.records import record_files, record_parser
from datasets.records.random_access import RandomAccess

_FIRST_SPLITS = ('train', 'validation', 'test')
_NAMES_KEPT = 10_000
_DEFAULT_NAME = 'imagenet'


@dataclasses.dataclass(frozen=True)
class Picture:
    """How a report names a picture; `number` is None if it is not among the records."""

    number: int | None
    file_name: str
    split: str
    class_name: str


class Collection:
    """Read the records of several splits by number; several threads may do so."""

    def __init__(self, datasets):
        self.datasets = datasets
        self.class_names = datasets[0].class_names
        self.dataset_name = datasets[0].dataset_name
        sizes = (dataset.num_samples for dataset in datasets)
        self._firsts = list(itertools.accumulate(sizes, initial=0))
        self._readers = [RandomAccess(dataset.shards) for dataset in datasets]
        self.picture = functools.lru_cache(_NAMES_KEPT)(self._picture)

    def __len__(self):
        return self._firsts[-1]

    @property
    def splits(self):
        """List the names of the splits."""
        return [dataset.split_name for dataset in self.datasets]

    def split_number(self, number):
        """Return the place of a record's split in `splits`."""
        return bisect.bisect_right(self._firsts, number) - 1

    def first_of(self, split_number):
        """Return the number of the first record of a split."""
        return self._firsts[split_number]

    def example(self, number):
        """Return (encoded picture, label, file name); a bad record raises a UserError."""
        reader, number = self._reader(number)
        return record_parser.example(reader.read(number), reader.name(number))

    def class_name(self, label):
        """Return the name of a label, which may be no class."""
        known = 0 <= label < len(self.class_names)
        return self.class_names[label] if known else f'label {label}'

    def _reader(self, number):
        split = self.split_number(number)
        return self._readers[split], number - self._firsts[split]

    def _picture(self, number):
        """Name a record by the file that it was made from, or else by its place."""
        split = self.splits[self.split_number(number)]
        reader, place = self._reader(number)
        try:
            _, label, file_name = self.example(number)
        except UserError:
            return Picture(number, reader.name(place), split, '')
        return Picture(number, file_name or reader.name(place), split, self.class_name(label))


def open_collection(dataset_dir, dataset_name, known_name=''):
    """Return the Collection of a data set; without a name, of the only one in the directory."""
    record_files.require(dataset_dir, dataset_name, None)
    if dataset_name is None:
        dataset_name = directory_content.dataset_name_in(dataset_dir, known_name, _DEFAULT_NAME)
    splits = directory_content.splits_in(dataset_dir, dataset_name)
    if not splits:
        # Say what is missing, and how to make it.
        dataset_factory.get_dataset(dataset_name, 'train', dataset_dir)
    splits.sort(key=lambda name: (_FIRST_SPLITS + (name,)).index(name))
    return Collection(
        [dataset_factory.get_dataset(dataset_name, split, dataset_dir) for split in splits]
    )
