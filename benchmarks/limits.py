"""Compare a model that has limits with the same model without: time of a picture, size of the file.

    python -m benchmarks.limits
    python -m benchmarks.limits --networks=mobilenet_v1 --measures=mahalanobis,max_logit
    python -m benchmarks.limits --processor_time

Both models are in one process, and take turns: each round runs both, in changing order. The table
has the median of the rounds' ratios. While other programs run, use --processor_time, which measures
the CPU time of one thread. The weights and the limits are random, with 10 classes: limits that read
the features and the two layers before them, the most that calibration chooses.
"""

import argparse
import os
import statistics
import tempfile
import time

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import numpy as np
import onnxruntime
import tensorflow.compat.v1 as tf

from benchmarks.support import limits, models, tables
from classifiers.model_request import ModelRequest
from classifiers.resolve import resolve
from classifiers.verdicts import KINDS
from serving.export import completion, limits_outputs
from serving.export.onnx import onnx_files, onnx_model

NETWORKS = ('mobilenet_v1', 'inception_v4')
_CLASSES = 10
_GOALS = {'mobilenet_v1': 1.03, 'inception_v4': 1.01}  # Of the ratio of the times.
_MOST_MB = 2.0
_WARM_UP = 5


def main():
    """Measure each network with each engine, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--networks', default=','.join(NETWORKS))
    parser.add_argument('--measures', default='mahalanobis')
    parser.add_argument('--rounds', type=int, default=200)
    parser.add_argument('--processor_time', action='store_true')
    options = parser.parse_args()
    clock, threads = (time.process_time, 1) if options.processor_time else (time.perf_counter, 0)
    rows = []
    for network in options.networks.split(','):
        info = resolve(ModelRequest(network), dataset_classes=_CLASSES)[0]
        shape = [1, info.image_size, info.image_size, info.channels]
        images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
        pair = graphs(info, options.measures.split(','))
        for engine, prepare in (('TensorFlow', in_tensorflow), ('ONNX Runtime', in_onnx)):
            (plain, size), (longer, larger) = (prepare(*each, threads) for each in pair)
            times = measure([plain, longer], images, options.rounds, clock)
            ratio = statistics.median(after / before for before, after in times)
            rows.append(
                [
                    *(network, engine),
                    *(1e3 * statistics.median(column) for column in zip(*times, strict=True)),
                    tables.with_goal(ratio, at_most=_GOALS.get(network)),
                    tables.with_goal((larger - size) / 1e6, at_most=_MOST_MB),
                ]
            )
    tables.show(['network', 'engine', 'without, ms', 'with, ms', 'ratio', 'growth, MB'], rows)


def graphs(info, measures):
    """Return [(frozen GraphDef, ModelInfo)] without and with limits."""
    found = limits_outputs.Found(limits.random_limits(info, measures), 'limits.json')
    with tempfile.TemporaryDirectory() as folder:
        path, _ = models.write_checkpoint(folder, info)
        frozen, info, _ = completion.from_checkpoint(info, path)
    return [
        (frozen.graph_def, info),
        limits_outputs.append(found, frozen.graph_def, frozen.graph_def, info),
    ]


def in_tensorflow(graph_def, info, threads):
    """Return (function from images to outputs, size of the file)."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name='')
        config = tf.ConfigProto(
            intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
        )
        session = tf.Session(graph=graph, config=config)
        fetched = [info.tensor(kind) for kind in ('probabilities', *KINDS) if kind in info.nodes]
        return session.make_callable(fetched, [info.tensor('input')]), graph_def.ByteSize()


def in_onnx(graph_def, info, threads):
    """Return (function from images to outputs, size of the file)."""
    kinds = [kind for kind in onnx_files.KINDS if kind in info.nodes]
    model = onnx_model.convert(onnx_model.PixelGraph.of(graph_def, info, kinds))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options)
    fetched = [info.tensor(kind) for kind in ('probabilities', *KINDS) if kind in info.nodes]
    return lambda images: session.run(fetched, {info.tensor('input'): images}), len(model)


def measure(calls, images, rounds, clock):
    """Return the seconds of a run of each function, for each round."""
    for call in calls * _WARM_UP:
        call(images)
    times = []
    for number in range(rounds):
        found = {}
        for place in (0, 1) if number % 2 else (1, 0):
            start = clock()
            calls[place](images)
            found[place] = clock() - start
        times.append((found[0], found[1]))
    return times


if __name__ == '__main__':
    main()
