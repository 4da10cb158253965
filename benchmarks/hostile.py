"""Measure the server for a normal client while hostile clients send expensive pictures.

    python -m benchmarks.hostile
    python -m benchmarks.hostile --seconds=20 --clients=60 --check

Everything runs on this machine: hostile clients on 127.0.0.2 (and the next ones, with --addresses),
a normal client with photos on 127.0.0.101, and a health check on 127.0.0.102. The table has the
memory of the server and its limit from docs/serving.md, the times of the normal client and of the
health check, and every status of 500 and more. With --check, the exit status is 1 if a limit is
exceeded.
"""

import argparse
import collections
import contextlib
import http.client
import io
import json
import struct
import tempfile
import threading
import time

from benchmarks.support import http_load, models, pictures, programs

_USUAL, _HEALTH = '127.0.0.101', '127.0.0.102'
_BODIES_MB, _DECODE_MB = 1000, 1024  # docs/serving.md, "Under load".
_LIMITS = {'usual client, longest': 5.0, '/healthz, longest': 1.0}  # Seconds.
_PATHS = ('/', '/api/classify')
_FILES = 16
_BOUNDARY = 'hostile'


def hostile_pictures():
    """Return small files with many pixels, many small files, and damaged files."""
    from PIL import Image

    grey, colour = Image.new('L', (5000, 5000), 9), Image.new('RGBA', (5000, 5000), (1, 2, 3, 4))
    cases = {
        'WebP of 25 megapixels': _webp(5000, 5000),
        'WebP of 64 megapixels': _webp(8000, 7990),
        'PNG with alpha': _encoded(colour, 'PNG'),
        'GIF': _encoded(grey, 'GIF'),
        'progressive JPEG': _encoded(colour.convert('RGB'), 'JPEG', progressive=True),
        'one pixel': _encoded(grey.resize((1, 1)), 'PNG'),
    }
    cases['cut JPEG'] = cases['progressive JPEG'][:-1000]
    return cases


def _webp(width, height):
    """Return a lossless WebP of one colour, which has few bytes for any size."""
    from PIL import Image

    small = _encoded(Image.new('RGBA', (8, 8), (1, 2, 3, 4)), 'WEBP', lossless=True, method=0)
    sizes = struct.pack('<I', (width - 1) | (height - 1) << 14 | 1 << 28)
    return small[:21] + sizes + small[25:]


def _encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def form(sent):
    """Return the body of a form with these pictures."""
    head = 'Content-Disposition: form-data; name="pictures"; filename="a"\r\n\r\n'
    parts = [f'--{_BOUNDARY}\r\n{head}'.encode() + data + b'\r\n' for data in sent]
    return b''.join(parts) + f'--{_BOUNDARY}--\r\n'.encode()


class Client(threading.Thread):
    """Send requests until stopped, and record times and statuses."""

    def __init__(self, port, address, requests, is_over, pause_secs=0.0):
        super().__init__(daemon=True)
        self.times, self.statuses = [], collections.Counter()
        self._port, self._address, self._requests = port, address, requests
        self._is_over, self._pause_secs = is_over, pause_secs

    def run(self):
        """Send the requests."""
        number = 0
        while not self._is_over.wait(self._pause_secs):
            began = time.monotonic()
            self.statuses[self._ask(*self._requests[number % len(self._requests)])] += 1
            self.times.append(time.monotonic() - began)
            number += 1

    def _ask(self, method, path, body, headers):
        source = (self._address, 0)
        connection = http.client.HTTPConnection('127.0.0.1', self._port, 150, source)
        with contextlib.closing(connection):
            try:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                return _kind(answer.status, answer.read())
            except (OSError, http.client.HTTPException) as error:
                return type(error).__name__


def _kind(status, body):
    if status < 500:
        return str(status)
    try:
        return f'{status} {json.loads(body)["error"]["kind"]}'
    except (ValueError, KeyError):
        return str(status)


def hostile_clients(port, is_over, options):
    """Return the clients; each sends forms with one kind of picture after the other."""
    bodies = [form([data] * _FILES) for data in hostile_pictures().values()]
    bodies.append(form(list(hostile_pictures().values()) * 2))
    headers = {'Content-Type': f'multipart/form-data; boundary={_BOUNDARY}'}
    clients = []
    for number in range(options.clients):
        turned = bodies[number % len(bodies) :] + bodies[: number % len(bodies)]
        asked = [('POST', _PATHS[number % 2], body, headers) for body in turned]
        address = f'127.0.0.{2 + number % options.addresses}'
        clients.append(Client(port, address, asked, is_over))
    return clients


def attack(server, sent, options):
    """Return (hostile clients, normal client, health check, memory in MB) after an attack."""
    is_over = threading.Event()
    at_rest = server.resident_mb()
    usual = [('POST', '/api/classify', picture, {}) for picture in sent]
    hostile = hostile_clients(server.port, is_over, options)
    client = Client(server.port, _USUAL, usual, is_over, 0.1)
    health = Client(server.port, _HEALTH, [('GET', '/healthz', None, {})], is_over, 0.1)
    for each in (client, health, *hostile):
        each.start()
    until, peak = time.monotonic() + options.seconds, 0
    while time.monotonic() < until:
        peak = max(peak, server.resident_mb())
        time.sleep(0.05)
    is_over.set()
    client.join()
    health.join()
    return hostile, client, health, {'at rest': at_rest, 'highest': peak}


def report(hostile, client, health, memory):
    """Print the table; return the names of the values that exceed their limits."""
    ceiling = memory['at rest'] + _DECODE_MB + _BODIES_MB
    rows = {'memory at rest, MB': memory['at rest'], 'memory, highest, MB': memory['highest']}
    rows['memory, stated ceiling, MB'] = ceiling
    for name, each in (('usual client', client), ('/healthz', health)):
        times = sorted(each.times)
        rows[f'{name}, answers'] = len(times)
        rows[f'{name}, p50'] = http_load.percentile(times, 0.5)
        rows[f'{name}, p99'] = http_load.percentile(times, 0.99)
        rows[f'{name}, longest'] = times[-1]
    print('figure | value')
    for name, value in rows.items():
        print(f'{name} | {value:.0f}' if value >= 100 else f'{name} | {value:.3g}')
    statuses = sum((each.statuses for each in hostile), collections.Counter())
    for name, counts in (('hostile', statuses), ('usual', client.statuses)):
        print(f'{name} clients | {", ".join(f"{key}: {counts[key]}" for key in sorted(counts))}')
    broken = [name for name, limit in _LIMITS.items() if rows[name] > limit]
    broken += ['memory'] if memory['highest'] > ceiling else []
    failed = {key for key in (statuses + client.statuses) if key[0] == '5' and key[:3] != '503'}
    return broken + sorted(failed) + [key for key in client.statuses if key != '200']


def main():
    """Start a server, attack it, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--network', default='mobilenet_v1_025')
    parser.add_argument('--clients', type=int, default=60)
    parser.add_argument('--addresses', type=int, default=1, help='of the hostile clients')
    parser.add_argument('--seconds', type=float, default=120)
    parser.add_argument('--check', action='store_true', help='fail when a limit is exceeded')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        path = models.provide(folder, options.network)
        pictures.provide(folder, 16, 400, 300)
        command = ('server.py', f'--model_name={path}', '--port=0', '--drain_secs=1')
        server = stack.enter_context(programs.running(*command))
        broken = report(*attack(server, pictures.read(folder), options))
    if options.check and broken:
        raise SystemExit(f'exceeded: {", ".join(broken)}')


if __name__ == '__main__':
    main()
