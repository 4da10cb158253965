"""Caltech-101: 101 kinds of objects, 40 to 800 pictures each (Fei-Fei et al., 2004)."""

import functools

from datasets.known import caltech
from datasets.records import split_reader

NUM_CLASSES = 101

DATASET = caltech.CaltechDataset(
    name='caltech101',
    folders=(
        '101_ObjectCategories',
        'caltech-101/101_ObjectCategories',
        'caltech101/101_ObjectCategories',
        'caltech101',
    ),
    # The archive of 2022 contains that of 2004.
    archives=(
        '101_ObjectCategories.tar.gz',
        'caltech-101.zip',
        'caltech-101/101_ObjectCategories.tar.gz',
    ),
    clutter='BACKGROUND_Google',
)
SOURCES = DATASET.sources

get_split = functools.partial(split_reader.get_split, dataset_name='caltech101')
make_spec = functools.partial(caltech.make_spec, DATASET)
