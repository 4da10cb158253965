"""Fashion-MNIST: 70,000 articles of clothing of 28x28 grey pixels (Xiao et al., 2017)."""

import functools

from datasets.known import idx
from datasets.records import split_reader

NUM_CLASSES = 10

DATASET = idx.DATASETS['fashion_mnist']
SOURCES = DATASET.sources

get_split = functools.partial(split_reader.get_split, dataset_name='fashion_mnist', channels=1)
make_spec = functools.partial(idx.make_spec, DATASET)
