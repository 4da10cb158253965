"""Tensors of the files of Keras: .h5, .weights.h5 and .keras, of Keras 1, 2 and 3.

They are HDF5 files, of which .keras files are ZIP archives. Nothing in them is executed: layers of
Python code, and names of Python modules, stay text that nobody looks at.

The tensors are called LAYER/kernel, LAYER/depthwise_kernel, LAYER/pointwise_kernel, LAYER/bias,
LAYER/gamma, LAYER/beta, LAYER/moving_mean and LAYER/moving_variance whatever their names in the
file, and come in the order of the layers in the model. A .weights.h5 file numbers the layers of
each class; there the order holds only among layers with the same kinds of tensors.
"""

import contextlib
import functools
import itertools
import os
import re
import zipfile

import h5py
import numpy as np

from common import errors
from common.errors import UserError
from weights.sources import KERAS, Source, Tensor

WEIGHTS_MEMBER = 'model.weights.h5'  # Of a .keras file.
# Key of the metadata: whether the file lists the names of its layers, as .h5 files do.
IS_LEGACY = 'is_legacy'
_CONFIG_MEMBER, _LONGEST_CONFIG = 'config.json', 50_000_000
# Of the first layer: [null, height, width, channels].
_INPUT_SHAPE = re.compile(r'"batch_(?:input_)?shape": \[null, (\d+), (\d+), \d+\]')
_SEPARATORS = re.compile(r'[/\\]')  # Keras of 2023 has written both.
_NORM = ('gamma', 'beta', 'moving_mean', 'moving_variance')
_NAMES = {
    **{name: name for name in ('kernel', 'bias', 'depthwise_kernel', 'pointwise_kernel', *_NORM)},
    'running_mean': 'moving_mean',  # Of Keras 1, where running_std is a variance, too.
    'running_std': 'moving_variance',
    'W': 'kernel',
    'b': 'bias',
}
# The last word of a name, without a number: W of block1_conv1_W_1, running_mean of bn_running_mean.
_LAST_WORD = re.compile(r'((?:(?:depthwise|pointwise|moving|running)_)?[A-Za-z]+)(?:_\d+)?$')
# Names of the vectors of a layer without a kernel, by their number, in the order of Keras.
_VECTORS = {4: _NORM, 3: _NORM[1:], 2: _NORM[:2]}


def read(path):
    """Return the Source of a file; each tensor is read when it is needed."""
    path = os.fspath(path)
    try:
        with _opened(path) as file:
            root = file.get('model_weights', file)
            is_legacy = bool(_list(root, 'layer_names'))
            layers = _by_attributes(root) if is_legacy else _by_groups(file)
            version = _text(root.attrs.get('keras_version', ''))
            size = _image_size(_config(path, file))
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise UserError(f'{path}: not a complete file of Keras ({errors.reason(error)})') from None
    tensors = {
        f'{layer}/{kind}': Tensor(dataset.shape, functools.partial(_read, path, dataset.name))
        for layer, datasets in layers.items()
        for kind, dataset in _named(datasets).items()
    }
    if not tensors:
        raise UserError(f'{path}: has no layers of Keras with weights')
    metadata = {'keras_version': version, IS_LEGACY: is_legacy}
    if size:
        metadata.update(is_graph=True, image_size=size)
    return Source(path, KERAS, tensors, metadata)


class _Dataset:
    """A tensor in a file: its name there, the last part of its name in Keras, and its shape."""

    def __init__(self, dataset, last):
        self.name = dataset.name
        self.last = last.removesuffix(':0')
        self.shape = tuple(dataset.shape)


@contextlib.contextmanager
def _opened(path):
    """Open the HDF5 file at a path, or in the archive at a path."""
    with contextlib.ExitStack() as stack:
        stream = path
        if zipfile.is_zipfile(path):
            archive = stack.enter_context(zipfile.ZipFile(path))
            stream = stack.enter_context(archive.open(WEIGHTS_MEMBER))
        yield stack.enter_context(h5py.File(stream, 'r'))


def _config(path, file):
    """Return the text of the description of a whole model, or '' if a file has none."""
    if not zipfile.is_zipfile(path):
        return _text(file.attrs.get('model_config', ''))
    with zipfile.ZipFile(path) as archive:
        if _CONFIG_MEMBER not in archive.namelist():
            return ''
        if archive.getinfo(_CONFIG_MEMBER).file_size > _LONGEST_CONFIG:
            raise ValueError(f'{_CONFIG_MEMBER} is too long')
        return archive.read(_CONFIG_MEMBER).decode('utf-8', 'replace')


def _image_size(config):
    """Return the side of the square pictures that a model takes, or None."""
    found = _INPUT_SHAPE.search(config)
    return int(found[1]) if found and found[1] == found[2] else None


def _by_attributes(root):
    """Return {layer: [_Dataset]} of a file that lists the names of layers and weights."""
    layers = {}
    for layer in _list(root, 'layer_names'):
        owners: dict[str, list[_Dataset]] = {}
        for name in _list(root[layer], 'weight_names'):
            owner, _, last = name.rpartition('/')
            item = root[layer][name]
            if item.file != root.file:  # HDF5 follows links by itself.
                raise ValueError(f'{name} is in another file')
            owners.setdefault(owner, []).extend(_datasets(item, last))
        # A model within the model lists the weights of all of its layers.
        for owner, datasets in owners.items():
            layers[layer if len(owners) == 1 else owner] = datasets
    return layers


def _by_groups(file):
    """Return {layer: [_Dataset]} of a file in which layers are groups CLASS_NUMBER/vars."""
    groups: dict[tuple[str, ...], dict[int, h5py.Dataset]] = {}

    def visit(name, item):
        parts = tuple(_SEPARATORS.split(name))
        if isinstance(item, h5py.Dataset) and parts[-2:-1] == ('vars',) and parts[-1].isdigit():
            groups.setdefault(parts[:-2], {})[int(parts[-1])] = item

    file.visititems(visit)
    layers = {}
    for parts in sorted(groups, key=lambda parts: [_numbered(part) for part in parts]):
        if not parts or parts[0] == 'optimizer':
            continue
        items = [groups[parts][number] for number in sorted(groups[parts])]
        name = _text(items[0].parent.attrs.get('name', '')) or parts[-1]
        datasets = [dataset for item in items for dataset in _datasets(item, '')]
        layers[name if name not in layers else '/'.join(parts)] = datasets
    return layers


def _numbered(part):
    """Return (class, number) of the name of a group: conv2d_2 is before conv2d_10."""
    base, _, number = part.rpartition('_')
    return (base, int(number)) if base and number.isdigit() else (part, 0)


def _datasets(item, last):
    """Return [_Dataset]; none for what is not a number, such as the state of a random layer."""
    if item.external or item.is_virtual:
        raise ValueError(f'{item.name} is in another file')
    is_number = item.dtype.kind == 'f' or _is_bfloat16(item)
    return [_Dataset(item, last)] if is_number else []


def _is_bfloat16(item):
    return item.dtype == np.dtype('V2') and _text(item.attrs.get('dtype', '')) == 'bfloat16'


def _named(datasets):
    """Return {kind: _Dataset}, by the names in the file if all are known, else by the order."""
    kinds = [_known_name(dataset.last) for dataset in datasets]
    if '' in kinds or len(set(kinds)) < len(kinds):
        kinds = _kinds([len(dataset.shape) for dataset in datasets])
    if 'kernel' in kinds and _is_depthwise(datasets[kinds.index('kernel')].shape):
        kinds[kinds.index('kernel')] = 'depthwise_kernel'
    return dict(zip(kinds, datasets, strict=True))


def _known_name(last):
    found = _LAST_WORD.search(last)
    return _NAMES.get(found[1], '') if found else ''


def _kinds(ranks):
    """Return the kinds of the tensors of a layer from the number of their dimensions."""
    kernels = sum(rank > 1 for rank in ranks)
    if not kernels:
        known = _VECTORS.get(len(ranks), ())
    elif kernels == 2:
        known = ('depthwise_kernel', 'pointwise_kernel', 'bias')
    else:
        known = ('kernel', 'bias')
    # Layers of other networks have tensors of other kinds.
    return [known[n] if n < len(known) else f'tensor_{n}' for n in range(len(ranks))]


def _is_depthwise(shape):
    return len(shape) == 4 and shape[3] == 1 and shape[0] * shape[1] > 1


def _list(group, name):
    """Return a list of names among the attributes, where Keras splits long ones: name0, name1."""
    values = group.attrs.get(name)
    if values is None:
        parts = (group.attrs.get(f'{name}{number}') for number in itertools.count())
        values = itertools.chain(*itertools.takewhile(lambda part: part is not None, parts))
    return [_text(value) for value in values]


def _text(value):
    return value.decode('utf-8', 'replace') if isinstance(value, bytes) else str(value)


def _read(path, name):
    try:
        with _opened(path) as file:
            item = file[name]
            values = item[()]
            if _is_bfloat16(item):
                return (values.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
            return values
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise UserError(f'{path}: {name} cannot be read ({errors.reason(error)})') from None
