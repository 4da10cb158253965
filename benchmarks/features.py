"""Measure the pass that computes features, and compare it with the network alone.

    python -m benchmarks.features
    python -m benchmarks.features --networks=mobilenet_v1 --pictures=2000

Network and pass run in the same session. The network alone computes the features of one batch that
is already prepared, again and again. The pass also hashes the weights, reads and decodes the
records, and writes the features to disk. The columns are those of benchmarks/evaluation.py: small
networks are so fast that decoding takes a part of the processors that counts.
"""

import argparse
import contextlib
import os
import tempfile

from benchmarks import evaluation, input_pipeline

_NETWORKS = 'inception_v4,mobilenet_v1'
_BATCH = 32


@contextlib.contextmanager
def both(info, dataset, checkpoint, directory):
    """Yield two functions that compute features and return the number of pictures."""
    import tensorflow.compat.v1 as tf

    from classifiers import build
    from datasets.records.verified_records import VerifiedRecords
    from heads import features
    from heads.cuts import last_layer
    from heads.picture_source import PictureSource

    with tf.Graph().as_default(), tf.Session() as session:
        source = PictureSource(VerifiedRecords(dataset), info)
        network = build.build_network(info, source.images)
        layer = last_layer(network.logits)
        tf.train.Saver(network.variables).restore(session, checkpoint)
        source.start(session)
        batch = session.run(source.images)
        compute = session.make_callable(layer.input, [source.images])

        def alone(count):
            batches = max(1, round(count / source.batch_size))
            for _ in range(batches):
                compute(batch)
            return batches * source.batch_size

        def whole(_):
            with tempfile.TemporaryDirectory(dir=directory) as features_dir:
                cuts = {layer.name: layer.input}
                return features.compute(session, source, cuts, features_dir).count

        yield alone, whole


def measure(model_name, dataset, rounds, directory):
    """Return the median rates of network, decoding and pass, by wall time and by CPU time."""
    info = evaluation.describe(model_name)
    checkpoint = evaluation.write_checkpoint(info, directory)
    with (
        both(info, dataset, checkpoint, directory) as (alone, whole),
        evaluation.decoding(info, dataset, _BATCH) as decode,
    ):
        ways = alone, decode, whole
        return evaluation.medians(ways, _BATCH, dataset.num_samples, rounds)


def main():
    """Read the flags, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--networks', default=_NETWORKS)
    parser.add_argument('--pictures', type=int, default=320)
    parser.add_argument('--rounds', type=int, default=3)
    arguments = parser.parse_args()
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    with tempfile.TemporaryDirectory() as directory:
        dataset, _ = input_pipeline.write_records(directory, arguments.pictures)
        print(
            f'{arguments.pictures:,} pictures, {os.cpu_count()} processors,'
            f' median of {arguments.rounds} rounds; pictures/s\n'
        )
        print('| | network | decoding | both | pass | of network | of both | processor time |')
        print('|---|---|---|---|---|---|---|---|', flush=True)
        for name in arguments.networks.split(','):
            found = measure(name, dataset, arguments.rounds, directory)
            print(evaluation.row(name, *found), flush=True)


if __name__ == '__main__':
    main()
