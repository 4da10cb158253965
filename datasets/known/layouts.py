"""Gather the pictures of published data sets that lie in folders of their own layout."""

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


class Gathering:
    """Collect examples, and the files beside them that are none with the reason."""

    def __init__(self, root):
        self._root = root
        self.examples = []
        self.ignored = []
        self.refused = []
        self.notes = []

    def add_class(self, directory, label, split=None, extra_of=None):
        """Add all pictures below `directory`; `extra_of(path, label)` returns further features."""
        for path in self._list(directory):
            self._add(path, label, split, extra_of)

    def add_listed(self, directory, places, extra_of=None, list_paths=()):
        """Add the pictures below `directory` whose stem has a (split, label) in `places`.

        What is only in the list is counted in a note; `list_paths` are the lists.
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
                f' {next(iter(missing))} for one'
            )

    def ignore_loose(self, directory):
        """Report the files that lie beside the class folders of `directory`."""
        listing = folder_scan.loose_files(directory)
        self.ignored += listing.ignored
        self.ignored += [(path, 'not in a class folder') for path in listing.files]

    def refuse_class(self, directory, reason):
        """Report all pictures below `directory` as left out."""
        self.refused += ((path, reason) for path in self._list(directory))

    def spec(self, name, class_names, **fixed):
        """Return all that was gathered as the description of a data set."""
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
    """Return the folders of the splits that lie in `root`, by split."""
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
        raise UserError(f'{directory}: no pictures of {name} here; expected {layout}')
    return found


def read_lines(path):
    """Read the lines of a UTF-8 file."""
    return files.read_text(path).splitlines()


def read_synset_list(path):
    """Read a list of `file name, synset` lines, or of bare synsets in the order of the files.

    Returns (stems, synsets); the stems are None where a line has none. A line without a synset is a
    heading.
    """
    stems, synsets = [], []
    for line in read_lines(path):
        words = re.split(r'[,\s]+', line.strip())
        synset = next((word for word in words if re.fullmatch(r'n\d{8}', word)), None)
        if synset:
            synsets.append(synset)
            stems.append(None if words[0] == synset else stem(words[0]))
    return (stems if all(stems) else None), synsets
