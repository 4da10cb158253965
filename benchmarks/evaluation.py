"""Measure how many pictures a second an evaluation gets through, beside its bare network.

    python -m benchmarks.evaluation
    python -m benchmarks.evaluation --networks=mobilenet_v1 --pictures=2000

The bare network computes the logits of a batch that lies in memory. An evaluation also reads and
decodes the records, counts, and writes predictions.csv. What decoding alone delivers, on all
processors, is measured too: one after the other, network and decoding would allow `both`. The ways
take turns and the median of the rounds counts: other programs then slow all of them alike.
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

    labels = dict(enumerate(_CLASSES))
    info, _ = resolve.resolve(
        model_name=model_name, dataset_classes=len(labels), dataset_labels=labels
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
    """Yield a function that computes `count` pictures' logits and returns pictures a second."""
    import tensorflow.compat.v1 as tf

    from classifiers import build

    with tf.Graph().as_default(), tf.Session() as session:
        shape = [batch_size, info.image_size, info.image_size, info.channels]
        # A variable: what is computed from a constant is computed only once.
        images = tf.Variable(tf.random.uniform(shape, -1, 1), trainable=False)
        network = build.build_network(info, images.read_value())
        session.run(tf.global_variables_initializer())
        tf.train.Saver(network.variables).restore(session, checkpoint)
        compute = session.make_callable(network.logits)

        def run(count):
            batches = max(1, round(count / batch_size))
            start = time.perf_counter()
            for _ in range(batches):
                compute()
            return batches * batch_size / (time.perf_counter() - start)

        yield run


@contextlib.contextmanager
def whole_evaluation(info, dataset, batch_size, checkpoint, directory):
    """Yield a function that evaluates all pictures and returns pictures a second."""
    from training import predictions
    from training.evaluate import Evaluator

    with Evaluator(info, dataset, batch_size) as evaluator:
        evaluator.restore(checkpoint)

        def run(count):
            mistakes = predictions.WorstMistakes()
            start = time.perf_counter()
            path = os.path.join(directory, 'predictions.csv')
            with predictions.table(path, _CLASSES, 0) as write:

                def on_batch(batch):
                    write(batch)
                    mistakes.add(batch)

                evaluator.count(on_batch)
            return dataset.num_samples / (time.perf_counter() - start)

        yield run


@contextlib.contextmanager
def decoding(info, dataset, batch_size):
    """Yield a function that prepares all pictures and returns pictures a second."""
    import tensorflow.compat.v1 as tf

    from preprocessing import preprocessing_factory
    from training import inputs

    recipe = preprocessing_factory.get_preprocessing(
        info.preprocessing_name, height=info.image_size, width=info.image_size
    )
    with tf.Graph().as_default(), tf.Session() as session:
        pipeline = inputs.evaluation_batches(dataset, recipe, batch_size)
        iterator = tf.data.make_initializable_iterator(pipeline)
        images, *_ = iterator.get_next()
        following = session.make_callable(tf.shape(images))

        def run(count):
            session.run(iterator.initializer)
            start = time.perf_counter()
            done = 0
            while done < dataset.num_samples:
                done += int(following()[0])
            return done / (time.perf_counter() - start)

        yield run


def measure(model_name, dataset, batch_size, rounds, directory):
    """Return the median rates (bare network, decoding, whole evaluation) of a network."""
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
        for run in ways[:1]:
            run(batch_size)
        # The first evaluation warms up; then each way has its turn in each round.
        ways[2](0)
        rates = [[run(dataset.num_samples) for run in ways] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*rates, strict=True)]


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
        print('| | network | decoding | both | evaluation | of network | of both |')
        print('|---|---|---|---|---|---|---|', flush=True)
        for name in arguments.networks.split(','):
            network, decoded, whole = measure(
                name, dataset, arguments.batch_size, arguments.rounds, directory
            )
            both = 1 / (1 / network + 1 / decoded)
            print(
                f'| {name} | {network:.1f} | {decoded:.0f} | {both:.1f} | {whole:.1f} | '
                f'{whole / network:.3f} | {whole / both:.3f} |',
                flush=True,
            )


if __name__ == '__main__':
    main()
