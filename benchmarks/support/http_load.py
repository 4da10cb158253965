"""Send pictures to a server from several clients at the same time."""

import concurrent.futures
import http.client
import time


def send(port, pictures, clients, requests):
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


def metric(port, name):
    """Return the value of a metric of our server."""
    connection = http.client.HTTPConnection('127.0.0.1', port)
    connection.request('GET', '/metrics')
    lines = connection.getresponse().read().decode().splitlines()
    connection.close()
    return float(next(line for line in lines if line.startswith(f'{name} ')).split()[1])
