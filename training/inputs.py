"""From records to batches: tf.data pipelines for training and for evaluation."""

import numpy as np
import tensorflow.compat.v1 as tf

from datasets import random_access, tfrecord_dataset
from preprocessing import randomness

# Records are read and parsed this many at a time: a call costs more than what it does for one.
_BLOCK = 16
_NO_END = np.iinfo(np.int64).max
_SHUFFLE_ROUNDS = 4


def training_batches(
    dataset,
    preprocess,
    batch_size,
    seed,
    start=0,
    *,
    labels_offset=0,
    worker=0,
    num_workers=1,
    num_threads=4,
):
    """Return an endless tf.data pipeline of (images, labels), a pure function of seed and place.

    `preprocess` is a `Preprocessing` that knows its size. With None for a seed, each run has one of
    its own. `start` is the number of examples that this worker has used before, such as
    `tf.identity(global_step) * batch_size`. Every epoch has every example once in an order of its
    own; of `num_workers`, each gets every so many-th.
    """
    seed = randomness.resolve()[0] if seed is None else tf.constant(seed, tf.int64)
    read_block = _block_reader(dataset, seed, labels_offset, worker, num_workers)
    firsts = tf.data.Dataset.range(tf.cast(start, tf.int64), _NO_END, _BLOCK)
    pipeline = (
        firsts.map(read_block, num_parallel_calls=2)
        .unbatch()
        .map(_starter(preprocess, seed), num_parallel_calls=num_threads)
        .batch(batch_size, drop_remainder=True)
        .map(_finisher(preprocess))
        .prefetch(2)
    )
    return pipeline.with_options(_options(num_threads))


def _block_reader(dataset, seed, labels_offset, worker, num_workers):
    """Return what reads this worker's examples from a place in its order on."""
    read = random_access.RandomAccess(dataset.shards)

    @tf.autograph.experimental.do_not_convert
    def read_block(first):
        places = (first + tf.range(_BLOCK, dtype=tf.int64)) * num_workers + worker
        # The place counts through all epochs: an example is distorted differently in each.
        draws = randomness.draw_range(seed, first * num_workers, _BLOCK * num_workers)
        indices = _shuffled(places, seed, dataset.num_samples)
        records = tf.numpy_function(read, [indices], tf.string)
        encoded, labels, _ = tfrecord_dataset.parse(tf.ensure_shape(records, [_BLOCK]))
        return encoded, labels - labels_offset, places, draws[worker::num_workers]

    return read_block


def _shuffled(places, seed, count):
    """Map places, counted through all epochs, to record numbers in the epoch's order."""
    epochs = places // count
    seeds = tf.stack([tf.fill([_BLOCK], seed), epochs, tf.zeros_like(epochs)], axis=1)
    return tf.raw_ops.RandomIndexShuffle(
        index=places % count,
        seed=seeds,
        max_index=tf.constant(count - 1, tf.int64),
        rounds=_SHUFFLE_ROUNDS,
    )


def _starter(preprocess, seed):
    """Return what decodes an example and begins to prepare it."""

    @tf.autograph.experimental.do_not_convert
    def start_picture(encoded, label, place, draws):
        return preprocess.start(encoded, tf.stack([seed, place]), draws), draws, label

    return start_picture


def _finisher(preprocess):
    """Return what turns a batch of started pictures into images."""
    # Compiled, all arithmetic on a batch is one pass over its memory.
    finish = tf.function(preprocess.finish, jit_compile=preprocess.is_random, autograph=False)

    @tf.autograph.experimental.do_not_convert
    def finish_batch(pictures, draws, labels):
        return finish(pictures, draws), labels

    return finish_batch


def evaluation_batches(dataset, preprocess, batch_size, *, labels_offset=0, num_threads=4):
    """Return a tf.data pipeline of (images, labels, file names): each example once, in file order.

    The last batch may be smaller than the others.
    """

    @tf.autograph.experimental.do_not_convert
    def parse(records):
        encoded, labels, names = tfrecord_dataset.parse(records)
        return encoded, labels - labels_offset, names

    @tf.autograph.experimental.do_not_convert
    def prepare(encoded, label, name):
        return preprocess.from_bytes(encoded), label, name

    pipeline = (
        tf.data.TFRecordDataset(dataset.data_sources)
        .batch(_BLOCK)
        .map(parse)
        .unbatch()
        .map(prepare, num_parallel_calls=num_threads)
        .batch(batch_size)
        .prefetch(2)
    )
    return pipeline.with_options(_options(num_threads))


def _options(num_threads):
    options = tf.data.Options()
    options.deterministic = True
    # Pictures are prepared side by side; a sum that several threads share is not reproducible.
    options.threading.max_intra_op_parallelism = 1
    options.threading.private_threadpool_size = max(num_threads, 2)
    # Nothing is left to tune, and an iterator would not end before its tuner wakes: up to a minute.
    options.autotune.enabled = False
    return options
