"""Compare the engines with a bare ONNX Runtime session: pictures per second at 1 and 8 callers.

    python -m benchmarks.engines
    python -m benchmarks.engines --networks=resnet_v1_50 --rounds=5

The bare session has its default options and gets prepared arrays. Our engines get JPEG files of
640x427 pixels, which pass the gate, are decoded, prepared and queued. Each program is a process of
its own; they take turns, so other programs slow all of them equally. Figures are medians.
"""

import argparse
import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

PROGRAMS = ('bare', 'onnx', 'tensorflow')
_GOALS = {  # (program it is compared with, network, callers): the least ratio.
    ('bare', 'inception_v4', 1): 0.9,
    ('bare', 'inception_v4', 8): 0.9,
    ('bare', 'resnet_v1_50', 1): 0.9,
    ('bare', 'resnet_v1_50', 8): 0.9,
    ('bare', 'mobilenet_v1', 1): 0.7,
    ('bare', 'mobilenet_v1', 8): 0.8,
    ('tensorflow', 'mobilenet_v1', 1): 1.5,
    ('tensorflow', 'resnet_v1_50', 1): 1.2,
}
_PICTURES = 8


def write_model(folder, network):
    """Write a network with random weights: X.pb, X.json and X.onnx; return the path of X.pb."""
    from benchmarks import frozen_graph
    from classifiers.model_request import ModelRequest
    from classifiers.resolve import resolve
    from common import imagenet
    from serving.export import freeze, onnx_model

    info = resolve(ModelRequest(network), dataset_classes=imagenet.NUM_LABELS)[0]
    names = ('image_bytes', 'input', 'logits', 'probabilities')
    info = info.replace(nodes={name: name for name in names})
    graph_def = frozen_graph.frozen_graphs(info)[1]
    path = os.path.join(folder, f'{network}.pb')
    model = onnx_model.convert(onnx_model.PixelGraph.of(graph_def, info))
    freeze.write(path, graph_def, info, onnx={'float32': model})
    return path


def draw_pictures():
    """Return the JPEG files."""
    import numpy as np

    from benchmarks.convert import draw_photograph

    generator = np.random.default_rng(0)
    return [draw_photograph(generator, 640, 427) for _ in range(_PICTURES)]


def answer(program, path):
    """For each line `CALLERS SECONDS` on standard input, print the pictures per second."""
    call = _bare(path) if program == 'bare' else _predictor(path, program)
    print('ready', flush=True)
    for line in sys.stdin:
        callers, seconds = line.split()
        print(_rate(call, int(callers), float(seconds)), flush=True)


def _bare(path):
    """Return a function that runs ONNX Runtime on an array."""
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(path.replace('.pb', '.onnx'))
    (fed,) = session.get_inputs()
    image = np.random.default_rng(0).normal(size=[1, *fed.shape[1:]]).astype(np.float32)
    return lambda number: session.run(['probabilities:0'], {fed.name: image})


def _predictor(path, engine):
    """Return a function that classifies a picture with our predictor."""
    from pictures import gate
    from pictures.decode import LibraryDecoder
    from serving.model.model_options import ModelOptions, PredictorOptions
    from serving.model.predictor import Predictor

    options = PredictorOptions(engine=engine, max_queue=None)
    predictor = Predictor(ModelOptions(path), options, report=lambda line: None)
    pictures, decoder = draw_pictures(), LibraryDecoder()

    def classify(number):
        data = pictures[number % len(pictures)]
        image = gate.normalise(data, decoder, verify=not predictor.refuses_damaged)
        predictor.predict([image.data])

    return classify


def _rate(call, callers, seconds):
    """Return how many calls end per second."""
    until = time.perf_counter() + seconds
    numbers = itertools.count()
    done = []

    def work():
        while time.perf_counter() < until:
            call(next(numbers))
            done.append(1)

    threads = [threading.Thread(target=work) for _ in range(callers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done) / (time.perf_counter() - began)


class _Process:
    """A program that measures itself on request."""

    def __init__(self, program, path):
        call = f'from benchmarks import engines; engines.answer({program!r}, {path!r})'
        self._running = subprocess.Popen(
            [sys.executable, '-c', call],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._running.stdout.readline() != 'ready\n':
            raise SystemExit(f'{program}: did not start')

    def rate(self, callers, seconds):
        """Return the pictures per second."""
        self._running.stdin.write(f'{callers} {seconds}\n')
        self._running.stdin.flush()
        return float(self._running.stdout.readline())

    def resident_mb(self):
        """Return the resident memory of the process."""
        with open(f'/proc/{self._running.pid}/status', encoding='ascii') as stream:
            line = next(line for line in stream if line.startswith('VmRSS'))
        return int(line.split()[1]) / 1024

    def close(self):
        """End the process."""
        self._running.stdin.close()
        self._running.wait()


def compare(network, path, options):
    """Measure the programs in turns, and print a line for each number of callers."""
    with contextlib.ExitStack() as stack:
        programs = {}
        for program in options.programs.split(','):
            programs[program] = _Process(program, path)
            stack.callback(programs[program].close)
        for callers in map(int, options.callers.split(',')):
            rates = {program: [] for program in programs}
            for _ in range(options.rounds):
                for program, process in programs.items():
                    rates[program].append(process.rate(callers, options.seconds))
            medians = {program: statistics.median(found) for program, found in rates.items()}
            print(
                ' | '.join([network, str(callers), *_cells(network, callers, medians)]), flush=True
            )
        memory = (f'{name} {process.resident_mb():.0f} MB' for name, process in programs.items())
        print(f'{network}, resident: {", ".join(memory)}', flush=True)


def _cells(network, callers, medians):
    yield from (f'{medians[name]:.1f}' for name in medians)
    for other in ('bare', 'tensorflow'):
        if other in medians and 'onnx' in medians:
            ratio, goal = medians['onnx'] / medians[other], _GOALS.get((other, network, callers))
            mark = '' if goal is None else f' (goal {goal})' if ratio >= goal else f' MISSES {goal}'
            yield f'{ratio:.2f}{mark}'


def main():
    """Measure each network, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--networks', default='mobilenet_v1,resnet_v1_50,inception_v4')
    parser.add_argument('--programs', default=','.join(PROGRAMS))
    parser.add_argument('--callers', default='1,8')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=3.0)
    parser.add_argument('--folder', help='Keep the models here, or use those that are here.')
    options = parser.parse_args()
    print(f'{os.cpu_count()} cores')
    columns = ['network', 'callers', *options.programs.split(','), 'onnx/bare', 'onnx/tensorflow']
    print(' | '.join(columns))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or temporary
        for network in options.networks.split(','):
            path = os.path.join(folder, f'{network}.pb')
            if not os.path.exists(path):
                write_model(folder, network)
            compare(network, path, options)


if __name__ == '__main__':
    main()
