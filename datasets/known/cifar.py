"""The layout that CIFAR-10 and CIFAR-100 share."""

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
class Edition:
    """What tells CIFAR-10 from CIFAR-100.

    A record of a file is its label bytes, of which the last counts, then red, green, blue planes.
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
        """List what this edition can be made from, as it may lie in a directory."""
        return self.folder, self.archive.name, self.pickles.folder, self.pickles.archive.name


def prepare(edition, dataset_dir, source_url=None, report=print):
    """Return what is to be converted, downloaded and unpacked where it is not there yet."""
    folder = _binary_folder(edition, dataset_dir, source_url, report)
    names = _class_names(edition, folder)
    examples = [
        example
        for split, files in edition.files.items()
        for file in files
        for example in _read(edition, os.path.join(folder, file), split, len(names))
    ]
    return DatasetSpec(
        edition.name,
        names,
        examples,
        keep_duplicates=True,
        source=raw_pixels.fingerprint(examples),
    )


def _binary_folder(edition, dataset_dir, source_url, report):
    """Find the binary version; only a user who has the pickled one already gets that converted."""
    form = edition.pickles
    archive = edition.archive
    if not _lies_there(edition.folder, dataset_dir) and not _lies_there(archive.name, dataset_dir):
        given = (source_url or '').endswith('/' + form.archive.name)
        if given or any(_lies_there(n, dataset_dir) for n in (form.folder, form.archive.name)):
            archive = form.archive
    names = (edition.folder, form.folder)
    found = published.unpacked(archive, names, dataset_dir, source_url, report)
    if os.path.basename(found) == form.folder:
        return cifar_pickles.rewrite(edition, dataset_dir, report)
    _require_complete(edition, found)
    return found


def _lies_there(name, dataset_dir):
    return os.path.exists(os.path.join(dataset_dir, name))


def _require_complete(edition, folder):
    needed = [name for names in edition.files.values() for name in names]
    missing = [name for name in needed if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        raise UserError(f'{folder}: {", ".join(missing)} missing; delete the folder to start over')


def _class_names(edition, folder):
    try:
        with open(os.path.join(folder, edition.names_file), encoding='utf-8') as stream:
            names = tuple(stream.read().split())
    except FileNotFoundError:
        return edition.class_names
    if len(names) != len(edition.class_names):
        raise UserError(
            f'{stream.name}: {len(names)} class names where {len(edition.class_names)} belong'
        )
    return names


def _read(edition, path, split, num_classes):
    record = edition.label_bytes + PICTURE_BYTES
    data = np.memmap(path, np.uint8, 'r') if os.path.getsize(path) else np.empty(0, np.uint8)
    if data.size == 0 or data.size % record:
        raise UserError(f'{path}: {data.size:,} bytes are no whole number of {record}-byte records')
    labels = data.reshape(-1, record)[:, edition.label_bytes - 1].tolist()
    stem = os.path.splitext(os.path.basename(path))[0]
    for index, label in enumerate(labels):
        if label >= num_classes:
            raise UserError(f'{path}: record {index} has label {label}, of {num_classes} classes')
        offset = index * record + edition.label_bytes
        pixels = RawPixels(path, offset, SIDE, SIDE, 3, planar=True)
        yield RawExample(f'{stem}/{index:05d}.png', label, split, data=pixels)
