"""The four IDX files of MNIST and of the data sets that use its format."""

import dataclasses
import math
import os
import struct

from common import archives, download, files
from common.errors import UserError
from datasets.conversion.spec import DatasetSpec, RawExample
from datasets.known import published, raw_pixels
from datasets.known.raw_pixels import RawPixels

# Split: pictures, labels.
FILES = {
    'train': ('train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz'),
    'test': ('t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz'),
}
_NAMES = tuple(name for pair in FILES.values() for name in pair)
# Unsigned bytes in three dimensions, and in one.
_IMAGES, _LABELS = 0x803, 0x801


@dataclasses.dataclass(frozen=True)
class IdxDataset:
    """A data set in this format; `hashes` holds (size, SHA-256) by file name."""

    name: str
    class_names: tuple
    mirrors: tuple
    hashes: dict

    @property
    def sources(self):
        """List the files and folders that this data set can be made from."""
        return tuple(os.path.join(self.name, name) for name in _NAMES) + _NAMES

    def published(self, name):
        """Describe one of the files."""
        urls = tuple(mirror + name for mirror in self.mirrors)
        return published.PublishedFile(name, urls, download.Expected(*self.hashes[name]))


# Sizes and hashes: tensorflow-datasets 4.9, url_checksums/mnist.txt and fashion_mnist.txt.
DATASETS = {
    'mnist': IdxDataset(
        name='mnist',
        class_names=(
            *('zero', 'one', 'two', 'three', 'four'),
            *('five', 'six', 'seven', 'eight', 'nine'),
        ),
        mirrors=(
            'https://storage.googleapis.com/cvdf-datasets/mnist/',
            'https://ossci-datasets.s3.amazonaws.com/mnist/',
            'http://yann.lecun.com/exdb/mnist/',
        ),
        hashes={
            'train-images-idx3-ubyte.gz': (
                9912422,
                '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
            ),
            'train-labels-idx1-ubyte.gz': (
                28881,
                '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
            ),
            't10k-images-idx3-ubyte.gz': (
                1648877,
                '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
            ),
            't10k-labels-idx1-ubyte.gz': (
                4542,
                'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
            ),
        },
    ),
    'fashion_mnist': IdxDataset(
        name='fashion_mnist',
        class_names=(
            *('T-shirt/top', 'Trouser', 'Pullover', 'Dress', 'Coat'),
            *('Sandal', 'Shirt', 'Sneaker', 'Bag', 'Ankle boot'),
        ),
        mirrors=(
            'https://storage.googleapis.com/tensorflow/tf-keras-datasets/',
            'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
        ),
        hashes={
            'train-images-idx3-ubyte.gz': (
                26421880,
                '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
            ),
            'train-labels-idx1-ubyte.gz': (
                29515,
                'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
            ),
            't10k-images-idx3-ubyte.gz': (
                4422102,
                '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
            ),
            't10k-labels-idx1-ubyte.gz': (
                5148,
                '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
            ),
        },
    ),
}


def make_spec(dataset, dataset_dir, source_url=None, report=print):
    """Describe the data set for conversion; download and unpack it if necessary."""
    own = os.path.join(dataset_dir, dataset.name)
    home = _home(dataset, dataset_dir, own)
    if source_url and not source_url.endswith('/'):
        source_url += '/'
    examples = []
    for split, names in FILES.items():
        images, labels = (
            _unpacked(dataset.published(name), home, own, source_url, report) for name in names
        )
        examples += _read(images, labels, split, len(dataset.class_names))
    return DatasetSpec(
        dataset.name,
        dataset.class_names,
        examples,
        keep_duplicates=True,
        source=raw_pixels.fingerprint(examples),
    )


def _home(dataset, dataset_dir, own):
    """Choose between DIR, where users put the files, and DIR/NAME, where downloads go.

    The file names of all data sets in this format are the same, so files in DIR may be another's.
    """
    if any(os.path.exists(os.path.join(own, name)) for name in _NAMES):
        return own
    others = {
        digest
        for other in DATASETS.values()
        if other.name != dataset.name
        for _, digest in other.hashes.values()
    }
    lying = [
        path for path in (os.path.join(dataset_dir, n) for n in _NAMES) if os.path.isfile(path)
    ]
    if lying and not any(files.digest(path) in others for path in lying):
        return dataset_dir
    return own


def _unpacked(file, home, own, source_url, report):
    path = os.path.join(own, file.name.removesuffix('.gz'))
    packed = os.path.join(home, file.name)
    if os.path.isfile(path) and not _is_newer(packed, path):
        return path
    archives.unpack(published.obtain(file, home, source_url, report), own)
    return path


def _is_newer(packed, path):
    return os.path.isfile(packed) and os.path.getmtime(packed) > os.path.getmtime(path)


def _read(images, labels, split, num_classes):
    count, height, width = _header(images, _IMAGES)
    values = _label_values(labels)
    if len(values) != count:
        raise UserError(f'{images} has {count:,} pictures, but {labels} has {len(values):,} labels')
    size = height * width
    start = os.path.getsize(images) - count * size
    for index, label in enumerate(values):
        if label >= num_classes:
            raise UserError(f'{labels}: label {index} is {label}, of {num_classes} classes')
        pixels = RawPixels(images, start + index * size, height, width)
        yield RawExample(f'{split}/{index:05d}.png', label, split, data=pixels)


def _label_values(path):
    (count,) = _header(path, _LABELS)
    with open(path, 'rb') as stream:
        return stream.read()[-count:] if count else b''


def _header(path, magic):
    """Return the dimensions in an IDX file's header; raise a UserError if its length differs."""
    dimensions = magic & 0xFF
    with open(path, 'rb') as stream:
        head = stream.read(4 + 4 * dimensions)
    if len(head) < 4 + 4 * dimensions or struct.unpack('>I', head[:4]) != (magic,):
        raise UserError(f'{path}: not an IDX file of bytes in {dimensions} dimensions')
    shape = struct.unpack(f'>{dimensions}I', head[4:])
    promised, found = len(head) + math.prod(shape), os.path.getsize(path)
    if found != promised:
        raise UserError(f'{path}: has {found:,} bytes; its header says {promised:,}')
    return shape
