"""Which data sets and splits a directory of records contains."""

import glob
import os

from common.errors import UserError
from datasets.records import manifest, record_files

_SUFFIX = '.manifest.json'


def dataset_name_in(directory, known_name, default_name):
    """Return the name of the only data set in a directory that has a manifest.

    `known_name` is preferred, such as the one that a model was trained on; without any manifest it
    is `known_name` or else `default_name`.
    """
    if known_name and os.path.exists(manifest.manifest_path(directory, known_name)):
        return known_name
    if os.path.exists(manifest.manifest_path(directory, '')):
        return ''
    pattern = os.path.join(glob.escape(directory), f'*{_SUFFIX}')
    found = sorted(os.path.basename(path).removesuffix(_SUFFIX) for path in glob.glob(pattern))
    if len(found) > 1:
        raise UserError(f'--dataset_name is missing: {directory} contains {", ".join(found)}')
    return found[0] if found else known_name or default_name


def splits_in(directory, name):
    """List the splits of a data set that have records, according to its manifest or its files."""
    described = manifest.find_manifest(directory, name)
    if described:
        return [split for split, what in described.splits.items() if what.examples]
    if os.path.isdir(directory):
        found = record_files.splits_present(directory, name)
        return [split for split in found if _has_bytes(directory, name, split)]
    return []


def _has_bytes(directory, name, split):
    return any(map(os.path.getsize, record_files.find_record_files(directory, name, split)))
