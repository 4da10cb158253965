"""CIFAR-10: 60,000 pictures of 32x32 pixels in ten classes (Krizhevsky, 2009)."""

import functools

from common.download import Expected
from datasets.known import cifar
from datasets.known.cifar_pickles import Pickles
from datasets.known.published import PublishedFile
from datasets.records import split_reader

SPLITS_TO_SIZES = {'train': 50000, 'test': 10000}
NUM_CLASSES = 10

_HOME = 'https://www.cs.toronto.edu/~kriz/'

# Sizes and hashes: tensorflow-datasets 4.9 (url_checksums) and Keras 3 (keras.datasets.cifar10).
DATASET = cifar.CifarDataset(
    name='cifar10',
    class_names=(
        *('airplane', 'automobile', 'bird', 'cat', 'deer'),
        *('dog', 'frog', 'horse', 'ship', 'truck'),
    ),
    archive=PublishedFile(
        'cifar-10-binary.tar.gz',
        (_HOME + 'cifar-10-binary.tar.gz',),
        Expected(170052171, 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd'),
    ),
    folder='cifar-10-batches-bin',
    files={
        'train': tuple(f'data_batch_{number}.bin' for number in range(1, 6)),
        'test': ('test_batch.bin',),
    },
    names_file='batches.meta.txt',
    label_bytes=1,
    pickles=Pickles(
        archive=PublishedFile(
            'cifar-10-python.tar.gz',
            expected=Expected(
                sha256='6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce'
            ),
        ),
        folder='cifar-10-batches-py',
        files={
            'train': tuple(f'data_batch_{number}' for number in range(1, 6)),
            'test': ('test_batch',),
        },
        label_keys=(b'labels',),
        names_file='batches.meta',
        names_key=b'label_names',
    ),
)
SOURCES = DATASET.sources

get_split = functools.partial(split_reader.get_split, dataset_name='cifar10')
make_spec = functools.partial(cifar.make_spec, DATASET)
