"""The data set and the split that a program uses if the command line leaves them open."""

import contextlib
import glob
import os

from common.errors import UserError
from datasets import dataset_factory
from datasets.records import manifest, record_files
from datasets.records.random_access import DamagedRecordError

_SUFFIX = '.manifest.json'


def choose_split(options, split_name, known_name=''):
    """Describe a split of the data set that the options name, or of the only one in the directory.

    `known_name` is the data set that a model was trained on; it is preferred. If the split is None,
    it is the test split or, without one, the validation split.
    """
    directory = options.dataset_dir
    record_files.require_directory(directory)
    name = options.dataset_name
    if name is None:
        name = _name_in(directory, known_name, options.or_default('dataset_name'))
    if split_name is None:
        split_name = _split_in(directory, name)
    return dataset_factory.get_dataset(name, split_name, directory)


def _name_in(directory, known_name, default_name):
    """Return the name of the only data set in a directory that has a manifest."""
    if known_name and os.path.exists(manifest.manifest_path(directory, known_name)):
        return known_name
    if os.path.exists(manifest.manifest_path(directory, '')):
        return ''
    pattern = os.path.join(glob.escape(directory), f'*{_SUFFIX}')
    found = sorted(os.path.basename(path).removesuffix(_SUFFIX) for path in glob.glob(pattern))
    if len(found) > 1:
        raise UserError(f'--dataset_name is missing: {directory} contains {", ".join(found)}')
    return found[0] if found else known_name or default_name


def _split_in(directory, name):
    described = manifest.find_manifest(directory, name)
    if described:
        present = [split for split, what in described.splits.items() if what.examples]
    elif os.path.isdir(directory):
        present = record_files.splits_present(directory, name)
    else:
        present = []
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
