"""Measure classify_image.py from start to exit, and server.py until it is ready, by engine.

    python -m benchmarks.start_up
    python -m benchmarks.start_up --network=inception_v4 --rounds=5

classify_image.py classifies one picture. It is compared with a few lines of Pillow, NumPy and ONNX
Runtime that do the same. The programs take turns within each round, so other programs slow all of
them equally; the values are medians of the rounds. The memory of classify_image.py is its highest
resident memory, that of the server its resident memory when it is ready.
"""

import argparse
import os
import statistics
import tempfile

from benchmarks.support import models, pictures, plain_programs, programs, tables
from classifiers import model_info

_ONNX, _TENSORFLOW, _PLAIN = 'ONNX Runtime', 'TensorFlow', 'ONNX Runtime, without our code'
_ENGINES = {_ONNX: 'onnx', _TENSORFLOW: 'tensorflow'}
_CLASSIFY, _SERVER = 'classify_image.py, one picture', 'server.py, until it is ready'
_GOALS = {_CLASSIFY: (1.5, 200), _SERVER: (2.0, None)}  # With ONNX Runtime: seconds, MB.
_MOST_OF_TENSORFLOW = 0.2


def cases(path, picture):
    """Return {(program, engine): function that runs it and returns (seconds, MB)}."""
    found = {}
    for name, engine in _ENGINES.items():
        flags = f'--engine={engine}', '--precision=float32'
        found[_CLASSIFY, name] = _ended('classify_image.py', f'--model={path}', *flags, picture)
        found[_SERVER, name] = _ready('server.py', f'--model_name={path}', '--port=0', *flags)
    plain = plain_programs.classify_once
    arguments = model_info.onnx_path(path), models.recipe(path), picture
    found[_CLASSIFY, _PLAIN] = _ended(*programs.own(plain, *arguments))
    return found


def _ended(*command):
    def measure():
        used = programs.run(*command)
        return used.seconds, used.highest_mb

    return measure


def _ready(*command):
    def measure():
        with programs.running(*command) as server:
            return server.ready_seconds, server.resident_mb()

    return measure


def rows(medians):
    """Yield the rows of the table."""
    for (program, engine), values in medians.items():
        goals = _GOALS[program] if engine == _ONNX else (None, None)
        cells = [
            tables.with_goal(value, at_most=goal) for value, goal in zip(values, goals, strict=True)
        ]
        of_tensorflow = values[0] / medians[program, _TENSORFLOW][0]
        most = _MOST_OF_TENSORFLOW if (program, engine) == (_CLASSIFY, _ONNX) else None
        yield [program, engine, *cells, tables.with_goal(of_tensorflow, at_most=most)]


def main():
    """Read the flags, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--network', default='mobilenet_v1')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--folder', help='keep the model here, or use one that exists')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        path = models.provide(options.folder or temporary, options.network)
        pictures.provide(temporary, 1, 640, 427)
        found = cases(path, os.path.join(temporary, '00.jpg'))
        for run in found.values():  # Reads the files of the libraries, and compiles modules.
            run()
        rounds = [[run() for run in found.values()] for _ in range(options.rounds)]
    medians = {
        case: [statistics.median(values) for values in zip(*used, strict=True)]
        for case, used in zip(found, zip(*rounds, strict=True), strict=True)
    }
    print(f'{options.network}, median of {options.rounds} rounds.\n')
    tables.show(['program', 'engine', 'seconds', 'MB', 'of the time of TensorFlow'], rows(medians))


if __name__ == '__main__':
    main()
