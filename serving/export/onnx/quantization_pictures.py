"""Choose pictures of a data set to quantize a network with, and others to check it on."""

import dataclasses

import numpy as np

from common.errors import UserError
from datasets import dataset_factory
from datasets.records import random_access, record_files, record_parser
from datasets.records.random_access import RandomAccess
from datasets.records.verified_records import label_fault
from pictures import decode, gate
from pictures.kinds import BadImage
from preprocessing import arrays

MOST_FOR_CALIBRATION = 300
MOST_HELD_OUT = 500
_BATCH = 4  # Every tensor of the network is kept for this number of pictures.


@dataclasses.dataclass(frozen=True)
class Sample:
    """Some pictures of a split, which are read again each time they are used."""

    description: str
    info: object
    read: RandomAccess
    numbers: tuple[int, ...]

    def __len__(self):
        return len(self.numbers)

    def fewer(self, count):
        """Return a sample with at most `count` of these pictures."""
        return dataclasses.replace(self, numbers=tuple(random_access.spread(self.numbers, count)))

    def batches(self, progress=None):
        """Yield arrays of prepared pictures, and count them in `progress`."""
        for images, _ in self.labelled_batches(progress):
            yield images

    def labelled_batches(self, progress=None):
        """Yield (prepared pictures, the outputs that would be right)."""
        for start in range(0, len(self.numbers), _BATCH):
            pairs = [self._picture(number) for number in self.numbers[start : start + _BATCH]]
            images, outputs = zip(*pairs, strict=True)
            yield np.stack(images), np.array(outputs)
            if progress:
                progress.advance(len(images))

    def _picture(self, number):
        where, info = self.read.name(number), self.info
        encoded, label, _ = record_parser.example(self.read.read(number), where)
        if fault := label_fault(label, info.labels_offset, info.num_classes):
            raise UserError(f'{where} {fault}')
        try:
            normalised = gate.normalise(encoded, decode.LibraryDecoder())
            pixels = decode.pixels(normalised.data, info.channels)
        except BadImage as error:
            raise UserError(f'{where}: {error}') from None
        image = arrays.prepare(pixels, info.preprocessing_name, info.image_size, info.image_size)
        return image, label - info.labels_offset


def choose(dataset_name, dataset_dir, info):
    """Return (Sample for the calibration, Sample for the check).

    The check takes pictures of the validation or the test split, or other pictures of the training
    split if there is nothing else.
    """
    present = record_files.splits_present(dataset_dir, dataset_name)
    train = dataset_factory.get_dataset(dataset_name, 'train', dataset_dir)
    others = [split for split in ('validation', 'test') if split in present]
    available = train.num_samples if others else train.num_samples * 3 // 4
    numbers = random_access.spread(range(train.num_samples), min(MOST_FOR_CALIBRATION, available))
    if others:
        held_out = dataset_factory.get_dataset(dataset_name, others[0], dataset_dir)
        what, checked = others[0], range(held_out.num_samples)
    else:
        held_out, what = train, 'training'
        checked = sorted(set(range(train.num_samples)) - set(numbers))
    if not numbers or not checked:
        raise UserError(
            f'{dataset_dir}: {dataset_name} has {train.num_samples} pictures for training, too few'
            ' to quantize a network with and to check it on'
        )
    return (
        _sample('training', info, train, numbers),
        _sample(what, info, held_out, random_access.spread(checked, MOST_HELD_OUT)),
    )


def _sample(description, info, dataset, numbers):
    return Sample(description, info, RandomAccess(dataset.shards), tuple(numbers))
