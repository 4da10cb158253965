"""The data set and the split that a program uses if the command line leaves them open."""

import contextlib

from common.errors import UserError
from datasets import dataset_factory, directory_content
from datasets.records import record_files
from datasets.records.random_access import DamagedRecordError


def choose_split(options, split_name, known_name=''):
    """Describe a split of the data set that the options name, or of the only one in the directory.

    `known_name` is the data set that a model was trained on; it is preferred. If the split is None,
    it is the test split or, without one, the validation split.
    """
    directory = options.dataset_dir
    record_files.require_directory(directory)
    name = options.dataset_name
    if name is None:
        default_name = options.or_default('dataset_name')
        name = directory_content.dataset_name_in(directory, known_name, default_name)
    if split_name is None:
        split_name = _split_in(directory, name)
    return dataset_factory.get_dataset(name, split_name, directory)


def _split_in(directory, name):
    present = directory_content.splits_in(directory, name)
    chosen = next((split for split in ('test', 'validation') if split in present), None)
    if present and not chosen:
        raise UserError(
            f'{directory}: {name or "the data set"} has no validation or test split, only '
            f'{", ".join(sorted(present))}; convert it with --validation_percentage above 0, or '
            'name a split with --dataset_split_name'
        )
    return chosen or 'validation'


@contextlib.contextmanager
def advising():
    """Say what to do about a damaged record that ends a program."""
    try:
        yield
    except DamagedRecordError as error:
        raise UserError(
            f'{error}; convert the data set again (download_and_convert_data.py --verify lists all'
            ' damage), or pass --skip_damaged_records to leave such records out'
        ) from None
