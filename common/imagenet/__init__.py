"""The labels of ILSVRC-2012: label 0 is the background, 1 to 1,000 are synsets with names.

Networks for ImageNet have 1,001 outputs, or 1,000 when they were trained without the background.
"""

import csv
import dataclasses
import functools
import os

DATASET_NAME = 'imagenet'
NUM_LABELS = 1001  # The background included.
_FILE = os.path.join(os.path.dirname(__file__), 'classes.csv')


@dataclasses.dataclass(frozen=True)
class ImagenetClass:
    """One label, its WordNet synset (empty for the background) and its name."""

    label: int
    synset: str
    name: str


@functools.cache
def read():
    """Return all classes in the order of their labels; the first is the background."""
    with open(_FILE, encoding='utf-8', newline='') as stream:
        rows = csv.DictReader(stream)
        return tuple(ImagenetClass(int(row['label']), row['synset'], row['name']) for row in rows)


def labels_offset(num_outputs):
    """Return the label of output 0 of a network for ImageNet.

    None means that a network with this number of outputs is not one for ImageNet.
    """
    background = NUM_LABELS - num_outputs
    return background if background in (0, 1) else None


def names(num_outputs=NUM_LABELS):
    """Return the names of the outputs of a network for ImageNet; () for any other network."""
    offset = labels_offset(num_outputs)
    return () if offset is None else tuple(entry.name for entry in read()[offset:])


@functools.cache
def by_synset():
    """Return the classes by synset id, without the background."""
    return {entry.synset: entry for entry in read() if entry.synset}


def name_of(synset):
    """Return the name of a synset of ILSVRC-2012, and the id itself for any other synset."""
    entry = by_synset().get(synset)
    return entry.name if entry else synset
