"""The classes of a data set, without its records."""

from common import imagenet, labels
from common.errors import UserError
from datasets import dataset_factory
from datasets.records import label_files, manifest

_SPLITS = ('train', 'validation', 'test')


def read(dataset_name, dataset_dir):
    """Return (number of a data set's classes, their names by record label or None).

    They come from the manifest, else from a label file, else from the records. Without a directory
    only the number of classes of published data sets and the names of ImageNet are known.
    """
    if not dataset_dir:
        return _published(dataset_name)
    names = _named(dataset_name, dataset_dir)
    return len(names), names


def _named(dataset_name, dataset_dir):
    manifest.require_finished(dataset_dir, dataset_name)
    described = manifest.find_manifest(dataset_dir, dataset_name)
    if described:
        return list(described.class_names)
    path = label_files.find_label_file(dataset_dir, dataset_name)
    if path:
        return labels.names_in_order(labels.read_labels(path), path)
    return _from_records(dataset_name, dataset_dir)


def _published(dataset_name):
    if dataset_name == imagenet.DATASET_NAME:
        return imagenet.NUM_LABELS, list(imagenet.names())
    module = dataset_factory.datasets_map.get(dataset_name)
    count = getattr(module, 'NUM_CLASSES', None)
    if count is None:
        raise UserError(
            f'--dataset_name={dataset_name}: its classes are only known from its files; pass their'
            ' directory as --dataset_dir, or the training directory with --checkpoint_path'
        )
    return count, None


def _from_records(dataset_name, dataset_dir):
    """Read the class names of the first split that exists."""
    first_error = None
    for split in _SPLITS:
        try:
            return dataset_factory.get_dataset(dataset_name, split, dataset_dir).class_names
        except UserError as error:
            first_error = first_error or error
    raise first_error
