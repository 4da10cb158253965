"""The 1,001 outputs of networks trained on ILSVRC-2012: synset ids and names."""

import csv
import dataclasses
import functools
import os

_FILE = os.path.join(os.path.dirname(__file__), 'imagenet_classes.csv')


@dataclasses.dataclass(frozen=True)
class ImagenetClass:
    """One output: its number, its WordNet synset (empty for the background) and its name."""

    label: int
    synset: str
    name: str


@functools.cache
def read():
    """Return all classes in the order of the outputs; the first is the background."""
    with open(_FILE, encoding='utf-8', newline='') as stream:
        rows = csv.DictReader(stream)
        return tuple(ImagenetClass(int(row['label']), row['synset'], row['name']) for row in rows)


@functools.cache
def by_synset():
    """Return the classes by synset id, without the background."""
    return {entry.synset: entry for entry in read() if entry.synset}


def name_of(synset):
    """Return the name of a synset of ILSVRC-2012; others keep their id."""
    entry = by_synset().get(synset)
    return entry.name if entry else synset
