"""Tiny ImageNet: 200 classes of ILSVRC in 64x64 pixels, 500 training pictures each."""

import functools
import os

from common import imagenet
from datasets.known import layouts, published
from datasets.records import split_reader
from pictures import folder_scan

NUM_CLASSES = 200

_FOLDERS = ('tiny-imagenet-200', 'tiny_imagenet/tiny-imagenet-200', 'tiny_imagenet', '.')
_ARCHIVES = ('tiny-imagenet-200.zip',)
_LAYOUT = 'tiny-imagenet-200/train/<synset>/images/*.JPEG or tiny-imagenet-200.zip'
SOURCES = _FOLDERS[:-1] + _ARCHIVES

get_split = functools.partial(split_reader.get_split, dataset_name='tiny_imagenet')


def make_spec(dataset_dir, source_url=None, report=print):
    """Describe the data set for conversion; its test pictures have no labels and are left out."""
    root = published.find_layout(dataset_dir, _FOLDERS[:-1], _ARCHIVES, source_url, report)
    root = root or dataset_dir
    train = os.path.join(root, 'train')
    found = os.path.isdir(train) and folder_scan.subfolders(train)
    synsets = layouts.require(dataset_dir, found, 'tiny_imagenet', _LAYOUT)
    labels = {synset: label for label, synset in enumerate(synsets)}
    collector = layouts.ExampleCollector(root)
    collector.ignore_loose(train)
    for synset, label in labels.items():
        collector.add_class(_pictures_of(os.path.join(train, synset)), label, 'train')
    _add_validation(collector, root, labels)
    if os.path.isdir(os.path.join(root, 'test')):
        collector.notes.append(f'{root}/test is left out: its pictures have no labels')
    names = _names(root)
    class_names = [names.get(synset) or imagenet.name_of(synset) for synset in synsets]
    return collector.spec('tiny_imagenet', class_names, keep_duplicates=True)


def _pictures_of(directory):
    images = os.path.join(directory, 'images')
    return images if os.path.isdir(images) else directory


def _add_validation(collector, root, labels):
    """Add the validation pictures: from one folder with a list, or from class folders."""
    directory = layouts.split_folders(root).get('validation')
    if not directory:
        collector.notes.append(f'{root}/val is missing: there is no validation split')
        return
    annotations = os.path.join(directory, 'val_annotations.txt')
    if os.path.isfile(annotations):
        stems, synsets = layouts.read_synset_list(annotations)
        places = {
            stem: ('validation', labels[synset])
            for stem, synset in zip(stems or (), synsets, strict=True)
            if synset in labels
        }
        pictures = _pictures_of(directory)
        collector.add_listed(pictures, places, list_paths=(annotations,))
        return
    collector.ignore_loose(directory)
    for synset in folder_scan.subfolders(directory):
        pictures = _pictures_of(os.path.join(directory, synset))
        if synset in labels:
            collector.add_class(pictures, labels[synset], 'validation')
        else:
            collector.refuse_class(pictures, f'{synset} is not a class of the training pictures')


def _names(root):
    """Read `words.txt`: a synset, a tab and its names per line."""
    path = os.path.join(root, 'words.txt')
    if not os.path.isfile(path):
        return {}
    lines = (line.partition('\t') for line in layouts.read_lines(path))
    return {synset.strip(): names.strip() for synset, _, names in lines}
