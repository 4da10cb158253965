"""The layout of CIFAR-10 and CIFAR-100."""

import dataclasses
import os

import numpy as np

from common.errors import UserError
from datasets.conversion.spec import DatasetSpec, RawExample
from datasets.known import cifar_pickles, published, raw_pixels
from datasets.known.raw_pixels import RawPixels

SIDE = 32
PICTURE_BYTES = 3 * SIDE * SIDE


@dataclasses.dataclass(frozen=True)
class CifarDataset:
    """The differences between CIFAR-10 and CIFAR-100.

    A record has label bytes, of which the last is used, then the red, green and blue planes.
    """

    name: str
    class_names: tuple
    archive: published.PublishedFile
    folder: str
    files: dict
    names_file: str
    label_bytes: int
    pickles: cifar_pickles.Pickles

    @property
    def sources(self):
        """List the files and folders that this data set can be made from."""
        return self.folder, self.archive.name, self.pickles.folder, self.pickles.archive.name


def make_spec(dataset, dataset_dir, source_url=None, report=print):
    """Describe the data set for conversion; download and unpack it if necessary."""
    folder = _binary_folder(dataset, dataset_dir, source_url, report)
    names = _class_names(dataset, folder)
    examples = [
        example
        for split, files in dataset.files.items()
        for file in files
        for example in _read(dataset, os.path.join(folder, file), split, len(names))
    ]
    return DatasetSpec(
        dataset.name,
        names,
        examples,
        keep_duplicates=True,
        source=raw_pixels.fingerprint(examples),
    )


def _binary_folder(dataset, dataset_dir, source_url, report):
    """Return the folder of the binary version, made from the pickled one if only that exists."""
    form = dataset.pickles
    archive = dataset.archive
    if not _lies_there(dataset.folder, dataset_dir) and not _lies_there(archive.name, dataset_dir):
        given = (source_url or '').endswith('/' + form.archive.name)
        if given or any(_lies_there(n, dataset_dir) for n in (form.folder, form.archive.name)):
            archive = form.archive
    names = (dataset.folder, form.folder)
    found = published.unpacked(archive, names, dataset_dir, source_url, report)
    if os.path.basename(found) == form.folder:
        return cifar_pickles.rewrite(dataset, dataset_dir, report)
    _require_complete(dataset, found)
    return found


def _lies_there(name, dataset_dir):
    return os.path.exists(os.path.join(dataset_dir, name))


def _require_complete(dataset, folder):
    needed = [name for names in dataset.files.values() for name in names]
    missing = [name for name in needed if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        raise UserError(f'{folder}: {", ".join(missing)} missing; delete the folder to start over')


def _class_names(dataset, folder):
    try:
        with open(os.path.join(folder, dataset.names_file), encoding='utf-8') as stream:
            names = tuple(stream.read().split())
    except FileNotFoundError:
        return dataset.class_names
    if len(names) != len(dataset.class_names):
        raise UserError(
            f'{stream.name}: has {len(names)} class names; must have {len(dataset.class_names)}'
        )
    return names


def _read(dataset, path, split, num_classes):
    record = dataset.label_bytes + PICTURE_BYTES
    data = np.memmap(path, np.uint8, 'r') if os.path.getsize(path) else np.empty(0, np.uint8)
    if data.size == 0 or data.size % record:
        raise UserError(
            f'{path}: {data.size:,} bytes is not a multiple of the {record}-byte record'
        )
    labels = data.reshape(-1, record)[:, dataset.label_bytes - 1].tolist()
    stem = os.path.splitext(os.path.basename(path))[0]
    for index, label in enumerate(labels):
        if label >= num_classes:
            raise UserError(f'{path}: record {index} has label {label}, of {num_classes} classes')
        offset = index * record + dataset.label_bytes
        pixels = RawPixels(path, offset, SIDE, SIDE, 3, planar=True)
        yield RawExample(f'{stem}/{index:05d}.png', label, split, data=pixels)
