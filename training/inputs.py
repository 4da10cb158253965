"""From records to batches: tf.data pipelines for training and for evaluation."""

import numpy as np
import tensorflow.compat.v1 as tf

from common.errors import UserError, reason
from datasets.records import reader
from preprocessing import decoding, randomness

# Records are read and parsed this many at a time: a call costs more than what it does for one.
_BLOCK = 16
_NO_END = np.iinfo(np.int64).max
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
    """Return an endless tf.data pipeline of (images, labels), a pure function of seed and place.

    `records` are the `VerifiedRecords` of a split. `preprocess` is a `Preprocessing` that knows its
    size. With None for a seed, each run has one of its own. `start` is the number of examples that
    this worker has used before, such as `tf.identity(global_step) * batch_size`. Every epoch has
    every example once in an order of its own; of `num_workers`, each gets every so many-th.
    """
    seed = randomness.resolve()[0] if seed is None else tf.constant(seed, tf.int64)
    read_block = _block_reader(records, seed, worker, num_workers)
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


def _block_reader(records, seed, worker, num_workers):
    """Return what reads this worker's examples from a place in its order on."""

    @tf.autograph.experimental.do_not_convert
    def read_block(first):
        places = (first + tf.range(_BLOCK, dtype=tf.int64)) * num_workers + worker
        # The place counts through all epochs: an example is distorted differently in each.
        draws = randomness.draw_range(seed, first * num_workers, _BLOCK * num_workers)
        numbers = _shuffled(places, seed, records.dataset.num_samples)
        encoded, outputs, _ = _read(records, records.replaced, numbers, [_BLOCK])
        return encoded, outputs, places, draws[worker::num_workers]

    return read_block


def require_pictures(records, numbers):
    """Raise a UserError for the first of these records whose picture cannot be decoded.

    What a pipeline says of such a picture does not name it.
    """
    with tf.Graph().as_default(), tf.Session() as session:
        serialized = tf.placeholder(tf.string, [])
        picture = decoding.decode_image(reader.parse(serialized)[0], channels=3)
        for number in numbers:
            if records.skipped is not None and number in records.skipped:
                continue
            record, where = records.named(number)
            try:
                session.run(picture, {serialized: record})
            except tf.errors.InvalidArgumentError as error:
                raise UserError(
                    f'{where} holds no picture that can be decoded ({reason(error)[:160]});'
                    ' convert the data set again'
                ) from None


def _read(records, read, numbers, shape):
    """Return (encoded pictures, outputs, file names) of the records that `read` returns."""
    serialized, numbers = tf.numpy_function(read, [numbers], (tf.string, tf.int64))
    encoded, labels, names = reader.parse(tf.ensure_shape(serialized, shape))
    outputs = labels - records.labels_offset
    # Python is asked for the message alone: a call for each block would cost more than the reading.
    outputs = tf.cond(
        tf.reduce_all((outputs >= 0) & (outputs < records.num_classes)),
        lambda: outputs,
        lambda: tf.numpy_function(records.outputs_of, [labels, numbers], tf.int64),
    )
    return encoded, tf.ensure_shape(outputs, shape), names


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


def evaluation_batches(
    dataset, preprocess, batch_size, *, labels_offset=0, records=None, num_threads=1
):
    """Return a tf.data pipeline of (images, labels, file names): each example once, in file order.

    The last batch may be smaller than the others. With `records`, `VerifiedRecords` that skip
    damaged ones, those are left out.
    """

    @tf.autograph.experimental.do_not_convert
    def prepare(encoded, label, name):
        return preprocess.from_bytes(encoded), label, name

    blocks = _intact_blocks(records) if records else _blocks(dataset, labels_offset)
    pipeline = (
        blocks.unbatch().map(prepare, num_parallel_calls=num_threads).batch(batch_size).prefetch(2)
    )
    return pipeline.with_options(_options(num_threads))


def _blocks(dataset, labels_offset):
    """Read a split with TensorFlow's own reader, which a server elsewhere has too."""

    @tf.autograph.experimental.do_not_convert
    def parse(serialized):
        encoded, labels, names = reader.parse(serialized)
        return encoded, labels - labels_offset, names

    return tf.data.TFRecordDataset(dataset.data_sources).batch(_BLOCK).map(parse)


def _intact_blocks(records):
    @tf.autograph.experimental.do_not_convert
    def read_block(numbers):
        return _read(records, records.intact, numbers, [None])

    numbers = tf.data.Dataset.range(records.dataset.num_samples).batch(_BLOCK)
    return numbers.map(read_block, num_parallel_calls=2)


def _options(num_threads):
    options = tf.data.Options()
    options.deterministic = True
    # Pictures are prepared side by side; a sum that several threads share is not reproducible.
    options.threading.max_intra_op_parallelism = 1
    options.threading.private_threadpool_size = max(num_threads, 2)
    # Nothing is left to tune, and an iterator would not end before its tuner wakes: up to a minute.
    options.autotune.enabled = False
    return options
