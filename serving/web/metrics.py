"""Count requests, pictures and runs of the model, in Prometheus' text format."""

import bisect
import collections
import threading

CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES = (1, 2, 4, 8, 16, 32, 64)


class Histogram:
    """Counts values in buckets with upper bounds."""

    def __init__(self, bounds):
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value):
        """Count one value."""
        self._counts[bisect.bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name, labels=''):
        """Yield the samples of this histogram."""
        total = 0
        comma = ',' if labels else ''
        for bound, count in zip((*self._bounds, '+Inf'), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels}{comma}le="{bound}"}} {total}'
        braces = f'{{{labels}}}' if labels else ''
        yield f'{name}_sum{braces} {self._sum:.9g}'
        yield f'{name}_count{braces} {total}'


class Metrics:
    """The counters of one server; thread-safe."""

    def __init__(self):
        self._lock = threading.Lock()
        self._requests = collections.Counter()  # (endpoint, status) -> number.
        self._latencies = {}  # Endpoint -> Histogram.
        self._pictures = collections.Counter()  # Kind -> number.
        self._unknown_pictures = 0
        self._batches = Histogram(_SIZES)
        self._runs = Histogram(_SECONDS)

    def request(self, endpoint, status, seconds):
        """Count an answered request."""
        with self._lock:
            self._requests[endpoint, status] += 1
            self._latencies.setdefault(endpoint, Histogram(_SECONDS)).add(seconds)

    def picture(self, kind):
        """Count a picture by its format, or as `refused`."""
        with self._lock:
            self._pictures[kind] += 1

    def unknown_picture(self):
        """Count a picture that is of none of the classes."""
        with self._lock:
            self._unknown_pictures += 1

    def batch(self, size, seconds):
        """Count a run of the model; a Predictor's `observe`."""
        with self._lock:
            self._batches.add(size)
            self._runs.add(seconds)

    def text(self, **gauges):
        """Return all counters and the current `gauges` (name=value) as text."""
        with self._lock:
            lines = [*self._request_lines(), *self._model_lines()]
        for name, value in gauges.items():
            lines += [f'# TYPE classifier_{name} gauge', f'classifier_{name} {value}']
        return '\n'.join(lines) + '\n'

    def _request_lines(self):
        yield '# HELP classifier_requests_total Answered requests.'
        yield '# TYPE classifier_requests_total counter'
        for (endpoint, status), count in sorted(self._requests.items()):
            labels = f'endpoint="{endpoint}",status="{status}"'
            yield f'classifier_requests_total{{{labels}}} {count}'
        yield '# HELP classifier_request_seconds Time from the request to its answer.'
        yield '# TYPE classifier_request_seconds histogram'
        for endpoint, histogram in sorted(self._latencies.items()):
            yield from histogram.lines('classifier_request_seconds', f'endpoint="{endpoint}"')

    def _model_lines(self):
        yield '# HELP classifier_pictures_total Pictures by format, or refused.'
        yield '# TYPE classifier_pictures_total counter'
        for kind, count in sorted(self._pictures.items()):
            yield f'classifier_pictures_total{{kind="{kind}"}} {count}'
        yield '# HELP classifier_unknown_pictures_total Pictures of none of the classes.'
        yield '# TYPE classifier_unknown_pictures_total counter'
        yield f'classifier_unknown_pictures_total {self._unknown_pictures}'
        yield '# HELP classifier_batch_size Pictures in one run of the model.'
        yield '# TYPE classifier_batch_size histogram'
        yield from self._batches.lines('classifier_batch_size')
        yield '# HELP classifier_batch_seconds Time of one run of the model.'
        yield '# TYPE classifier_batch_seconds histogram'
        yield from self._runs.lines('classifier_batch_seconds')
