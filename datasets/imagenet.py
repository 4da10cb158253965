"""ILSVRC-2012: 1.28 million photographs in 1,000 classes (Russakovsky et al., 2015)."""

import functools
import glob
import hashlib
import os
import re

from common import imagenet
from common.errors import UserError
from datasets.known import bounding_boxes, layouts
from datasets.records import split_reader
from pictures import folder_scan

NUM_CLASSES = imagenet.NUM_LABELS

_ROOTS = ('imagenet', 'raw-data', 'ILSVRC2012', 'ILSVRC/Data/CLS-LOC', '.')
_LAYOUT = (
    'train/<synset>/*.JPEG and validation/<synset>/*.JPEG, or validation/*.JPEG with a list of'
    ' their synsets (imagenet_2012_validation_synset_labels.txt)'
)
SOURCES = ('train', 'validation', 'val', *_ROOTS[:-1])


def _class_names():
    return list(imagenet.names())


get_split = functools.partial(
    split_reader.get_split, dataset_name='imagenet', class_names=_class_names
)


def create_readable_names_for_imagenet_labels():
    """Return the names of the 1,001 outputs by number; 0 is the background."""
    return {entry.label: entry.name for entry in imagenet.read()}


def make_spec(dataset_dir, source_url=None, report=print):
    """Describe the data set for conversion: labels 1 to 1,000, with 0 for the background."""
    if source_url:
        raise UserError(
            f'--source_url={source_url}: ImageNet is only available to registered users;'
            f' unpack it in {dataset_dir} as {_LAYOUT}'
        )
    root, splits = _find(dataset_dir)
    layouts.require(dataset_dir, splits, 'imagenet', _LAYOUT)
    boxes = bounding_boxes.find_boxes(dict.fromkeys((root, dataset_dir, _kaggle_top(root))))
    collector = layouts.ExampleCollector(root)
    for split in ('train', 'validation'):
        if split not in splits:
            collector.notes.append(f'{root} has no {split} folder, so there is no such split')
        elif folder_scan.subfolders(splits[split]):
            _add_folders(collector, splits[split], split, _features(boxes))
        else:
            _add_flat(collector, splits[split], split, (root, dataset_dir), _features(boxes))
    if boxes and boxes.unreadable:
        collector.notes.append(f'{boxes.unreadable:,} bounding boxes could not be read')
    return collector.spec(
        'imagenet',
        _class_names(),
        background_class=True,
        keep_duplicates=True,
        source=_fingerprint(collector.examples),
    )


def _find(dataset_dir):
    for name in _ROOTS:
        root = os.path.normpath(os.path.join(dataset_dir, name))
        splits = layouts.split_folders(root)
        splits.pop('test', None)
        if splits:
            return root, splits
    return dataset_dir, {}


def _kaggle_top(root):
    """Return the folder of `Data/CLS-LOC` and `Annotations/CLS-LOC`."""
    return os.path.dirname(os.path.dirname(root))


def _features(boxes):
    """Return a function from a picture's path and label to its additional features."""
    # All pictures of a class share one dictionary, because there are 1.28 million of them.
    plain = [{'image/class/synset': (entry.synset,)} for entry in imagenet.read()]

    def features(path, label):
        found = boxes.features(path, label) if boxes else None
        return {**plain[label], **found} if found else plain[label]

    return features


def _fingerprint(examples):
    """Return a hash of the features that do not come from the pictures."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(repr(sorted(example.extra.items())).encode())
    return digest.hexdigest()


def _add_folders(collector, directory, split, features):
    known = imagenet.by_synset()
    folders = folder_scan.subfolders(directory)
    strange = [name for name in folders if name not in known]
    if strange:
        raise UserError(
            f'{os.path.join(directory, strange[0])}: not one of the 1,000 synsets of ILSVRC-2012;'
            ' classes of your own are converted under a --dataset_name of your own'
        )
    collector.ignore_loose(directory)
    for synset in folders:
        path = os.path.join(directory, synset)
        collector.add_class(path, known[synset].label, split, features)


def _add_flat(collector, directory, split, places, features):
    """Add pictures from one folder, using a list of their synsets."""
    candidates = _candidate_lists((*places, directory))
    pictures = [path for path in folder_scan.list_files(directory).files if path not in candidates]
    for path in candidates:
        stems, synsets = layouts.read_synset_list(path)
        stems = stems or _stems_in_order(pictures, synsets)
        if stems:
            collector.add_listed(
                directory, _places(path, stems, synsets, split), features, candidates
            )
            return
    raise UserError(
        f'{directory}: {len(pictures):,} pictures without class folders, and no matching list of'
        f' their synsets (a line per picture, in {places[0]}); expected {_LAYOUT}'
    )


def _candidate_lists(directories):
    """List the text files that may hold synsets, those with 'val' in their name first."""
    paths = {
        os.path.normpath(path)
        for directory in directories
        for suffix in ('txt', 'csv')
        for path in glob.glob(os.path.join(glob.escape(directory), f'*.{suffix}'))
    }
    lists = [path for path in sorted(paths) if _has_synsets(path)]
    return sorted(lists, key=lambda path: 'val' not in os.path.basename(path).lower())


def _has_synsets(path):
    with open(path, 'rb') as stream:
        return re.search(rb'\bn\d{8}\b', stream.read(4096)) is not None


def _stems_in_order(pictures, synsets):
    """Return the picture's stem for each line of a list of bare synsets, or None if unknown.

    Line k belongs to the k-th picture, or to ILSVRC2012_val_<k> if some pictures are missing.
    """
    stems = [layouts.stem(path) for path in pictures]
    if len(stems) == len(synsets):
        return stems
    if stems and all(re.fullmatch(r'ILSVRC2012_val_\d{8}', stem) for stem in stems):
        last = max(int(stem[-8:]) for stem in stems)
        if last <= len(synsets):
            return [f'ILSVRC2012_val_{number:08d}' for number in range(1, len(synsets) + 1)]
    return None


def _places(path, stems, synsets, split):
    known = imagenet.by_synset()
    strange = [synset for synset in synsets if synset not in known]
    if strange:
        raise UserError(f'{path}: {strange[0]} is not one of the 1,000 synsets of ILSVRC-2012')
    return {stem: (split, known[synset].label) for stem, synset in zip(stems, synsets, strict=True)}
