"""Measure the server, and compare it with a plain Flask application and a session alone.

    python -m benchmarks.serving
    python -m benchmarks.serving --engine=tensorflow
    python -m benchmarks.serving --network=inception_v4 --requests=100 --long=0

The plain application is typical code: Flask's own server with threads, and one run of a session per
request on the same model and pictures. With ONNX Runtime it decodes with Pillow and prepares the
pixels with NumPy; with TensorFlow the graph does both. That application is also measured on the
graph that TensorFlow's own tools freeze, without folded batch norm layers. "alone" is what the
application calls, without HTTP.

Servers and session are separate processes that take turns within each round, so other programs slow
all of them equally. The times are medians of the rounds, and so are the ratios, of the server over
another program in the same round. Then the server answers --long requests while its memory is
measured, and its model is replaced five times.
"""

import argparse
import contextlib
import os
import statistics
import tempfile
import time

from benchmarks.support import http_load, models, pictures, plain_programs, programs, tables
from classifiers import model_info

_SERVER, _PLAIN, _UNFOLDED, _ALONE = 'server', 'plain Flask', 'plain Flask, unfolded', 'alone'
_PICTURES, _WIDTH, _HEIGHT = 16, 400, 300
_PARTS, _SWAPS = 10, 5  # Of the long run.
_LEAST_RATE, _MOST_P99, _MOST_P50 = 1.0, 1.0, 1.15  # Of the plain application.
_VERSION, _LONGEST_SWAP_SECS = 'classifier_model_version', 60


def model_for(engine, path):
    """Return the file of a model that an engine serves."""
    return model_info.onnx_path(path) if engine == 'onnx' else path


def commands(engine, path, folder):
    """Return {name: command} of the programs to compare."""
    recipe, model = models.recipe(path), model_for(engine, path)
    found = {
        _SERVER: server_command(model, f'--engine={engine}'),
        _PLAIN: programs.own(plain_programs.serve, engine, model, recipe),
        _ALONE: programs.own(plain_programs.time_alone, engine, model, recipe, folder),
    }
    if engine == 'tensorflow':
        unfolded = models.unfolded_path(path)
        found[_UNFOLDED] = programs.own(plain_programs.serve, engine, unfolded, recipe)
    return found


def server_command(model, *flags):
    """Return the command of our server."""
    return 'server.py', f'--model_name={model}', '--port=0', *flags


def measure(server, sent, options):
    """Return (requests/s, p50, p99, CPU ms of a request) of one round."""
    used = server.processor_ms()
    rate, times, failures = http_load.send(server.port, sent, options.clients, options.requests)
    if failures:
        print(f'port {server.port}: {failures} requests failed')
    used = (server.processor_ms() - used) / options.requests
    percentiles = (http_load.percentile(times, share) for share in (0.5, 0.99))
    return rate, *percentiles, used


def take_turns(running, sent, options):
    """Return ({name: figures of each round with many clients}, {name: p50 with one client})."""
    servers = {name: program for name, program in running.items() if program.port}
    together, single = {name: [] for name in servers}, {name: [] for name in running}
    requests = max(20, options.requests // 8)
    for server in servers.values():
        http_load.send(server.port, sent, options.clients, 4 * options.clients)
    for _ in range(options.rounds):
        for name, server in servers.items():
            together[name].append(measure(server, sent, options))
        for name, server in servers.items():
            times = http_load.send(server.port, sent, 1, requests)[1]
            single[name].append(http_load.percentile(times, 0.5))
        single[_ALONE].append(float(running[_ALONE].ask(requests)))
    return together, single


def report(together, single, clients):
    """Print the figures, and the ratios of the server to the plain application."""
    medians = {
        name: [statistics.median(column) for column in zip(*rounds, strict=True)]
        for name, rounds in together.items()
    }
    rows = [
        [name, *medians.get(name, ['-'] * 4), statistics.median(times)]
        for name, times in single.items()
    ]
    columns = [f'{clients} clients: requests/s', 'p50 ms', 'p99 ms', 'CPU ms of a request']
    tables.show(['', *columns, '1 client: p50 ms'], rows)
    rate, _, p99, _ = (
        _ratio(mine, other)
        for mine, other in zip(
            zip(*together[_SERVER], strict=True), zip(*together[_PLAIN], strict=True), strict=True
        )
    )
    rows = [
        [f'{clients} clients: requests/s', tables.with_goal(rate, at_least=_LEAST_RATE)],
        [f'{clients} clients: p99', tables.with_goal(p99, at_most=_MOST_P99)],
        [
            '1 client: p50',
            tables.with_goal(_ratio(single[_SERVER], single[_PLAIN]), at_most=_MOST_P50),
        ],
        ['1 client: p50, of the session alone', _ratio(single[_SERVER], single[_ALONE])],
    ]
    tables.show(['server / plain Flask', 'ratio'], rows)


def _ratio(mine, other):
    return statistics.median(a / b for a, b in zip(mine, other, strict=True))


def endure(server, sent, model, options):
    """Print the memory during many requests, and the failures; replace the model meanwhile."""
    failures, version, rows = 0, 1, []
    for part in range(_PARTS):
        if part % (_PARTS // _SWAPS):
            programs.run(*programs.own(models.write_again, model))
            version += 1
        failures += http_load.send(server.port, sent, options.clients, options.long // _PARTS)[2]
        found = _wait_for(server.port, version)
        rows.append([(part + 1) * options.long // _PARTS, server.resident_mb(), found])
    tables.show(['requests', 'resident MB', 'version of the model'], rows)
    print(f'{failures} requests failed.')


def _wait_for(port, version):
    """Return the version of the model, after this version or a minute."""
    until = time.monotonic() + _LONGEST_SWAP_SECS
    while True:
        found = int(http_load.metric(port, _VERSION))
        if found >= version or time.monotonic() > until:
            return found
        time.sleep(0.2)


def main():
    """Read the flags, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--network', default='mobilenet_v1')
    parser.add_argument('--engine', choices=list(plain_programs.CLASSIFIERS), default='onnx')
    parser.add_argument('--clients', type=int, default=8)
    parser.add_argument('--requests', type=int, default=400)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--long', type=int, default=10_000)
    parser.add_argument('--folder', help='keep the model here, or use one that exists')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        path = models.provide(options.folder or os.path.join(temporary, 'new'), options.network)
        path = models.copy(
            path, temporary
        )  # The server's model is replaced; that in --folder is not.
        pictures.provide(temporary, _PICTURES, _WIDTH, _HEIGHT)
        running = {
            name: stack.enter_context(programs.running(*command))
            for name, command in commands(options.engine, path, temporary).items()
        }
        sent = pictures.read(temporary)
        print(f'{options.network}, {options.engine}, median of {options.rounds} rounds.\n')
        report(*take_turns(running, sent, options), options.clients)
        if options.long:
            endure(running[_SERVER], sent, model_for(options.engine, path), options)


if __name__ == '__main__':
    main()
