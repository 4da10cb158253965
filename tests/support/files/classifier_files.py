"""Write untrained classifiers and pictures for them, quickly: all that an evaluation needs."""

import numpy as np

from classifiers import model_info
from classifiers.checkpoints import AVERAGE_SUFFIX
from common import labels
from datasets import dataset_factory
from datasets.records import manifest
from support.files import checkpoint_files, records, small_models

NAME = 'shapes'
EXAMPLES = 23  # No multiple of a batch.


def describe(classes=3, **changes):
    """Return the description of a small classifier for one channel."""
    names = [f'class_{label}' for label in range(classes)]
    return small_models.describe(class_names=names, dataset_name=NAME).replace(**changes)


def values(info, seed=0, averages=False):
    """Return {variable name: array}; the moving averages are weights of their own."""
    found = small_models.values(info, seed)
    if averages:
        other = small_models.values(info, seed + 1000)
        found.update({name + AVERAGE_SUFFIX: value for name, value in other.items()})
    return found


def write(directory, info, seed=0, step=1, described=True, averages=False, **options):
    """Write a checkpoint and model.json into `directory`; return the checkpoint's prefix."""
    held = values(info, seed, averages)
    path = checkpoint_files.write(str(directory), held, step=step, **options)
    if described:
        model_info.write(str(directory), info)
    return path


def write_data(directory, numbers, split='validation', classes=3, names=None, first=0):
    """Write a picture for each label of `numbers`, and the manifest that describes them."""
    directory.mkdir(exist_ok=True)
    file = manifest.shard_name(NAME, split, 0, 1)
    examples = [
        records.example(
            records.encoded(records.picture(first + place), 'png'), label, f'{split}/{place}.png'
        )
        for place, label in enumerate(numbers)
    ]
    records.write(directory / file, examples)
    labels.write_labels(directory / 'labels.txt', names or [f'class_{n}' for n in range(classes)])
    return directory


def dataset(directory, split='validation'):
    """Describe the split that `write_data` wrote."""
    return dataset_factory.get_dataset(NAME, split, str(directory))


def labels_of(count, classes=3):
    """Return labels in a mixed order, with every class."""
    return [int(label) for label in np.random.RandomState(1).permutation(count) % classes]
