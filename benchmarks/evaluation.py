"""Measure evaluation in pictures per second, and compare it with the network alone.

    python -m benchmarks.evaluation
    python -m benchmarks.evaluation --networks=mobilenet_v1 --pictures=2000

The network alone computes the logits of a batch in memory. An evaluation also reads and decodes the
records, counts, and writes predictions.csv. Decoding alone is measured too, on all cores; `both` is
the rate of network and decoding one after the other. The variants take turns, and the table has the
median of the rounds, so other programs slow all variants equally. The last column does not need an
idle machine: it is the CPU time of network and decoding divided by that of the evaluation.
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time

_NETWORKS = 'inception_v4,inception_v3,resnet_v1_50,mobilenet_v1'
_CLASSES = tuple('abcde')


def describe(model_name):
    """Return the ModelInfo of a network for the drawn pictures."""
    from classifiers import resolve
    from classifiers.model_request import ModelRequest

    labels = dict(enumerate(_CLASSES))
    info, _ = resolve.resolve(
        ModelRequest(model_name), dataset_classes=len(labels), dataset_labels=labels
    )
    return info


def write_checkpoint(info, directory):
    """Write a checkpoint of untrained weights, and return its path."""
    import tensorflow.compat.v1 as tf

    from classifiers import build

    with tf.Graph().as_default(), tf.Session() as session:
        shape = [1, info.image_size, info.image_size, info.channels]
        build.build_network(info, tf.zeros(shape))
        session.run(tf.global_variables_initializer())
        path = os.path.join(directory, f'{info.model_name}.ckpt')
        return tf.train.Saver().save(session, path, write_meta_graph=False)


@contextlib.contextmanager
def bare_network(info, batch_size, checkpoint):
    """Yield a function that computes the logits of about `count` pictures, and counts them."""
    import tensorflow.compat.v1 as tf

    from classifiers import build

    with tf.Graph().as_default(), tf.Session() as session:
        shape = [batch_size, info.image_size, info.image_size, info.channels]
        # A variable, because TensorFlow computes results of constants only once.
        images = tf.Variable(tf.random.uniform(shape, -1, 1), trainable=False)
        network = build.build_network(info, images.read_value())
        session.run(tf.global_variables_initializer())
        tf.train.Saver(network.variables).restore(session, checkpoint)
        compute = session.make_callable(network.logits)

        def run(count):
            batches = max(1, round(count / batch_size))
            for _ in range(batches):
                compute()
            return batches * batch_size

        yield run


@contextlib.contextmanager
def whole_evaluation(info, dataset, batch_size, checkpoint, directory):
    """Yield a function that evaluates all pictures and returns their number."""
    from training.evaluation import predictions
    from training.evaluation.evaluation_options import EvaluationOptions
    from training.evaluation.evaluator import Evaluator

    threads = EvaluationOptions.num_preprocessing_threads
    with Evaluator(info, dataset, batch_size, num_threads=threads) as evaluator:
        evaluator.restore(checkpoint)

        def run(_):
            mistakes = predictions.WorstMistakes()
            path = os.path.join(directory, 'predictions.csv')
            with predictions.table(path, _CLASSES, 0) as write:

                def on_batch(batch):
                    write(batch)
                    mistakes.add(batch)

                return evaluator.count(on_batch).count

        yield run


@contextlib.contextmanager
def decoding(info, dataset, batch_size):
    """Yield a function that prepares all pictures and returns their number."""
    import tensorflow.compat.v1 as tf

    from datasets.records import pipelines
    from preprocessing import preprocessing_factory
    from training.evaluation.evaluation_options import EvaluationOptions

    recipe = preprocessing_factory.get_preprocessing(
        info.preprocessing_name, height=info.image_size, width=info.image_size
    )
    with tf.Graph().as_default(), tf.Session() as session:
        threads = EvaluationOptions.num_preprocessing_threads
        pipeline = pipelines.evaluation_batches(dataset, recipe, batch_size, num_threads=threads)
        iterator = tf.data.make_initializable_iterator(pipeline)
        images, *_ = iterator.get_next()
        following = session.make_callable(tf.shape(images))

        def run(_):
            session.run(iterator.initializer)
            done = 0
            while done < dataset.num_samples:
                done += int(following()[0])
            return done

        yield run


def measure(model_name, dataset, batch_size, rounds, directory):
    """Return the median rates of network, decoding and evaluation, by wall time and by CPU time."""
    info = describe(model_name)
    checkpoint = write_checkpoint(info, directory)
    with contextlib.ExitStack() as stack:
        ways = [
            stack.enter_context(way)
            for way in (
                bare_network(info, batch_size, checkpoint),
                decoding(info, dataset, batch_size),
                whole_evaluation(info, dataset, batch_size, checkpoint, directory),
            )
        ]
        return medians(ways, batch_size, dataset.num_samples, rounds)


def medians(ways, batch_size, count, rounds):
    """Return the median rates of functions by wall time and by CPU time; they take turns."""
    for run in ways:
        run(batch_size)
    found = [[rates(run, count) for run in ways] for _ in range(rounds)]
    return [
        [statistics.median(turn[way][clock] for turn in found) for way in range(len(ways))]
        for clock in range(2)
    ]


def rates(run, count):
    """Return the pictures per second, and per second of CPU time."""
    start, processor_start = time.perf_counter(), time.process_time()
    done = run(count)
    return done / (time.perf_counter() - start), done / (time.process_time() - processor_start)


def row(name, times, processor_times):
    """Return a row of the table."""
    network, decoded, whole = times
    both = together(network, decoded)
    work = processor_times[2] / together(*processor_times[:2])
    return (
        f'| {name} | {network:.1f} | {decoded:.0f} | {both:.1f} | {whole:.1f} | '
        f'{whole / network:.3f} | {whole / both:.3f} | {work:.3f} |'
    )


def together(*by_second):
    """Return the rate of several tasks that run one after the other."""
    return 1 / sum(1 / rate for rate in by_second)


def main():
    """Read the flags, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--networks', default=_NETWORKS)
    parser.add_argument('--pictures', type=int, default=320)
    parser.add_argument('--batch_size', type=int, default=32)
    parser.add_argument('--rounds', type=int, default=3)
    arguments = parser.parse_args()
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    from benchmarks import input_pipeline

    with tempfile.TemporaryDirectory() as directory:
        dataset, _ = input_pipeline.write_records(directory, arguments.pictures)
        print(
            f'{arguments.pictures:,} pictures, batch {arguments.batch_size}, '
            f'{os.cpu_count()} processors, median of {arguments.rounds} rounds; pictures/s\n'
        )
        print(
            '| | network | decoding | both | evaluation | of network | of both | processor time |'
        )
        print('|---|---|---|---|---|---|---|---|', flush=True)
        for name in arguments.networks.split(','):
            found = measure(name, dataset, arguments.batch_size, arguments.rounds, directory)
            print(row(name, *found), flush=True)


if __name__ == '__main__':
    main()
