"""Measure the input pipelines in pictures per second, and compare them with decoding alone.

    python -m benchmarks.input_pipeline

Decoding alone is a tf.data pipeline that reads and parses the same records, decodes each complete
JPEG with `tf.io.decode_jpeg` on the same number of threads, and returns batches. The variant
"without checksums" is a training pipeline that does not verify its records. The variants take turns
in several rounds of a few seconds, and the table has the median of the rounds, so other programs
slow all variants equally.
"""

import argparse
import os
import statistics
import tempfile
import time

from benchmarks.support import pictures

_BATCH = 32
_WIDTH, _HEIGHT = 400, 300
_DRAWN = 128
_DECODE = 'decode_jpeg alone'
_VERIFIED = 'training, inception, 299'
_UNVERIFIED = f'{_VERIFIED}, without checksums'


def write_records(directory, count):
    """Write a data set of JPEGs, and return it with their mean size in bytes."""
    import numpy as np
    import tensorflow as tf

    from datasets import dataset_factory, dataset_utils

    generator = np.random.default_rng(0)
    drawn = [pictures.draw_photograph(generator, _WIDTH, _HEIGHT) for _ in range(_DRAWN)]
    with tf.io.TFRecordWriter(os.path.join(directory, 'drawn_train-00000-of-00001')) as writer:
        for number in range(count):
            data = drawn[number % _DRAWN]
            example = dataset_utils.image_to_tfexample(data, b'jpeg', _HEIGHT, _WIDTH, number % 5)
            writer.write(example.SerializeToString())
    dataset_utils.write_label_file(dict(enumerate('abcde')), directory)
    mean_size = sum(map(len, drawn)) / _DRAWN
    return dataset_factory.get_dataset('drawn', 'train', directory), mean_size


def decoding_alone(dataset, threads):
    """Return the pipeline to compare the others with."""
    import tensorflow.compat.v1 as tf

    from datasets.records import record_parser

    @tf.autograph.experimental.do_not_convert
    def decode_picture(record):
        return tf.io.decode_jpeg(record_parser.parse(record)[0])

    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = 1
    options.threading.private_threadpool_size = threads
    return (
        tf.data.TFRecordDataset(dataset.data_sources)
        .repeat()
        .map(decode_picture, num_parallel_calls=threads)
        .batch(_BATCH)
        .prefetch(2)
        .with_options(options)
    )


def unverified_records(dataset):
    """Return a reader as in training that does not verify checksums and labels."""
    import numpy as np

    from datasets.records.frames import FOOTER_BYTES, HEADER_BYTES

    (shard,) = dataset.shards
    starts = np.append(shard.offsets, os.path.getsize(shard.path))
    handle = os.open(shard.path, os.O_RDONLY)

    class Unverified:
        def __init__(self):
            self.dataset = dataset
            self.labels_offset, self.num_classes = 0, dataset.num_classes

        def replaced(self, numbers):
            records = np.empty(len(numbers), object)
            for place, number in enumerate(numbers):
                start, end = int(starts[number]), int(starts[number + 1])
                os.pread(handle, HEADER_BYTES, start)
                size = end - start - HEADER_BYTES - FOOTER_BYTES
                records[place] = os.pread(handle, size, start + HEADER_BYTES)
            return records, numbers

        def outputs_of(self, labels, numbers):
            return labels

    return Unverified()


def pipelines(dataset, threads):
    """Return functions that build the pipelines by name."""
    from datasets.records.pipelines import evaluation_batches
    from datasets.records.verified_records import VerifiedRecords
    from preprocessing import preprocessing_factory
    from training import inputs

    def train(name, size, augmentation='slim', records=None):
        records = records or VerifiedRecords(dataset)
        preprocess = preprocessing_factory.get_preprocessing(
            name, True, height=size, width=size, augmentation=augmentation
        )
        return inputs.training_batches(records, preprocess, _BATCH, seed=1, num_threads=threads)

    def evaluate():
        preprocess = preprocessing_factory.get_preprocessing('inception', height=299, width=299)
        pipeline = evaluation_batches(dataset, preprocess, _BATCH, num_threads=threads)
        return pipeline.repeat()

    return {
        _DECODE: lambda: decoding_alone(dataset, threads),
        _VERIFIED: lambda: train('inception', 299),
        _UNVERIFIED: lambda: train('inception', 299, records=unverified_records(dataset)),
        'training, vgg, 224': lambda: train('vgg', 224),
        'training, inception, 299, strong': lambda: train('inception', 299, 'strong'),
        'evaluation, inception, 299': evaluate,
    }


def measure(build, seconds, threads):
    """Return (pictures per second, milliseconds of CPU time per picture) of a pipeline."""
    import tensorflow.compat.v1 as tf

    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=threads)
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        iterator = tf.data.make_initializable_iterator(build())
        following = tf.nest.flatten(iterator.get_next())[0].op
        session.run(iterator.initializer)
        # The first batches include compilation and batches that are prepared in advance.
        for _ in range(10):
            session.run(following)
        batches, used, start = 0, time.process_time(), time.perf_counter()
        while time.perf_counter() < start + seconds:
            session.run(following)
            batches += 1
        passed, used = time.perf_counter() - start, time.process_time() - used
    # Threads of this pipeline may still be working, which would slow the next one.
    time.sleep(0.5)
    return batches * _BATCH / passed, 1000 * used / (batches * _BATCH)


def _is_wanted(name, wanted):
    """Return whether to measure a variant; one without checksums needs its counterpart."""
    return wanted in name or name == _DECODE or (name == _VERIFIED and wanted in _UNVERIFIED)


def compare(rounds, seconds, threads, wanted):
    """Print the table."""
    with tempfile.TemporaryDirectory() as directory:
        dataset, mean_size = write_records(directory, 1024)
        ways = pipelines(dataset, threads)
        figures = {name: [] for name in ways if _is_wanted(name, wanted)}
        for number in range(rounds):
            # Alternate the order, because a variant may slow the next one.
            for name in list(figures)[:: -1 if number % 2 else 1]:
                figures[name].append(measure(ways[name], seconds, threads))
    print(
        f'JPEGs of {_WIDTH}x{_HEIGHT}, {mean_size / 1000:.0f} kB each; {threads} threads,'
        f' {os.cpu_count()} processors; median of {rounds} rounds of {seconds:g} s\n'
    )
    print('| | pictures/s | ratio | CPU ms a picture | ratio |')
    print('|---|---|---|---|---|')
    base = None
    for name, pairs in figures.items():
        rate, cost = (statistics.median(column) for column in zip(*pairs, strict=True))
        base = base or (rate, cost)
        print(
            f'| {name} | {rate:,.0f} | {rate / base[0]:.2f} | {cost:.2f} | {base[1] / cost:.2f} |'
        )
    if _UNVERIFIED in figures:
        _print_cost_of_checksums(figures[_VERIFIED], figures[_UNVERIFIED])


def _print_cost_of_checksums(checked, unchecked):
    rounds = list(zip(checked, unchecked, strict=True))
    rate = statistics.median(one[0] / other[0] for one, other in rounds)
    cost = statistics.median(other[1] / one[1] for one, other in rounds)
    print(
        f'\nWith checksums over without, median of the rounds: pictures/s {rate:.3f},'
        f' pictures for each CPU second {cost:.3f}'
    )


def main():
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--seconds', type=float, default=3.0)
    parser.add_argument('--threads', type=int, default=os.cpu_count())
    parser.add_argument('--only', default='', help='part of the name of the way to measure')
    arguments = parser.parse_args()
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
    compare(arguments.rounds, arguments.seconds, arguments.threads, arguments.only)


if __name__ == '__main__':
    main()
