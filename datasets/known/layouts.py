"""Collect the pictures of published data sets from the folders of their layouts."""

import os
import re

from common import files
from common.errors import UserError
from datasets.conversion.spec import DatasetSpec, RawExample
from pictures import folder_scan

SPLIT_FOLDERS = {
    'train': ('train',),
    'validation': ('validation', 'val'),
    'test': ('test',),
}


class ExampleCollector:
    """Collect examples, and all other files with the reason why they are not examples."""

    def __init__(self, root):
        self._root = root
        self.examples = []
        self.ignored = []
        self.refused = []
        self.notes = []

    def add_class(self, directory, label, split=None, extra_of=None):
        """Add all pictures below `directory`; `extra_of(path, label)` returns more features."""
        for path in self._list(directory):
            self._add(path, label, split, extra_of)

    def add_listed(self, directory, places, extra_of=None, list_paths=()):
        """Add the pictures below `directory` whose stem has a (split, label) in `places`.

        A note counts the entries without a picture; `list_paths` are the files of the list.
        """
        missing = dict(places)
        for path in self._list(directory):
            place = places.get(stem(path))
            missing.pop(stem(path), None)
            if path in list_paths:
                self.ignored.append((path, 'the list of the labels'))
            elif place is None:
                self.refused.append((path, 'not in the list of the labels'))
            else:
                self._add(path, place[1], place[0], extra_of)
        if missing:
            self.notes.append(
                f'{len(missing):,} pictures of the list are not in {directory},'
                f' for example {next(iter(missing))}'
            )

    def ignore_loose(self, directory):
        """List the files beside the class folders of `directory` as ignored."""
        listing = folder_scan.loose_files(directory)
        self.ignored += listing.ignored
        self.ignored += [(path, 'not in a class folder') for path in listing.files]

    def refuse_class(self, directory, reason):
        """List all pictures below `directory` as refused."""
        self.refused += ((path, reason) for path in self._list(directory))

    def spec(self, name, class_names, **fixed):
        """Return the result as a DatasetSpec."""
        return DatasetSpec(
            name,
            class_names,
            self.examples,
            ignored=self.ignored,
            refused=self.refused,
            notes=self.notes,
            **fixed,
        )

    def _list(self, directory):
        listing = folder_scan.list_files(directory)
        self.ignored += listing.ignored
        self.refused += listing.refused
        return listing.files

    def _add(self, path, label, split, extra_of):
        extra = extra_of(path, label) if extra_of else None
        filename = os.path.relpath(path, self._root)
        self.examples.append(RawExample(filename, label, split, path, extra=extra))


def stem(path):
    """Return a file's name without its folder and suffix."""
    return os.path.splitext(os.path.basename(path))[0]


def split_folders(root):
    """Return {split: folder} for the split folders in `root`."""
    found = {}
    for split, names in SPLIT_FOLDERS.items():
        folders = [os.path.join(root, name) for name in names]
        folder = next((path for path in folders if os.path.isdir(path)), None)
        if folder:
            found[split] = folder
    return found


def require(directory, found, name, layout):
    """Raise a UserError that describes the expected layout unless something was `found`."""
    if not found:
        raise UserError(f'{directory}: has no pictures of {name}; expected {layout}')
    return found


def read_lines(path):
    """Read the lines of a UTF-8 file."""
    return files.read_text(path).splitlines()


def read_synset_list(path):
    """Read a list of `file name, synset` lines, or of bare synsets in the order of the files.

    Return (stems, synsets); the stems are None if a line has none. Lines without a synset are
    skipped as headings.
    """
    stems, synsets = [], []
    for line in read_lines(path):
        words = re.split(r'[,\s]+', line.strip())
        synset = next((word for word in words if re.fullmatch(r'n\d{8}', word)), None)
        if synset:
            synsets.append(synset)
            stems.append(None if words[0] == synset else stem(words[0]))
    return (stems if all(stems) else None), synsets
