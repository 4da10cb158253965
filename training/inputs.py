"""The tf.data pipeline from records to training batches."""

import numpy as np
import tensorflow.compat.v1 as tf

from datasets.records import pipelines
from datasets.records.pipelines import BLOCK
from preprocessing.operations import randomness

NO_END = np.iinfo(np.int64).max
_SHUFFLE_ROUNDS = 4


def training_batches(
    records,
    preprocess,
    batch_size,
    seed,
    start=0,
    *,
    worker=0,
    num_workers=1,
    num_threads=1,
):
    """Return an endless pipeline of (images, labels) that depends only on seed and position.

    `records` are the `VerifiedRecords` of a split. `preprocess` is a `Preprocessing` with a size.
    If the seed is None, each run uses another one. `start` is the number of examples that this
    worker has already used, such as `tf.identity(global_step) * batch_size`. Every epoch contains
    every example once in a different order; the examples are distributed over `num_workers` in
    turn.
    """
    seed = seed_tensor(seed)
    read_block = _block_reader(records, seed, worker, num_workers)
    firsts = tf.data.Dataset.range(tf.cast(start, tf.int64), NO_END, BLOCK)
    pipeline = (
        firsts.map(read_block, num_parallel_calls=2)
        .unbatch()
        .map(pipelines.starter(preprocess, seed), num_parallel_calls=num_threads)
        .batch(batch_size, drop_remainder=True)
        .map(pipelines.finisher(preprocess))
        .prefetch(2)
    )
    return pipeline.with_options(pipelines.options(num_threads))


def _block_reader(records, seed, worker, num_workers):
    """Return a function that reads this worker's examples from a position in its order."""

    @tf.autograph.experimental.do_not_convert
    def read_block(first):
        places = (first + tf.range(BLOCK, dtype=tf.int64)) * num_workers + worker
        # Positions continue over all epochs, so an example is distorted differently in each.
        draws = randomness.draw_range(seed, first * num_workers, BLOCK * num_workers)
        numbers = record_numbers(places, seed, records.dataset.num_samples)
        encoded, outputs, *_ = pipelines.read_examples(records, records.replaced, numbers, [BLOCK])
        return encoded, outputs, places, draws[worker::num_workers]

    return read_block


def seed_tensor(seed):
    """Return the seed as a tensor; None gives another one in each run."""
    return randomness.resolve()[0] if seed is None else tf.constant(seed, tf.int64)


def record_numbers(places, seed, count):
    """Map positions, counted over all epochs, to record numbers in the order of the epoch."""
    epochs = places // count
    seeds = tf.stack([tf.fill(places.shape, seed), epochs, tf.zeros_like(epochs)], axis=1)
    return tf.raw_ops.RandomIndexShuffle(
        index=places % count,
        seed=seeds,
        max_index=tf.constant(count - 1, tf.int64),
        rounds=_SHUFFLE_ROUNDS,
    )
