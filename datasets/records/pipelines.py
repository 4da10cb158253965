"""The steps of tf.data pipelines from records to batches, and the pipeline of evaluation."""

import tensorflow.compat.v1 as tf

from common.errors import UserError, reason
from datasets.records import record_parser
from preprocessing import decoding

# Read and parse this many records at a time, because a call for each record would be slow.
BLOCK = 16


def evaluation_batches(
    dataset, preprocess, batch_size, *, labels_offset=0, records=None, num_threads=1
):
    """Return a tf.data pipeline of (images, labels, file names): each example once, in file order.

    The last batch may be smaller than the others. With `records` (`VerifiedRecords` that skip
    damaged ones), damaged records are left out.
    """

    @tf.autograph.experimental.do_not_convert
    def prepare(encoded, label, name):
        return preprocess.from_bytes(encoded), label, name

    blocks = _intact_blocks(records) if records else _blocks(dataset, labels_offset)
    pipeline = (
        blocks.unbatch().map(prepare, num_parallel_calls=num_threads).batch(batch_size).prefetch(2)
    )
    return pipeline.with_options(options(num_threads))


def _blocks(dataset, labels_offset):
    """Read a split with TensorFlow's own reader, which also works on a remote server."""

    @tf.autograph.experimental.do_not_convert
    def parse(serialized):
        encoded, labels, names = record_parser.parse(serialized)
        return encoded, labels - labels_offset, names

    return tf.data.TFRecordDataset(dataset.data_sources).batch(BLOCK).map(parse)


def _intact_blocks(records):
    @tf.autograph.experimental.do_not_convert
    def read_block(numbers):
        return read_examples(records, records.intact, numbers, [None])[:3]

    numbers = tf.data.Dataset.range(records.dataset.num_samples).batch(BLOCK)
    return numbers.map(read_block, num_parallel_calls=2)


def starter(preprocess, seed):
    """Return a function that decodes an example and starts its preprocessing."""

    @tf.autograph.experimental.do_not_convert
    def start_picture(encoded, label, place, draws):
        return preprocess.start(encoded, tf.stack([seed, place]), draws), draws, label

    return start_picture


def finisher(preprocess):
    """Return a function that finishes the preprocessing of a batch."""
    # Compiled, all arithmetic on a batch is one pass over the memory.
    finish = tf.function(preprocess.finish, jit_compile=preprocess.is_random, autograph=False)

    @tf.autograph.experimental.do_not_convert
    def finish_batch(pictures, draws, labels):
        return finish(pictures, draws), labels

    return finish_batch


def options(num_threads):
    """Return the options that keep a pipeline in order and reproducible."""
    chosen = tf.data.Options()
    chosen.deterministic = True
    # Pictures are prepared in parallel; a sum over several threads would not be reproducible.
    chosen.threading.max_intra_op_parallelism = 1
    chosen.threading.private_threadpool_size = max(num_threads, 2)
    # Nothing needs tuning, and the autotuner would delay the end of an iterator by up to a minute.
    chosen.autotune.enabled = False
    return chosen


def read_examples(records, read, numbers, shape):
    """Return (pictures, outputs, file names, numbers) of the records that `read` returns."""
    serialized, numbers = tf.numpy_function(read, [numbers], (tf.string, tf.int64))
    encoded, labels, names = record_parser.parse(tf.ensure_shape(serialized, shape))
    outputs = labels - records.labels_offset
    # Python is called only for the error message, because a call for each block would be slow.
    outputs = tf.cond(
        tf.reduce_all((outputs >= 0) & (outputs < records.num_classes)),
        lambda: outputs,
        lambda: tf.numpy_function(records.outputs_of, [labels, numbers], tf.int64),
    )
    return encoded, tf.ensure_shape(outputs, shape), names, tf.ensure_shape(numbers, shape)


def require_pictures(records, numbers):
    """Raise UserError for the first of these records whose picture cannot be decoded.

    The errors of a pipeline do not name the picture.
    """
    with tf.Graph().as_default(), tf.Session() as session:
        serialized = tf.placeholder(tf.string, [])
        picture = decoding.decode_image(record_parser.parse(serialized)[0], channels=3)
        for number in numbers:
            if records.skipped is not None and number in records.skipped:
                continue
            record, where = records.named(number)
            try:
                session.run(picture, {serialized: record})
            except tf.errors.InvalidArgumentError as error:
                raise UserError(
                    f'{where} has no picture that can be decoded ({reason(error)[:160]});'
                    ' convert the data set again'
                ) from None
