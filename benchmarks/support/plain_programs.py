"""The programs that ours are compared with: a session by itself, and a plain Flask application.

They are typical code. The application runs in Flask's own server with threads, and calls one
session for each request.
"""

import io
import statistics
import sys
import time

from benchmarks.support import pictures, programs

_TOP = 5


def onnx_session(path):
    """Return (a session with the default options, the name of its input, its shape)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    (fed,) = session.get_inputs()
    return session, fed.name, [1, *fed.shape[1:]]


def tensorflow_session(path, fed):
    """Return a function that runs a frozen graph on a value for one of its nodes."""
    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default() as graph:
        definition = tf.GraphDef()
        with open(path, 'rb') as stream:
            definition.ParseFromString(stream.read())
        tf.import_graph_def(definition, name='')
    return tf.Session(graph=graph).make_callable('probabilities:0', [f'{fed}:0'])


def onnx_classifier(path, recipe):
    """Return a function from an encoded picture to probabilities, with Pillow and NumPy."""
    import numpy as np
    from PIL import Image

    session, fed, (_, side, _, _) = onnx_session(path)
    prepare = {'inception': _prepare_inception, 'vgg': _prepare_vgg}[recipe]

    def classify(data):
        image = Image.open(io.BytesIO(data)).convert('RGB')
        return session.run(['probabilities:0'], {fed: prepare(np, image, side)[np.newaxis]})[0][0]

    return classify


def _prepare_inception(np, image, side):
    width, height = image.size
    left, top = width / 16, height / 16
    image = image.resize((side, side), 2, (left, top, width - left, height - top))  # Bilinear.
    return np.asarray(image, np.float32) / 127.5 - 1


def _prepare_vgg(np, image, side):
    scale = 256 / min(image.size)
    image = image.resize([round(scale * length) for length in image.size], 2)
    left, top = ((length - side) // 2 for length in image.size)
    image = image.crop((left, top, left + side, top + side))
    return np.asarray(image, np.float32) - np.array([123.68, 116.78, 103.94], np.float32)


def tensorflow_classifier(path, _):
    """Return a function from an encoded picture to probabilities, with a graph that decodes."""
    run = tensorflow_session(path, 'image_bytes')
    return lambda data: run([data])[0]


CLASSIFIERS = {'onnx': onnx_classifier, 'tensorflow': tensorflow_classifier}


def serve(engine, path, recipe):
    """Serve a model with a plain Flask application."""
    import flask
    from werkzeug.serving import make_server

    classify = CLASSIFIERS[engine](path, recipe)
    app = flask.Flask(__name__)

    @app.post('/api/classify')
    def answer():
        row = classify(flask.request.get_data())
        best = row.argsort()[::-1][:_TOP]
        return {'best': [[int(index), float(row[index])] for index in best]}

    server = make_server('127.0.0.1', 0, app, threaded=True)
    print(f'{programs.READY}{server.port}', flush=True)
    server.serve_forever()


def time_alone(engine, path, recipe, folder):
    """For each number on standard input, print the median of the milliseconds of so many runs."""
    classify = CLASSIFIERS[engine](path, recipe)
    found = pictures.read(folder)
    classify(found[0])
    print(f'{programs.READY}0', flush=True)
    for line in sys.stdin:
        times = []
        for number in range(int(line)):
            began = time.perf_counter()
            classify(found[number % len(found)])
            times.append(1000 * (time.perf_counter() - began))
        print(statistics.median(times), flush=True)


def classify_once(path, recipe, picture):
    """Classify one picture with ONNX Runtime, and print the best class."""
    with open(picture, 'rb') as stream:
        print(onnx_classifier(path, recipe)(stream.read()).argmax())
