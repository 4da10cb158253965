"""Compare a model that has limits with the same model without: time of a picture, size of the file.

    python -m benchmarks.limits
    python -m benchmarks.limits --networks=mobilenet_v1 --processor_time

Both models are in one process, and take turns: each round runs both, in changing order. They are
loaded several times, because the place of a model in memory changes its speed by 1%. The ratios are
means of the medians. "a picture" is a JPEG file of 640x427 pixels, decoded and prepared as in the
engines; "pixels" is the network alone. While other programs run, use --processor_time, which
measures the CPU time of one thread. The weights and the limits are random, with 10 classes. The
limits have the most terms that calibration chooses; --candidate takes others (see
heads/limits/candidates.py).
"""

import argparse
import os
import tempfile
import time

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import numpy as np
import onnxruntime
import tensorflow.compat.v1 as tf

from benchmarks.support import limits, models, pictures, tables
from classifiers.model_request import ModelRequest
from classifiers.resolve import resolve
from classifiers.verdicts import KINDS
from pictures import decode
from preprocessing import arrays, recipe_names
from serving.export import completion, limits_outputs
from serving.export.onnx import onnx_files, onnx_model

NETWORKS = ('mobilenet_v1', 'inception_v4')
_CLASSES, _WIDTH, _HEIGHT = 10, 640, 427
_GOALS = {'mobilenet_v1': 1.03, 'inception_v4': 1.01}  # Of the ratio of the times.
_MOST_MB = 2.0
_WARM_UP = 5


def main():
    """Measure each network with each engine, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--networks', default=','.join(NETWORKS))
    parser.add_argument('--candidate', type=int, default=0)
    parser.add_argument('--loads', type=int, default=4)
    parser.add_argument('--rounds', type=int, default=60)
    parser.add_argument('--processor_time', action='store_true')
    options = parser.parse_args()
    picture = pictures.draw_photograph(np.random.default_rng(0), _WIDTH, _HEIGHT)
    rows = []
    for network in options.networks.split(','):
        info = resolve(ModelRequest(network), dataset_classes=_CLASSES)[0]
        pair = graphs(info, options.candidate)
        for engine, files, load in (
            ('TensorFlow', [graph_def for graph_def, _ in pair], in_tensorflow),
            ('ONNX Runtime', [onnx(*each) for each in pair], in_onnx),
        ):
            sizes = [len(each) if isinstance(each, bytes) else each.ByteSize() for each in files]
            models_of_pair = [(file, info) for file, (_, info) in zip(files, pair, strict=True)]
            for fed, data in (('a picture', picture), ('pixels', pixels(info, picture))):
                times = measure(load, models_of_pair, data, options)
                rows.append([network, engine, fed, *cells(network, *times, *sizes)])
    header = ['network', 'engine', 'of', 'without, ms', 'with, ms', 'ratio', 'growth, MB']
    tables.show(header, rows)


def cells(network, without, ratio, size, larger):
    """Return the cells of a row behind its name."""
    return [
        *(1e3 * without, 1e3 * without * ratio),
        tables.with_goal(ratio, at_most=_GOALS.get(network)),
        tables.with_goal((larger - size) / 1e6, at_most=_MOST_MB),
    ]


def graphs(info, candidate):
    """Return [(frozen GraphDef, ModelInfo)] without and with limits."""
    found = limits_outputs.Found(limits.random_limits(info, candidate), 'limits.json')
    with tempfile.TemporaryDirectory() as folder:
        path, _ = models.write_checkpoint(folder, info)
        frozen, info, _ = completion.from_checkpoint(info, path)
    return [
        (frozen.graph_def, info),
        limits_outputs.append(found, frozen.graph_def, frozen.graph_def, info),
    ]


def onnx(graph_def, info):
    """Return the bytes of the ONNX file of a graph."""
    kinds = [kind for kind in onnx_files.KINDS if kind in info.nodes]
    return onnx_model.convert(onnx_model.PixelGraph.of(graph_def, info, kinds))


def pixels(info, picture):
    """Return the network's input for a picture, as the engine of ONNX Runtime makes it."""
    image = np.empty((1, info.image_size, info.image_size, info.channels), np.float32)
    recipe = recipe_names.recipe_of(info.preprocessing_name)
    found = decode.pixels(picture, info.channels)
    arrays.prepare(found, recipe, info.image_size, info.image_size, out=image[0])
    return image


def in_tensorflow(graph_def, info, of_pixels, threads):
    """Return a function from a picture, or from pixels, to outputs."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name='')
        config = tf.ConfigProto(
            intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
        )
        session = tf.Session(graph=graph, config=config)
        run = session.make_callable(
            _fetched(info), [info.tensor('input' if of_pixels else 'image_bytes')]
        )
    return run if of_pixels else lambda picture: run([picture])


def in_onnx(model, info, of_pixels, threads):
    """Return a function from a picture, or from pixels, to outputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session, fetched = onnxruntime.InferenceSession(model, options), _fetched(info)

    def run(data):
        image = data if of_pixels else pixels(info, data)
        return session.run(fetched, {info.tensor('input'): image})

    return run


def _fetched(info):
    return [info.tensor(kind) for kind in ('probabilities', *KINDS) if kind in info.nodes]


def measure(load, pair, data, options):
    """Return (seconds of a run without limits, ratio of those with limits)."""
    clock, threads = (time.process_time, 1) if options.processor_time else (time.perf_counter, 0)
    of_pixels, seconds, ratios = not isinstance(data, bytes), [], []
    for _ in range(options.loads):
        calls = [load(file, info, of_pixels, threads) for file, info in pair]
        times = [], []
        for number in range(_WARM_UP + options.rounds):
            for place in (0, 1) if number % 2 else (1, 0):
                start = clock()
                calls[place](data)
                times[place].append(clock() - start)
        without, longer = (np.array(each[_WARM_UP:]) for each in times)
        seconds.append(np.median(without))
        ratios.append(np.median(longer / without))
    return float(np.mean(seconds)), float(np.mean(ratios))


if __name__ == '__main__':
    main()
