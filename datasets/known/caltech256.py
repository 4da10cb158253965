"""Caltech-256: 256 kinds of objects, 80 pictures each or more (Griffin et al., 2007)."""

import functools

from datasets.known import caltech
from datasets.records import split_reader

NUM_CLASSES = 256

DATASET = caltech.CaltechDataset(
    name='caltech256',
    folders=('256_ObjectCategories', 'caltech256/256_ObjectCategories', 'caltech256'),
    archives=('256_ObjectCategories.tar',),
    clutter='257.clutter',
)
SOURCES = DATASET.sources

get_split = functools.partial(split_reader.get_split, dataset_name='caltech256')
make_spec = functools.partial(caltech.make_spec, DATASET)
