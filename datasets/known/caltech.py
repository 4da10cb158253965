"""The layout that Caltech-101 and Caltech-256 share: a folder per class, one of them clutter."""

import dataclasses
import os
import re

from datasets.known import layouts, published
from pictures import folder_scan


@dataclasses.dataclass(frozen=True)
class Edition:
    """Where the classes lie, and which folder holds pictures of none of them."""

    name: str
    folders: tuple
    archives: tuple
    clutter: str

    @property
    def sources(self):
        """List what this edition can be made from, as it may lie in a directory."""
        return self.folders + self.archives


def prepare(edition, dataset_dir, source_url=None, report=print, background_class=False):
    """Return what is to be converted.

    The clutter is no class: it stays out, unless `background_class` makes it label 0.
    """
    root = published.find_layout(dataset_dir, edition.folders, edition.archives, source_url, report)
    layout = f'{edition.folders[0]}/<class>/*.jpg, or one of {", ".join(edition.archives)}'
    layouts.require(dataset_dir, root, edition.name, layout)
    folders = [name for name in folder_scan.subfolders(root) if name != edition.clutter]
    names = [re.sub(r'^\d{3}\.', '', name) for name in folders]
    gathering = layouts.Gathering(root)
    gathering.ignore_loose(root)
    clutter = os.path.join(root, edition.clutter)
    if background_class:
        names.insert(0, 'background')
        folders.insert(0, edition.clutter)
    elif os.path.isdir(clutter):
        gathering.notes.append(
            f'{clutter} is left out: its pictures are of no class'
            ' (--background_class keeps them as label 0)'
        )
    for label, folder in enumerate(folders):
        directory = os.path.join(root, folder)
        if os.path.isdir(directory):
            gathering.add_class(directory, label)
    return gathering.spec(edition.name, names, background_class=background_class)
