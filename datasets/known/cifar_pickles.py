"""Convert CIFAR's pickled Python version to the binary one without running code in it."""

import dataclasses
import os
import pickle

import numpy as np

from common import archives
from common.errors import UserError
from datasets.known import published

# What a pickled NumPy array names, under the module names of every NumPy so far.
_HARMLESS = {
    ('numpy.core.multiarray', '_reconstruct'),
    ('numpy._core.multiarray', '_reconstruct'),
    ('numpy.core.numeric', '_frombuffer'),
    ('numpy._core.numeric', '_frombuffer'),
    ('numpy', 'ndarray'),
    ('numpy', 'dtype'),
    ('_codecs', 'encode'),
}


@dataclasses.dataclass(frozen=True)
class Pickles:
    """The layout of the Python version: its archive, folder, files by split, and keys."""

    archive: published.PublishedFile
    folder: str
    files: dict
    label_keys: tuple
    names_file: str
    names_key: bytes


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _HARMLESS:
            raise pickle.UnpicklingError(f'it names {module}.{name}, which is not a NumPy array')
        if module == '_codecs':
            return _encode
        return super().find_class(module.replace('numpy.core', 'numpy._core'), name)


def _encode(text, encoding):
    """Replace `codecs.encode`, which a pickle could call with any codec."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError(f'it encodes as {encoding!r}')
    return text.encode('latin1')


def load(path):
    """Read a pickled dictionary of NumPy arrays, numbers and strings; refuse anything else."""
    try:
        with open(path, 'rb') as stream:
            value = _ArraysOnly(stream, encoding='bytes').load()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    # A damaged pickle can make the unpickler raise nearly any error.
    except Exception as error:
        raise UserError(f'{path}: refused ({error}); use the binary version instead') from None
    if not isinstance(value, dict):
        raise UserError(f'{path}: holds a {type(value).__name__} instead of a dictionary')
    return value


def rewrite(dataset, dataset_dir, report=print):
    """Write the pickled version as the folder of the binary one, and return that folder."""
    source = os.path.join(dataset_dir, dataset.pickles.folder)
    target = os.path.join(dataset_dir, dataset.folder)
    report(f'Rewriting {source} as {target}: only arrays are read, no code is run.')
    with archives.staging(source, dataset_dir) as staging:
        for split, names in dataset.pickles.files.items():
            for name, new_name in zip(names, dataset.files[split], strict=True):
                with open(os.path.join(staging, new_name), 'wb') as stream:
                    stream.write(_records(dataset, os.path.join(source, name)))
        _write_names(dataset, source, staging)
        os.replace(staging, target)
    return target


def _records(dataset, path):
    """Return a batch in the binary format: for each picture its label bytes, then its pixels."""
    batch = load(path)
    try:
        pixels = np.asarray(batch[b'data'], np.uint8).reshape(-1, 3 * 32 * 32)
        labels = [np.asarray(batch[key], np.uint8) for key in dataset.pickles.label_keys]
        return np.concatenate([np.stack(labels, axis=1), pixels], axis=1).tobytes()
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise UserError(f'{path}: not a batch of {dataset.name} ({error})') from None


def _write_names(dataset, source, staging):
    path = os.path.join(source, dataset.pickles.names_file)
    if not os.path.isfile(path):
        return
    names = load(path).get(dataset.pickles.names_key, [])
    text = ''.join(f'{name.decode() if isinstance(name, bytes) else name}\n' for name in names)
    if text:
        with open(os.path.join(staging, dataset.names_file), 'w', encoding='utf-8') as stream:
            stream.write(text)
