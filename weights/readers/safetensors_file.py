"""Tensors of a .safetensors file, of PyTorch or written by the programs here."""

import functools
import os

import ml_dtypes  # noqa: F401 - with it, NumPy knows bfloat16.
import safetensors

from common import errors
from common.errors import UserError
from weights.sources import SLIM, TORCH, Source, Tensor


def read(path):
    """Return the Source of a file; each tensor is read when it is needed."""
    path = os.fspath(path)
    try:
        opened = safetensors.safe_open(path, framework='numpy')
        metadata = opened.metadata() or {}
        names = list(opened.keys())
        shapes = {name: tuple(opened.get_slice(name).get_shape()) for name in names}
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f'{path}: not a complete safetensors file ({_reason(error)})') from None
    tensors = {
        name: Tensor(shapes[name], functools.partial(_read, path, opened, name)) for name in names
    }
    # Modules of PyTorch are joined with dots; the variables here are in scopes.
    kind = SLIM if any('/' in name for name in names) else TORCH
    return Source(path, kind, tensors, metadata)


def _read(path, opened, name):
    try:
        return opened.get_tensor(name)
    except (OSError, TypeError, AttributeError, safetensors.SafetensorError) as error:
        kind = opened.get_slice(name).get_dtype()
        raise UserError(f'{path}: {name} ({kind}) cannot be read ({_reason(error)})') from None


def _reason(error):
    return errors.reason(error).removeprefix('Error while deserializing header: ')
