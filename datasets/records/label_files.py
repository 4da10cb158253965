"""Choose the label file of a data set, so that another data set's is never overwritten."""

import contextlib
import os

from common import files, labels
from common.errors import UserError
from datasets.records import manifest

SHARED = 'labels.txt'


def choose(output_dir, spec, old):
    """Return `labels.txt` if it is absent or equal, else the name of a label file of its own.

    `old` is the manifest that will be replaced, or None.
    """
    names = _names(os.path.join(output_dir, SHARED))
    if names is None or names == list(spec.class_names):
        return SHARED
    is_ours = old and old.labels_file == SHARED and old.class_names == names
    if is_ours and not _is_shared(output_dir, spec.name):
        return SHARED
    return _own(spec.name or 'class')


def find_label_file(dataset_dir, dataset_name):
    """Return the path of a data set's label file (its own or else the shared one), or None."""
    for name in (_own(dataset_name), SHARED):
        path = os.path.join(dataset_dir, name)
        if os.path.exists(path):
            return path
    return None


def is_written(output_dir, file, class_names):
    """Tell whether a label file with these names exists, in either format."""
    path = os.path.join(output_dir, file)
    # Reading removes white space at the ends of names.
    return _content(path) == labels.as_text(class_names) or _names(path) == list(class_names)


def _own(dataset_name):
    return f'{dataset_name}_labels.txt'


def _content(path):
    with contextlib.suppress(UserError):
        return files.read_text(path)
    return None


def _names(path):
    """Return the names in a label file, [] if it cannot be parsed, None if it does not exist."""
    if not os.path.exists(path):
        return None
    try:
        return labels.names_in_order(labels.read_labels(path), path)
    except UserError:
        return []


def _is_shared(output_dir, dataset_name):
    """Tell whether another data set's manifest names the shared label file."""
    own = manifest.manifest_name(dataset_name)
    for file in os.listdir(output_dir):
        if file != own and file.endswith('manifest.json') and not file.startswith('.'):
            other = manifest.read(output_dir, file.removesuffix('manifest.json').rstrip('.'))
            if other and other.labels_file == SHARED:
                return True
    return False
