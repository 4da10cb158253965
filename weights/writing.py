"""Write variables as a checkpoint, complete or not at all."""

import contextlib
import os

import tensorflow as tf

from classifiers import checkpoint_paths, checkpoints, model_info
from common import errors, files
from common.errors import UserError

SUFFIX = '.ckpt'


def require_free(directory, overwrite=False):
    """Raise a UserError unless a checkpoint may be written into `directory`.

    Only an earlier import is overwritten, never a training.
    """
    directory = os.fspath(directory)
    if not os.path.isdir(directory):
        if os.path.lexists(directory):
            raise UserError(f'--output={directory}: a file and not a directory')
        _require_writable(_nearest_parent(directory), directory)
        return
    _require_writable(directory, directory)
    held = {checkpoint_paths.prefix_of(name) for name in _checkpoints_in(directory)}
    described = os.path.lexists(os.path.join(directory, model_info.FILE_NAME))
    if not held and not described:
        return
    if not held <= _imported(directory):
        raise UserError(
            f'--output={directory}: contains checkpoints ({", ".join(sorted(held))}); '
            'name another directory'
        )
    if not overwrite:
        raise UserError(
            f'--output={directory}: contains an imported checkpoint; '
            'pass --overwrite to replace it, or name another directory'
        )


def _nearest_parent(path):
    parent = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    return parent


def _require_writable(directory, output):
    if not os.path.isdir(directory):
        raise UserError(f'--output={output}: {directory} is a file and not a directory')
    if not os.access(directory, os.W_OK | os.X_OK):
        raise UserError(f'--output={output}: {directory} cannot be written to')


def _checkpoints_in(directory):
    return [name for name in checkpoint_paths.listed(directory) if _is_part(name)]


def _is_part(name):
    return checkpoint_paths.is_checkpoint(name) or checkpoint_paths.prefix_of(name) != name


def _imported(directory):
    """Return the names of the checkpoints that an import into `directory` wrote."""
    try:
        info = model_info.read_beside(directory)
    except UserError:
        info = None
    return {info.model_name + SUFFIX} if info else set()


def write(directory, info, named_values):
    """Write a checkpoint of `info` and its model.json, and return the checkpoint's path.

    `named_values` are pairs (name, array). Everything is written beside its final place and read
    again before it replaces an earlier import; model.json comes last.
    """
    path = os.path.join(directory, info.model_name + SUFFIX)
    is_new = not os.path.lexists(directory)
    try:
        os.makedirs(directory, exist_ok=True)
        with files.part_directory(path) as hidden:
            prefix = os.path.join(hidden, os.path.basename(path))
            _save(prefix, named_values)
            if fault := checkpoints.fault(prefix):
                raise OSError(fault.text)
            _remove_earlier(directory)
            _move(hidden, directory)
        model_info.write(directory, info)
    except OSError as error:
        raise UserError(f'{path}: could not be written ({errors.reason(error)})') from None
    finally:
        if is_new:
            with contextlib.suppress(OSError):
                os.rmdir(directory)  # Only if it is empty, after an error.
    return path


def _save(prefix, named_values):
    names, tensors = [], []
    with tf.init_scope():  # Without a graph, even if the caller builds one.
        for name, value in named_values:
            names.append(name)
            tensors.append(tf.constant(value))
        try:
            tf.raw_ops.SaveV2(
                prefix=prefix,
                tensor_names=names,
                shape_and_slices=[''] * len(names),
                tensors=tensors,
            )
        except tf.errors.OpError as error:
            raise OSError(errors.reason(error)) from None


def _remove_earlier(directory):
    """Remove an earlier import, its description first: what remains is never called complete."""
    earlier = _imported(directory)
    description = os.path.join(directory, model_info.FILE_NAME)
    if os.path.lexists(description):
        os.unlink(description)
    # The index comes first, because data without it is no checkpoint.
    for name in sorted(_checkpoints_in(directory), key=lambda name: not name.endswith('.index')):
        if checkpoint_paths.prefix_of(name) in earlier:
            os.unlink(os.path.join(directory, name))


def _move(hidden, directory):
    names = sorted(os.listdir(hidden), key=lambda name: name.endswith('.index'))
    for name in names:
        path = os.path.join(hidden, name)
        with open(path, 'rb') as stream:
            os.fsync(stream.fileno())
        os.replace(path, os.path.join(directory, name))
    files.sync_directory(directory)
