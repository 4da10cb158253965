"""Compare a frozen graph with the same network frozen without folding.

    python -m benchmarks.frozen_graph
    python -m benchmarks.frozen_graph --networks=mobilenet_v1 --batch_sizes=1,8 --processor_time

The weights are random: they do not change the speed unless they are zero or one, which TensorFlow
optimizes away. The variants take turns within each round, so other programs slow all of them
equally; times are medians. While other programs run, use --processor_time, which measures the CPU
time of one thread.
"""

import argparse
import os
import statistics
import tempfile
import time

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import numpy as np
import tensorflow.compat.v1 as tf

from benchmarks.support import models
from deployment import precision
from serving.export import completion

NETWORKS = ('mobilenet_v1', 'resnet_v1_50', 'inception_v4')
VARIANTS = ('unfolded', 'unfolded bfloat16', 'folded', 'folded bfloat16')
GOALS = {'folded': {'mobilenet_v1': 1.15}, 'folded bfloat16': dict.fromkeys(NETWORKS, 1.5)}


def main():
    """Measure each network at each batch size, and print ratios to the unfolded graph."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--networks', default=','.join(NETWORKS))
    parser.add_argument('--batch_sizes', default='1,8')
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--processor_time', action='store_true')
    options = parser.parse_args()
    clock, threads = (time.process_time, 1) if options.processor_time else (time.perf_counter, 0)
    has_bfloat16 = precision.choose(has_gpu=False) == 'bfloat16'
    print(f'{os.cpu_count()} cores, bfloat16: {"yes" if has_bfloat16 else "no"}')
    print('network | batch | unfolded ms | ' + ' | '.join(VARIANTS[1:]))
    for name in options.networks.split(','):
        info = models.describe(name)
        graphs = frozen_graphs(info)
        for batch in map(int, options.batch_sizes.split(',')):
            times = measure(info, graphs, batch, options.rounds, has_bfloat16, clock, threads)
            print_row(name, batch, times)


def frozen_graphs(info):
    """Return (GraphDef from TensorFlow's conversion, GraphDef from this project)."""
    with tempfile.TemporaryDirectory() as folder:
        path, unfolded = models.write_checkpoint(folder, info)
        return unfolded, completion.from_checkpoint(info, path)[0].graph_def


def measure(info, graphs, batch, rounds, has_bfloat16, clock, threads):
    """Return {variant: median seconds of a run}."""
    shape = [batch, info.image_size, info.image_size, info.channels]
    images = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    calls = {}
    for variant in VARIANTS:
        kind = 'bfloat16' if variant.endswith('bfloat16') else None
        if kind is None or has_bfloat16:
            calls[variant] = callable_of(graphs[variant.startswith('folded')], kind, threads)
    for call in calls.values():
        call(images)
        call(images)
    times = {variant: [] for variant in calls}
    for _ in range(rounds):
        for variant, call in calls.items():
            start = clock()
            call(images)
            times[variant].append(clock() - start)
    return {variant: statistics.median(found) for variant, found in times.items()}


def callable_of(graph_def, kind, threads):
    """Return a function from images to probabilities, with its own session."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name='')
        config = precision.rewrite(tf.ConfigProto(), kind)
        config.intra_op_parallelism_threads = config.inter_op_parallelism_threads = threads
        session = tf.Session(graph=graph, config=config)
        return session.make_callable('probabilities:0', ['input:0'])


def print_row(name, batch, times):
    """Print one line of the table, and mark a ratio that misses its goal."""
    cells = [f'{times["unfolded"] * 1e3:.1f}']
    for variant in VARIANTS[1:]:
        if variant not in times:
            cells.append('-')
            continue
        ratio = times['unfolded'] / times[variant]
        goal = GOALS.get(variant, {}).get(name)
        mark = '' if goal is None else (f' (goal {goal})' if ratio >= goal else f' MISSES {goal}')
        cells.append(f'{ratio:.2f}{mark}')
    print(f'{name} | {batch} | ' + ' | '.join(cells), flush=True)


if __name__ == '__main__':
    main()
