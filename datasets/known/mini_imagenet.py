"""Mini-ImageNet: 100 classes of ILSVRC, 600 pictures of 84x84 each (Vinyals et al., 2016)."""

import csv
import functools
import os

from common import imagenet
from common.errors import UserError
from datasets.known import layouts, published
from datasets.records import split_reader
from pictures import folder_scan

NUM_CLASSES = 100

_FOLDERS = ('mini_imagenet', 'mini-imagenet', 'miniImageNet', 'miniimagenet')
_ARCHIVES = ('mini_imagenet.zip', 'mini-imagenet.zip', 'mini_imagenet.tar.gz')
_LAYOUT = (
    'mini_imagenet/{train,val,test}/<class>/*, mini_imagenet/<class>/*,'
    ' or mini_imagenet/images/* with train.csv, val.csv and test.csv'
)
SOURCES = _FOLDERS + _ARCHIVES

get_split = functools.partial(split_reader.get_split, dataset_name='mini_imagenet')


def make_spec(dataset_dir, source_url=None, report=print):
    """Describe the data set for conversion, with its splits if it has them.

    In the published lists each class is in one split only, because they are for few-shot learning.
    """
    root = published.find_layout(dataset_dir, _FOLDERS, _ARCHIVES, source_url, report)
    root = root or dataset_dir
    lists = _lists(root)
    collector = layouts.ExampleCollector(root)
    classes = _add_lists(collector, root, lists) if lists else _add_folders(collector, root)
    layouts.require(dataset_dir, classes, 'mini_imagenet', _LAYOUT)
    names = [imagenet.name_of(name) for name in classes]
    return collector.spec('mini_imagenet', names)


def _lists(root):
    """Return the CSV lists by split."""
    candidates = {
        split: [os.path.join(root, f'{name}.csv') for name in names]
        for split, names in layouts.SPLIT_FOLDERS.items()
    }
    return {s: path for s, paths in candidates.items() for path in paths if os.path.isfile(path)}


def _add_folders(collector, root):
    splits = layouts.split_folders(root) or {None: root}
    folders = {split: folder_scan.subfolders(path) for split, path in splits.items()}
    classes = sorted({name for names in folders.values() for name in names})
    labels = {name: label for label, name in enumerate(classes)}
    for split, names in folders.items():
        collector.ignore_loose(splits[split])
        for name in names:
            collector.add_class(os.path.join(splits[split], name), labels[name], split)
    return classes


def _add_lists(collector, root, lists):
    """Add the pictures of the lists (`filename,label`), from anywhere below the root."""
    rows = {
        layouts.stem(name): (split, class_name)
        for split, path in lists.items()
        for name, class_name in _read_list(path)
    }
    classes = sorted({class_name for _, class_name in rows.values()})
    labels = {name: label for label, name in enumerate(classes)}
    places = {name: (split, labels[class_name]) for name, (split, class_name) in rows.items()}
    images = published.folder(root, ('images',)) or root
    collector.add_listed(images, places, list_paths=tuple(lists.values()))
    return classes


def _read_list(path):
    rows = list(csv.reader(layouts.read_lines(path)))
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise UserError(f'{path}: line {number} is not `filename,label`')
        if number > 1 or row != ['filename', 'label']:
            yield row
