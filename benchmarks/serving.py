"""Measure the server, and compare it with a plain Flask application and a session alone.

    python -m benchmarks.serving
    python -m benchmarks.serving --network=inception_v4 --requests=100 --long=0

The plain application is typical code: Flask's own server with threads and one `session.run` per
request, on the same frozen graph and the same pictures. It is also measured on the graph that
TensorFlow's own tools freeze, without folded batch norm layers. Servers and session are separate
processes that take turns within each round, so other programs slow all of them equally; the values
are medians of the rounds. Then the server answers --long requests while its memory is measured, and
its model is replaced halfway.
"""

import argparse
import concurrent.futures
import contextlib
import http.client
import io
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

_PICTURES = 16
_READY = 'listening on port '


def write_models(folder, network):
    """Write a network with random weights, frozen with and without folding; return the paths."""
    from benchmarks import frozen_graph
    from classifiers.model_request import ModelRequest
    from classifiers.resolve import resolve
    from common import imagenet
    from serving.export import freeze

    info = resolve(ModelRequest(network), dataset_classes=imagenet.NUM_LABELS)[0]
    nodes = {name: name for name in ('image_bytes', 'input', 'probabilities')}
    unfolded, folded = frozen_graph.frozen_graphs(info)
    paths = os.path.join(folder, 'model.pb'), os.path.join(folder, 'unfolded.pb')
    for path, graph_def in zip(paths, (folded, unfolded), strict=True):
        freeze.write(path, graph_def, info.replace(nodes=nodes))
    return paths


def write_pictures(folder):
    """Write photos of 400x300 pixels; return their bytes."""
    import numpy as np

    from benchmarks.convert import draw_photograph

    generator = np.random.default_rng(0)
    pictures = [draw_photograph(generator, 400, 300) for _ in range(_PICTURES)]
    for number, picture in enumerate(pictures):
        with open(os.path.join(folder, f'{number}.jpg'), 'wb') as stream:
            stream.write(picture)
    return pictures


def plain_server(path):
    """Serve with a plain Flask application."""
    import flask
    import tensorflow.compat.v1 as tf
    from werkzeug.serving import make_server

    session, probabilities = _session(tf, path)
    app = flask.Flask(__name__)

    @app.post('/api/classify')
    def classify():
        row = session.run(probabilities, {'image_bytes:0': [flask.request.get_data()]})[0]
        return {'best': [int(index) for index in row.argsort()[::-1][:5]]}

    server = make_server('127.0.0.1', 0, app, threaded=True)
    print(f'{_READY}{server.port}', flush=True)
    server.serve_forever()


def bare_session(path, folder):
    """For each number on standard input, print the milliseconds of this many runs."""
    import tensorflow.compat.v1 as tf

    session, probabilities = _session(tf, path)
    names = sorted(name for name in os.listdir(folder) if name.endswith('.jpg'))
    pictures = [open(os.path.join(folder, name), 'rb').read() for name in names]  # noqa: SIM115
    call = session.make_callable(probabilities, ['image_bytes:0'])
    print(f'{_READY}0', flush=True)
    for line in sys.stdin:
        times = []
        for number in range(int(line)):
            began = time.perf_counter()
            call([pictures[number % len(pictures)]])
            times.append(1000 * (time.perf_counter() - began))
        print(statistics.median(times), flush=True)


def _session(tf, path):
    graph = tf.Graph()
    with graph.as_default():
        definition = tf.GraphDef()
        with open(path, 'rb') as stream:
            definition.ParseFromString(stream.read())
        tf.import_graph_def(definition, name='')
    return tf.Session(graph=graph), graph.get_tensor_by_name('probabilities:0')


@contextlib.contextmanager
def process(*command):
    """Run a program during a block; yield it and its port when it is ready."""
    environment = {**os.environ, 'TF_CPP_MIN_LOG_LEVEL': '3'}
    with subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as running:
        try:
            line = running.stdout.readline()
            if not line.startswith(_READY):
                raise SystemExit(f'{command}: did not start')
            yield running, int(line.removeprefix(_READY))
        finally:
            running.send_signal(signal.SIGTERM)


def own(function, *arguments):
    """Return the command that calls a function of this module."""
    call = ', '.join(repr(argument) for argument in arguments)
    return '-c', f'from benchmarks import serving; serving.{function}({call})'


def load(port, pictures, clients, requests):
    """Return (requests per second, sorted milliseconds, number of failures)."""
    began = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        shares = [range(first, requests, clients) for first in range(clients)]
        found = list(pool.map(lambda share: _client(port, pictures, share), shares))
    seconds = time.perf_counter() - began
    times = sorted(value for values, _ in found for value in values)
    return len(times) / seconds, times, sum(failures for _, failures in found)


def _client(port, pictures, numbers):
    times, failures = [], 0
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=120)
    for number in numbers:
        began = time.perf_counter()
        try:
            connection.request('POST', '/api/classify', pictures[number % len(pictures)])
            answer = connection.getresponse()
            answer.read()
            failures += answer.status != 200
        except (OSError, http.client.HTTPException):
            failures += 1
            connection.close()
        times.append(1000 * (time.perf_counter() - began))
    connection.close()
    return times, failures


def percentile(times, share):
    """Return the value that `share` of the sorted times do not exceed."""
    return times[min(len(times) - 1, int(len(times) * share))]


def processor_ms(number):
    """Return the CPU time of a process."""
    with open(f'/proc/{number}/stat', encoding='ascii') as stream:
        fields = stream.read().rpartition(')')[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def measure(server, port, pictures, options):
    """Return (requests/s, p50, p99, processor ms a request) of one round."""
    used = processor_ms(server.pid)
    rate, times, failures = load(port, pictures, options.clients, options.requests)
    if failures:
        print(f'port {port}: {failures} requests failed')
    used = processor_ms(server.pid) - used
    return rate, percentile(times, 0.5), percentile(times, 0.99), used / options.requests


def compare(servers, bare, pictures, options):
    """Print requests per second, p50 and p99 of both servers, and one client and the session."""
    rows = {name: [] for name in servers}
    alone = {name: [] for name in (*servers, 'session')}
    single = max(20, options.requests // 8)
    for _, port in servers.values():
        load(port, pictures, options.clients, 4 * options.clients)
    for _ in range(options.rounds):
        for name, (server, port) in servers.items():
            rows[name].append(measure(server, port, pictures, options))
        for name, (_, port) in servers.items():
            alone[name].append(percentile(load(port, pictures, 1, single)[1], 0.5))
        bare.stdin.write(f'{single}\n')
        bare.stdin.flush()
        alone['session'].append(float(bare.stdout.readline()))
    print(f'{options.clients} clients | requests/s | p50 ms | p99 ms | processor ms each')
    for name, found in rows.items():
        cells = (f'{statistics.median(values):.1f}' for values in zip(*found, strict=True))
        print(f'{name} | {" | ".join(cells)}')
    medians = {name: statistics.median(values) for name, values in alone.items()}
    print('one client | p50 ms | of the bare session with decoding')
    for name, value in medians.items():
        print(f'{name} | {value:.1f} | {value / medians["session"]:.2f}')


def endure(server, port, pictures, path, options):
    """Print failures and memory for many requests; the model is replaced halfway."""
    parts = 10
    failures = 0
    print('requests | resident MB')
    for part in range(parts):
        if part == parts // 2:
            shutil.copy(path, f'{path}.new')
            os.replace(f'{path}.new', path)
        failures += load(port, pictures, options.clients, options.long // parts)[2]
        print(f'{(part + 1) * options.long // parts} | {resident_mb(server.pid):.0f}', flush=True)
    connection = http.client.HTTPConnection('127.0.0.1', port)
    connection.request('GET', '/metrics')
    lines = io.TextIOWrapper(connection.getresponse(), 'utf-8').read().splitlines()
    connection.close()
    version = next(line for line in lines if line.startswith('classifier_model_version'))
    print(f'{failures} requests failed; {version}')


def resident_mb(number):
    """Return the resident memory of a process."""
    with open(f'/proc/{number}/status', encoding='ascii') as stream:
        line = next(line for line in stream if line.startswith('VmRSS'))
    return int(line.split()[1]) / 1024


def main():
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--network', default='mobilenet_v1')
    parser.add_argument('--clients', type=int, default=8)
    parser.add_argument('--requests', type=int, default=400)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--long', type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        path, unfolded = write_models(folder, options.network)
        pictures = write_pictures(folder)
        command = ('-u', 'server.py', f'--model_name={path}', '--port=0')
        server, port = stack.enter_context(process(*command))
        bare, _ = stack.enter_context(process(*own('bare_session', path, folder)))
        print(f'{options.network}, {os.cpu_count()} cores')
        servers = {
            'server': (server, port),
            'plain Flask': stack.enter_context(process(*own('plain_server', path))),
            'plain Flask, unfolded': stack.enter_context(process(*own('plain_server', unfolded))),
        }
        compare(servers, bare, pictures, options)
        if options.long:
            endure(server, port, pictures, path, options)


if __name__ == '__main__':
    main()
