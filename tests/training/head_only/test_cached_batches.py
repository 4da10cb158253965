"""Batches of cached features come in the order of the pictures, and passes take turns."""

import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from training import inputs
from training.head_only.cached_batches import Rows, batches

COUNT = 7


def features_of(passes):
    """Return features whose numbers say of which pass and record they are."""
    arrays = tuple(
        {
            'map': 100 * number + np.arange(COUNT, dtype=np.float32)[:, None, None],
            'vector': -np.arange(COUNT, dtype=np.float32)[:, None] - 100 * number,
        }
        for number in range(passes)
    )
    return types.SimpleNamespace(arrays=arrays, outputs=np.arange(COUNT))


def rows_of(passes):
    rows = Rows({'map': [1, 1], 'vector': [1]})
    rows.features = features_of(passes)
    return rows


def read(pipeline, steps):
    iterator = tf.data.make_initializable_iterator(pipeline)
    following = iterator.get_next()
    with tf.Session() as session:
        session.run(iterator.initializer)
        return [session.run(following) for _ in range(steps)]


@pytest.mark.parametrize('start', [0, 6, 14])
def test_the_order_is_that_of_the_pictures(graph, start):
    batch = 3
    found = read(batches(rows_of(1), COUNT, batch, 5, start), steps=6)
    places = tf.range(start, start + 6 * batch, dtype=tf.int64)
    with tf.Session() as session:
        expected = session.run(inputs.record_numbers(places, tf.constant(5, tf.int64), COUNT))
    outputs, maps, vectors = (np.concatenate(parts) for parts in zip(*found, strict=True))
    np.testing.assert_array_equal(outputs, expected)
    np.testing.assert_array_equal(maps.ravel(), expected)
    np.testing.assert_array_equal(vectors.ravel(), -expected)
    assert maps.shape[1:] == (1, 1)


def test_each_epoch_reads_another_pass():
    rows = rows_of(3)
    numbers = np.arange(COUNT)
    for epoch in range(6):
        outputs, maps, vectors = rows.read(numbers, np.full(COUNT, epoch))
        expected = 100 * ((epoch + numbers) % 3) + numbers
        np.testing.assert_array_equal(outputs, numbers)
        np.testing.assert_array_equal(maps.ravel(), expected)
        np.testing.assert_array_equal(vectors.ravel(), -expected)
