"""Write variables as a checkpoint, complete or not at all."""

import contextlib
import os

import numpy as np
import tensorflow as tf

from classifiers import checkpoints, model_info
from common import errors, files
from common.errors import UserError
from weights import output_directory


def write(directory, info, named_values):
    """Write a checkpoint of `info` and its model.json, and return the checkpoint's path.

    `named_values` are pairs (name, array). Everything is written beside its final place and read
    again before it replaces an earlier import; model.json comes last.
    """
    path = output_directory.checkpoint(directory, info)
    is_new = not os.path.lexists(directory)
    try:
        os.makedirs(directory, exist_ok=True)
        with files.part_directory(path) as hidden:
            prefix = os.path.join(hidden, os.path.basename(path))
            _save(prefix, named_values)
            if fault := checkpoints.fault(prefix):
                raise OSError(fault.text)
            output_directory.remove_earlier(directory)
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
            tensors.append(_as_tensor(value))
        try:
            tf.raw_ops.SaveV2(
                prefix=prefix,
                tensor_names=names,
                shape_and_slices=[''] * len(names),
                tensors=tensors,
            )
        except tf.errors.OpError as error:
            raise OSError(errors.reason(error)) from None


def _as_tensor(value):
    """Return a tensor that shares the memory of a float32 array; `tf.constant` takes it twice."""
    value = np.require(value, np.float32, ['C', 'W'])
    return tf.experimental.dlpack.from_dlpack(value.__dlpack__())


def _move(hidden, directory):
    names = sorted(os.listdir(hidden), key=lambda name: name.endswith('.index'))
    for name in names:
        path = os.path.join(hidden, name)
        with open(path, 'rb') as stream:
            os.fsync(stream.fileno())
        os.replace(path, os.path.join(directory, name))
    files.sync_directory(directory)
