"""The classes of a data set, for whoever needs no records."""

from common import imagenet, labels
from common.errors import UserError
from datasets import dataset_factory
from datasets.records import label_files, manifest

_SPLITS = ('train', 'validation', 'test')


def read(dataset_name, dataset_dir):
    """Return (number of a data set's classes, their names by record label or None).

    They come from the manifest, else a label file, else the records. Without a directory a
    published data set is known by its number of classes, and ImageNet by its names.
    """
    if not dataset_dir:
        return _published(dataset_name)
    names = _named(dataset_name, dataset_dir)
    return len(names), names


def _named(dataset_name, dataset_dir):
    manifest.require_finished(dataset_dir, dataset_name)
    described = manifest.find(dataset_dir, dataset_name)
    if described:
        return list(described.class_names)
    path = label_files.find(dataset_dir, dataset_name)
    if path:
        return labels.names_in_order(labels.read_labels(path), path)
    return _from_records(dataset_name, dataset_dir)


def _published(dataset_name):
    if dataset_name == 'imagenet':
        names = [entry.name for entry in imagenet.read()]
        return len(names), names
    module = dataset_factory.datasets_map.get(dataset_name)
    count = getattr(module, 'NUM_CLASSES', None)
    if count is None:
        raise UserError(
            f'--dataset_name={dataset_name}: its classes are counted in its directory; name that'
            ' with --dataset_dir, or the training directory with --checkpoint_path'
        )
    return count, None


def _from_records(dataset_name, dataset_dir):
    """Ask any split that there is."""
    first_error = None
    for split in _SPLITS:
        try:
            return dataset_factory.get_dataset(dataset_name, split, dataset_dir).class_names
        except UserError as error:
            first_error = first_error or error
    raise first_error
