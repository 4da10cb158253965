"""MNIST: 70,000 handwritten digits of 28x28 grey pixels."""

import functools

from datasets.known import idx
from datasets.records import split_reader

SPLITS_TO_SIZES = {'train': 60000, 'test': 10000}
NUM_CLASSES = 10

DATASET = idx.DATASETS['mnist']
SOURCES = DATASET.sources

get_split = functools.partial(split_reader.get_split, dataset_name='mnist', channels=1)
make_spec = functools.partial(idx.make_spec, DATASET)
