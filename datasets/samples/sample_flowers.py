"""The built-in data set: drawings of five kinds of flowers, to try everything offline."""

import functools
import os

from common import files
from datasets.conversion.spec import DatasetSpec, RawExample
from datasets.samples import painters, sample_unknowns

NAME = 'sample_flowers'
CLASS_NAMES = painters.KINDS
NUM_CLASSES = len(CLASS_NAMES)
SPLITS_TO_SIZES = {'train': 1000, 'validation': 200}
UNKNOWNS_FOLDER = 'sample_unknowns'
_UNKNOWNS = 70
# Part of the data set's fingerprint, as is the text around it: raise the number when the same seed
# draws something else.
_DRAWING_VERSION = 1


def get_split(*arguments, **options):
    """Return a split, as datasets/records/split_reader.py reads it."""
    # Late: drawing pictures does not need TensorFlow.
    from datasets.records import split_reader

    return split_reader.get_split(*arguments, dataset_name=NAME, **options)


def make_spec(dataset_dir, unknowns=False, random_seed=0, report=print):
    """Describe the data set for conversion; `unknowns` also writes a folder of other pictures."""
    if unknowns:
        folder = os.path.join(dataset_dir, UNKNOWNS_FOLDER)
        write_unknowns(folder, _UNKNOWNS, random_seed)
        report(f'{folder}: {_UNKNOWNS} pictures without flowers')
    examples = []
    for split, size in SPLITS_TO_SIZES.items():
        for number in range(size):
            label = number % NUM_CLASSES
            kind = CLASS_NAMES[label]
            seed = f'{random_seed}/{split}/{number}'
            draw = functools.partial(painters.draw_flower, kind, seed)
            examples.append(RawExample(_file_name(kind, split, number), label, split, data=draw))
    source = f'drawn by edition {_DRAWING_VERSION} from seed {random_seed}'
    return DatasetSpec(NAME, CLASS_NAMES, examples, source=source)


def _file_name(kind, group, number):
    return f'{kind}/{group}_{number:05d}.jpg'


def write_pictures(directory, count_per_class, seed=0, kinds=CLASS_NAMES):
    """Write `directory`/KIND/*.jpg, like a folder of a user's own pictures.

    The kinds may also be some of painters.FURTHER_KINDS, which are in no data set.
    """
    for kind in kinds:
        os.makedirs(os.path.join(directory, kind), exist_ok=True)
        for number in range(count_per_class):
            path = os.path.join(directory, _file_name(kind, 'sample', number))
            files.write_bytes(path, painters.draw_flower(kind, f'{seed}/sample/{number}'))


def write_unknowns(directory, count, seed=0, kinds=sample_unknowns.KINDS):
    """Write `count` pictures without flowers, alternating between cats, cars and so on.

    The kinds may also be some of sample_unknowns.FURTHER_KINDS: textures, noise, blank pictures.
    """
    os.makedirs(directory, exist_ok=True)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        path = os.path.join(directory, f'{kind}_{number:05d}.jpg')
        files.write_bytes(path, sample_unknowns.draw_unknown(kind, f'{seed}/{number}'))
