"""Open a file of weights with the reader of its kind, which is recognised by its content."""

import importlib
import os

from classifiers import checkpoint_paths, file_kinds
from common.errors import UserError

# Kind of a file -> the module that reads it.
_READERS = {
    file_kinds.CHECKPOINT: 'checkpoint_file',
    file_kinds.GRAPH: 'graph_file',
    file_kinds.KERAS: 'keras_file',
    file_kinds.SAFETENSORS: 'safetensors_file',
    file_kinds.TORCH: 'torch_file',
}
READABLE = (
    'a state dict of PyTorch (.safetensors, .pth, .pth.tar), weights of Keras (.h5, .weights.h5, '
    '.keras), a checkpoint of TensorFlow or its directory, or a frozen graph (.pb)'
)


# Kinds whose reader has a second argument: whether to take moving averages if there are some.
_WITH_AVERAGES = (file_kinds.TORCH,)


def open_source(path, use_averages=True):
    """Return the Source of a file, of a checkpoint's prefix or of a directory with checkpoints."""
    path = os.fspath(path)
    kind = require(path)
    arguments = (use_averages,) if kind in _WITH_AVERAGES else ()
    return importlib.import_module(f'weights.readers.{_READERS[kind]}').read(path, *arguments)


def require(path):
    """Return the kind of the file at `path`; raise a UserError if nothing here can read it."""
    path = os.fspath(path)
    if os.path.isdir(path):
        checkpoint_paths.require(path)
        return file_kinds.CHECKPOINT
    held = checkpoint_paths.files_of(checkpoint_paths.prefix_of(path))
    named = held[0] if held else path
    _require_readable(named)
    kind = file_kinds.weights_kind(named)
    if kind in _READERS:
        return kind
    what = file_kinds.mistaken(named, 'file of weights') or 'no weights that can be recognised'
    raise UserError(f'{path}: {what.split("; ")[0]}; name {READABLE}')


def _require_readable(path):
    try:
        with open(path, 'rb') as stream:
            if not stream.read(1):
                raise UserError(f'{path}: empty; name {READABLE}')
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
