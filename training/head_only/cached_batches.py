"""The pipeline of batches of cached features, in the order of the pictures' pipeline."""

import numpy as np
import tensorflow.compat.v1 as tf

from training import inputs

# A batch of features is small, and reading one may take the disk a moment.
_AHEAD = 8


class Rows:
    """Read the features of a batch; `features` are set before the first batch is read.

    In each epoch a picture has the features of another pass, and neighbouring records have those
    of different passes.
    """

    def __init__(self, shapes):
        self.shapes = shapes  # Name of a cut -> shape of its features of one picture.
        self.features = None

    def read(self, numbers, epochs):
        """Return (outputs, features of each cut) of some records."""
        passes = (epochs + numbers) % len(self.features.arrays)
        return [
            self.features.outputs[numbers],
            *(self._of(cut, numbers, passes) for cut in self.shapes),
        ]

    def _of(self, cut, numbers, passes):
        arrays = [arrays[cut] for arrays in self.features.arrays]
        if len(arrays) == 1:
            return arrays[0][numbers]
        found = np.empty((len(numbers), *arrays[0].shape[1:]), np.float32)
        for number, array in enumerate(arrays):
            chosen = passes == number
            found[chosen] = array[numbers[chosen]]
        return found


def batches(rows, count, batch_size, seed, start):
    """Return an endless pipeline of (outputs, features of each cut).

    The order is that of `inputs.training_batches` with this seed, which starts after `start` of
    the `count` records.
    """
    seed = inputs.seed_tensor(seed)
    shapes = [(), *rows.shapes.values()]
    kinds = [tf.int64, *[tf.float32] * len(rows.shapes)]

    @tf.autograph.experimental.do_not_convert
    def read_batch(first):
        places = first + tf.range(batch_size, dtype=tf.int64)
        numbers = inputs.record_numbers(places, seed, count)
        found = tf.numpy_function(rows.read, [numbers, places // count], kinds)
        return tuple(
            tf.ensure_shape(values, [batch_size, *shape])
            for values, shape in zip(found, shapes, strict=True)
        )

    firsts = tf.data.Dataset.range(tf.cast(start, tf.int64), inputs.NO_END, batch_size)
    options = tf.data.Options()
    options.deterministic = True
    options.autotune.enabled = False
    return firsts.map(read_batch).prefetch(_AHEAD).with_options(options)
