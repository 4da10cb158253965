"""Measure how many pictures per second a program classifies, in a process of its own.

Each function serves one program: for each line `CALLERS SECONDS` on standard input it prints the
rate, and the milliseconds of CPU time of a picture. A caller is a thread that waits for each result
before it sends the next picture.
"""

import itertools
import sys
import threading
import time

from benchmarks.support import pictures, plain_programs, programs

_WARM_UP = 0.2  # Of the measured time.


def our_predictor(path, engine, precision, folder):
    """Measure our predictor: encoded pictures pass the gate, are decoded, prepared and queued."""
    from pictures import gate
    from pictures.decode import LibraryDecoder
    from serving.model.model_options import ModelOptions, PredictorOptions
    from serving.model.predictor import Predictor

    options = PredictorOptions(engine=engine, precision=precision, max_queue=None)
    predictor = Predictor(ModelOptions(path), options, report=lambda line: None)
    found, decoder = pictures.read(folder), LibraryDecoder()

    def classify(number):
        data = found[number % len(found)]
        image = gate.normalise(data, decoder, verify=not predictor.refuses_damaged)
        predictor.predict([image.data])

    _answer(lambda callers: classify)


def onnx_session(path):
    """Measure an ONNX Runtime session with the default options on an array."""
    session, fed, shape = plain_programs.onnx_session(path)
    image = _noise(shape)
    _answer(lambda callers: lambda number: session.run(['probabilities:0'], {fed: image}))


def tensorflow_session(path, side):
    """Measure a TensorFlow session with the default options on an array."""
    run, image = plain_programs.tensorflow_session(path, 'input'), _noise([1, side, side, 3])
    _answer(lambda callers: lambda number: run(image))


def openvino_model(path):
    """Measure OpenVINO on an array, tuned for latency with one caller, for throughput with more."""
    import openvino

    core, local = openvino.Core(), threading.local()
    models = {
        hint: core.compile_model(path, 'CPU', {'PERFORMANCE_HINT': hint})
        for hint in ('LATENCY', 'THROUGHPUT')
    }
    image = _noise(
        [1, *(length.get_length() for length in models['LATENCY'].input().partial_shape[1:])]
    )

    def prepare(callers):
        model = models['LATENCY' if callers == 1 else 'THROUGHPUT']

        def run(number):
            if not hasattr(local, 'request'):
                local.request = model.create_infer_request()
            local.request.infer({0: image})

        return run

    _answer(prepare)


def _noise(shape):
    import numpy as np

    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _answer(prepare):
    """Answer the requests; `prepare(callers)` returns the function that the callers call."""
    print(f'{programs.READY}0', flush=True)
    for line in sys.stdin:
        callers, seconds = line.split()
        call = prepare(int(callers))
        _measure(call, int(callers), _WARM_UP * float(seconds))
        print(*_measure(call, int(callers), float(seconds)), flush=True)


def _measure(call, callers, seconds):
    """Return (how many calls end per second, milliseconds of CPU time of a call)."""
    numbers, ended = itertools.count(), []
    until = time.perf_counter() + seconds

    def work():
        while time.perf_counter() < until:
            call(next(numbers))
            ended.append(time.perf_counter())

    threads = [threading.Thread(target=work) for _ in range(callers)]
    began, worked = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worked = time.process_time() - worked
    return len(ended) / (max(ended) - began), 1000 * worked / len(ended)
