"""The layout of Caltech-101 and Caltech-256: class folders, and one folder of clutter."""

import dataclasses
import os
import re

from datasets.known import layouts, published
from pictures import folder_scan


@dataclasses.dataclass(frozen=True)
class CaltechDataset:
    """The class folders of one data set, and its folder of pictures that belong to no class."""

    name: str
    folders: tuple
    archives: tuple
    clutter: str

    @property
    def sources(self):
        """List the files and folders that this data set can be made from."""
        return self.folders + self.archives


def make_spec(dataset, dataset_dir, source_url=None, report=print, background_class=False):
    """Describe the data set for conversion.

    The clutter is not a class: it is left out unless `background_class` makes it label 0.
    """
    root = published.find_layout(dataset_dir, dataset.folders, dataset.archives, source_url, report)
    layout = f'{dataset.folders[0]}/<class>/*.jpg, or one of {", ".join(dataset.archives)}'
    layouts.require(dataset_dir, root, dataset.name, layout)
    folders = [name for name in folder_scan.subfolders(root) if name != dataset.clutter]
    names = [re.sub(r'^\d{3}\.', '', name) for name in folders]
    collector = layouts.ExampleCollector(root)
    collector.ignore_loose(root)
    clutter = os.path.join(root, dataset.clutter)
    if background_class:
        names.insert(0, 'background')
        folders.insert(0, dataset.clutter)
    elif os.path.isdir(clutter):
        collector.notes.append(
            f'{clutter} is left out: its pictures belong to no class'
            ' (--background_class keeps them as label 0)'
        )
    for label, folder in enumerate(folders):
        directory = os.path.join(root, folder)
        if os.path.isdir(directory):
            collector.add_class(directory, label)
    return collector.spec(dataset.name, names, background_class=background_class)
