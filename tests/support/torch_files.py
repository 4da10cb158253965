"""Files as torch.save writes them, in both of its formats, without PyTorch."""

import collections
import contextlib
import io
import pickle
import sys
import types
import zipfile

import ml_dtypes
import numpy as np

_STORAGES = {
    np.dtype(np.float32): 'FloatStorage',
    np.dtype(np.float64): 'DoubleStorage',
    np.dtype(np.float16): 'HalfStorage',
    np.dtype(ml_dtypes.bfloat16): 'BFloat16Storage',
    np.dtype(np.int64): 'LongStorage',
    np.dtype(np.bool_): 'BoolStorage',
}
_MAGIC = 0x1950A86A20F9469CFC6C


def _named(module, name):
    return type(name, (), {'__module__': module, '__qualname__': name})


class _Called:
    """A function of PyTorch, for a pickle that names it."""

    def __init__(self, module, name):
        self.module, self.name = module, name


_CLASSES = {name: _named('torch', name) for name in _STORAGES.values()}
_UTILS = {name: _named('torch._utils', name) for name in ('_rebuild_tensor_v2',)}


@contextlib.contextmanager
def stub_modules():
    """Let `pickle` find the classes of PyTorch that the files name."""
    stubs = {'torch': types.ModuleType('torch'), 'torch._utils': types.ModuleType('torch._utils')}
    vars(stubs['torch']).update(_CLASSES)
    vars(stubs['torch._utils']).update(_UTILS)
    before = {name: sys.modules.get(name) for name in stubs}
    sys.modules.update(stubs)
    try:
        yield
    finally:
        for name, module in before.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


class Storage:
    """The numbers of one or several tensors."""

    def __init__(self, numbers):
        self.numbers = np.ascontiguousarray(numbers).ravel()


class StoredTensor:
    """A tensor: the whole of an array, or a part of a storage with strides in elements."""

    def __init__(self, storage, shape=None, strides=None, offset=0):
        if not isinstance(storage, Storage):
            array = np.asarray(storage)
            shape = array.shape
            strides = [step // array.itemsize for step in np.empty(shape, array.dtype).strides]
            storage = Storage(array)
        self.arguments = storage, offset, tuple(shape), tuple(strides), False
        self.storage = storage

    def __reduce__(self):
        return _UTILS['_rebuild_tensor_v2'], (*self.arguments, collections.OrderedDict())


class _Pickler(pickle.Pickler):
    def __init__(self, stream, storages, protocol):
        super().__init__(stream, protocol)
        self.storages = storages

    def persistent_id(self, found):
        """Put storages outside the pickle."""
        if not isinstance(found, Storage):
            return None
        key = self.storages.setdefault(id(found), (str(len(self.storages)), found))[0]
        kind = _CLASSES[_STORAGES[found.numbers.dtype]]
        return 'storage', kind, key, 'cpu', len(found.numbers)


def as_tensors(value):
    """Return a value with tensors in the place of the arrays in its dictionaries."""
    if type(value) in (dict, collections.OrderedDict):
        return type(value)((key, as_tensors(each)) for key, each in value.items())
    return StoredTensor(value) if isinstance(value, np.ndarray) else value


def pickled(content, storages, protocol=2):
    """Return the pickle of `content`; its storages are added to `storages`."""
    stream = io.BytesIO()
    with stub_modules():
        _Pickler(stream, storages, protocol).dump(as_tensors(content))
    return stream.getvalue()


def zip_bytes(content, root='archive', protocol=2, data=None, extra=()):
    """Return a file in the format since PyTorch 1.6; `data` replaces the pickle."""
    storages = {}
    found = pickled(content, storages, protocol)
    members = [(f'{root}/data.pkl', found if data is None else data)]
    members += [(f'{root}/byteorder', b'little')]
    members += [(f'{root}/data/{key}', each.numbers.tobytes()) for key, each in storages.values()]
    members += [(f'{root}/version', b'3\n'), *extra]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for name, member in members:
            archive.writestr(name, member)
    return stream.getvalue()


def sequential_bytes(content, protocol=2, data=None):
    """Return a file in the format before PyTorch 1.6; `data` replaces the pickle."""
    storages = {}
    found = pickled(content, storages, protocol)
    system = {'protocol_version': 1001, 'little_endian': True, 'type_sizes': {'int': 4}}
    keys = [key for key, _ in storages.values()]
    parts = [pickle.dumps(part, 2) for part in (_MAGIC, 1001, system)]
    parts += [found if data is None else data, pickle.dumps(keys, 2)]
    for _, storage in storages.values():
        parts += [len(storage.numbers).to_bytes(8, 'little'), storage.numbers.tobytes()]
    return b''.join(parts)


FORMATS = {'zip': zip_bytes, 'sequential': sequential_bytes}
