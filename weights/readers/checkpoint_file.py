"""Variables of a checkpoint of TensorFlow: one V1 file, or a V2 index with its data."""

import functools

import tensorflow.compat.v1 as tf

from classifiers import checkpoints, watch
from common.errors import UserError
from weights.sources import SLIM, Source, Tensor

# What TensorFlow 2 adds to the name of a variable in its own checkpoints.
_OBJECT = '/.ATTRIBUTES/VARIABLE_VALUE'


def read(path):
    """Return the Source of a checkpoint, given a prefix, one of its files or its directory."""
    prefix = watch.find_checkpoint(path).path
    variables = checkpoints.read_variables(prefix)
    if any(name.endswith(_OBJECT) for name in variables):
        raise UserError(
            f'{prefix}: has the names of objects of TensorFlow 2, which are different in each '
            'program; save the weights of the Keras model as .weights.h5, and name that file'
        )
    reader = tf.train.NewCheckpointReader(prefix)
    tensors = {
        name: Tensor(shape, functools.partial(_read, prefix, reader, name))
        for name, (shape, _) in variables.items()
    }
    return Source(prefix, SLIM, tensors)


def _read(prefix, reader, name):
    try:
        return reader.get_tensor(name)
    except (tf.errors.OpError, IndexError, RuntimeError, ValueError) as error:
        raise checkpoints.unreadable(prefix, checkpoints.reason(error)) from None
