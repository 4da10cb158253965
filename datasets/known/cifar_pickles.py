"""CIFAR's Python version, which is pickled: rewritten as the binary one, running nothing in it."""

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
    """Where the Python version keeps things: its archive, folder, files by split, and keys."""

    archive: published.PublishedFile
    folder: str
    files: dict
    label_keys: tuple
    names_file: str
    names_key: bytes


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _HARMLESS:
            raise pickle.UnpicklingError(f'it names {module}.{name}, which is no NumPy array')
        if module == '_codecs':
            return _encode
        return super().find_class(module.replace('numpy.core', 'numpy._core'), name)


def _encode(text, encoding):
    """Stand in for `codecs.encode`, in which a pickle could name any codec."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError(f'it encodes as {encoding!r}')
    return text.encode('latin1')


def load(path):
    """Read a pickled dictionary that may hold NumPy arrays, numbers and strings, nothing else."""
    try:
        with open(path, 'rb') as stream:
            value = _ArraysOnly(stream, encoding='bytes').load()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    # A damaged pickle can make the unpickler raise nearly anything.
    except Exception as error:
        raise UserError(f'{path}: refused ({error}); take the binary version instead') from None
    if not isinstance(value, dict):
        raise UserError(f'{path}: holds a {type(value).__name__} where a dictionary belongs')
    return value


def rewrite(edition, dataset_dir, report=print):
    """Write the pickled version out as the folder of the binary one, and return that folder."""
    source = os.path.join(dataset_dir, edition.pickles.folder)
    target = os.path.join(dataset_dir, edition.folder)
    report(f'Rewriting {source} as {target}: arrays only, no code in it is run.')
    with archives.staging(source, dataset_dir) as staging:
        for split, names in edition.pickles.files.items():
            for name, new_name in zip(names, edition.files[split], strict=True):
                with open(os.path.join(staging, new_name), 'wb') as stream:
                    stream.write(_records(edition, os.path.join(source, name)))
        _write_names(edition, source, staging)
        os.replace(staging, target)
    return target


def _records(edition, path):
    """Return a batch as the binary version has it: label bytes, then the pixels of a picture."""
    batch = load(path)
    try:
        pixels = np.asarray(batch[b'data'], np.uint8).reshape(-1, 3 * 32 * 32)
        labels = [np.asarray(batch[key], np.uint8) for key in edition.pickles.label_keys]
        return np.concatenate([np.stack(labels, axis=1), pixels], axis=1).tobytes()
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise UserError(f'{path}: no batch of {edition.name} ({error})') from None


def _write_names(edition, source, staging):
    path = os.path.join(source, edition.pickles.names_file)
    if not os.path.isfile(path):
        return
    names = load(path).get(edition.pickles.names_key, [])
    text = ''.join(f'{name.decode() if isinstance(name, bytes) else name}\n' for name in names)
    if text:
        with open(os.path.join(staging, edition.names_file), 'w', encoding='utf-8') as stream:
            stream.write(text)
