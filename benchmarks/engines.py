"""Compare the engines in pictures per second, with 1 and with 8 callers.

    python -m benchmarks.engines
    python -m benchmarks.engines --networks=mobilenet_v1 --int8 --folder=/tmp/models

"ours" is the predictor of classify_image.py and server.py. It gets JPEG files of 640x427 pixels,
which pass the gate, are decoded, prepared and queued. The sessions of ONNX Runtime and TensorFlow
have their default options and get an array that is ready. OpenVINO is measured if it is installed.

Each program is a process of its own. They take turns within each round, so other programs slow all
of them equally. The rates are medians of the rounds, and so are the ratios of a round, which the
second table has with their goals. The CPU time of a picture is useful on a machine that is not
idle. With --folder, the models are kept there, or used if they exist: X.pb, X.json, X.onnx, and
X.int8.onnx, which is measured too. Their weights are random.
"""

import argparse
import contextlib
import importlib.util
import os
import statistics
import tempfile

from benchmarks.support import models, pictures, programs, rates, tables
from classifiers import model_info

NETWORKS = ('mobilenet_v1', 'resnet_v1_50', 'inception_v4')
_PICTURES, _WIDTH, _HEIGHT = 8, 640, 427
_OURS, _BARE = 'ours, ONNX Runtime', 'ONNX Runtime alone'
_OURS_INT8, _BARE_INT8 = f'{_OURS}, int8', f'{_BARE}, int8'
_OURS_TENSORFLOW, _BARE_TENSORFLOW = 'ours, TensorFlow', 'TensorFlow alone'
_OPENVINO, _OPENVINO_INT8 = 'OpenVINO alone', 'OpenVINO alone, int8'
# (program, the one it is compared with): {network: {callers: the least ratio}}
_RATIOS = {
    (_OURS, _BARE): {
        'mobilenet_v1': {1: 0.7, 8: 0.8},
        'resnet_v1_50': {1: 0.9, 8: 0.9},
        'inception_v4': {1: 0.9, 8: 0.9},
    },
    (_OURS, _OURS_TENSORFLOW): {
        'mobilenet_v1': {1: 1.5, 8: 1.5},
        'resnet_v1_50': {1: 1.2, 8: 1.2},
    },
    (_OURS_INT8, _OURS): {
        'mobilenet_v1': {1: 1.5, 8: 1.5},
        'resnet_v1_50': {1: 1.5, 8: 1.5},
    },
    (_OURS_INT8, _BARE_INT8): {},
    (_BARE_INT8, _BARE): {},
    (_OURS, _OPENVINO): {},
    (_OURS_TENSORFLOW, _BARE_TENSORFLOW): {},
}


def commands(path, pictures_folder):
    """Return {name of a program: its command} for a model."""
    onnx, int8 = model_info.onnx_path(path), model_info.onnx_path(path, 'int8')

    def ours(engine, precision='float32'):
        return programs.own(rates.our_predictor, path, engine, precision, pictures_folder)

    found = {
        _OURS: ours('onnx'),
        _BARE: programs.own(rates.onnx_session, onnx),
        _OURS_TENSORFLOW: ours('tensorflow'),
        _BARE_TENSORFLOW: programs.own(
            rates.tensorflow_session, path, model_info.read_beside(path).image_size
        ),
    }
    if os.path.exists(int8):
        found[_OURS_INT8] = ours('onnx', 'int8')
        found[_BARE_INT8] = programs.own(rates.onnx_session, int8)
    if importlib.util.find_spec('openvino'):
        found[_OPENVINO] = programs.own(rates.openvino_model, onnx)
        if os.path.exists(int8):
            found[_OPENVINO_INT8] = programs.own(rates.openvino_model, int8)
    return found


def measure(path, options, pictures_folder):
    """Return ({(program, callers): rates of the rounds}, the same of CPU ms, {program: MB})."""
    found, worked, memory = {}, {}, {}
    with contextlib.ExitStack() as stack:
        running = {
            name: stack.enter_context(programs.running(*command))
            for name, command in commands(path, pictures_folder).items()
            if options.only in name
        }
        for _ in range(options.rounds):
            for callers in options.callers:
                for name, program in running.items():
                    rate, milliseconds = program.ask(f'{callers} {options.seconds}').split()
                    found.setdefault((name, callers), []).append(float(rate))
                    worked.setdefault((name, callers), []).append(float(milliseconds))
        for name, program in running.items():
            memory[name] = program.resident_mb()
    return found, worked, memory


def rows(network, options, found, worked, memory):
    """Yield the rows of the first table: rates, CPU time and memory."""
    for name in memory:
        medians = [
            statistics.median(values[name, callers])
            for values in (found, worked)
            for callers in options.callers
        ]
        yield [network, name, *medians, memory[name]]


def ratio_rows(network, options, found):
    """Yield the rows of the second table: ratios with their goals."""
    for (name, other), goals in _RATIOS.items():
        cells = []
        for callers in options.callers:
            pair = found.get((name, callers), ()), found.get((other, callers), ())
            quotients = [mine / base for mine, base in zip(*pair, strict=False)]
            goal = goals.get(network, {}).get(callers)
            if quotients:
                cells.append(tables.with_goal(statistics.median(quotients), at_least=goal))
        if cells:
            yield [network, f'{name} / {other}', *cells]


def compare(options, folder):
    """Measure each network, and print both tables."""
    drawn = os.path.join(folder, 'pictures')
    pictures.provide(drawn, _PICTURES, _WIDTH, _HEIGHT)
    rates_found, ratios = [], []
    for network in options.networks:
        path = models.provide(folder, network, options.int8)
        found, worked, memory = measure(path, options, drawn)
        rates_found += rows(network, options, found, worked, memory)
        ratios += ratio_rows(network, options, found)
    callers = [f'{count} caller{"s" * (count > 1)}' for count in options.callers]
    print(f'Pictures per second, median of {options.rounds} rounds of {options.seconds:g} s.\n')
    processor = [f'CPU ms, {count}' for count in callers]
    tables.show(['network', 'program', *callers, *processor, 'MB'], rates_found)
    tables.show(['network', 'ratio', *callers], ratios)
    if not importlib.util.find_spec('openvino'):
        print('OpenVINO is not installed, so it was not measured.')


def main():
    """Read the flags, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--networks', type=names, default=list(NETWORKS))
    parser.add_argument('--callers', type=lambda text: [*map(int, names(text))], default=[1, 8])
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--seconds', type=float, default=5.0)
    parser.add_argument('--only', default='', help='part of the name of the programs to measure')
    parser.add_argument('--int8', action='store_true', help='quantize the networks too')
    parser.add_argument('--folder', help='keep the models here, or use those that exist')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        compare(options, options.folder or temporary)


def names(text):
    """Return the parts of a list with commas."""
    return text.split(',')


if __name__ == '__main__':
    main()
