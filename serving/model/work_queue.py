"""Queue pictures for the model, and run them in threads, alone or in batches."""

import threading
import time

from pictures.kinds import BadImage
from serving.fairness import Turns

_RATE_MEMORY = 0.9  # The weight of the earlier runs in the mean time per picture.
_SAFETY_FACTOR = 10  # A caller that runs its own picture cannot stop at its deadline.


class BusyError(Exception):
    """Too many pictures wait; no picture of the request was queued."""

    def __init__(self, retry_after_secs):
        super().__init__('too many pictures are waiting')
        self.retry_after_secs = retry_after_secs


class ExpiredError(Exception):
    """The pictures of a request were not classified in time."""


class ClosedError(Exception):
    """The model was closed."""


class _Request:
    """The pictures of one caller and their results so far."""

    def __init__(self, pictures):
        self.pictures = pictures
        self.outcomes = [None] * len(pictures)
        self.error = None
        self._left = len(pictures)
        self._lock = threading.Lock()
        self.finished = threading.Event()  # All pictures are finished, or one has failed.
        self.released = threading.Event()  # No picture is waiting or running.

    def answer(self, index, outcome):
        """Store the result of a picture; the last one finishes the request."""
        self.outcomes[index] = outcome
        self.leave_out(1)

    def fail(self, error):
        """Finish the request with an error."""
        self.error = self.error or error
        self.finished.set()
        self.leave_out(1)

    def leave_out(self, count):
        """Count pictures that are no longer waiting or running."""
        with self._lock:
            self._left -= count
            if not self._left:
                self.finished.set()
                self.released.set()


class WorkQueue:
    """Runs `run(pictures) -> rows` in `num_threads` threads, on at most `max_batch_size` pictures.

    Clients take turns. A thread waits `batch_wait_secs` for a batch to fill. A request is refused
    if more than `max_waiting` pictures would wait, unless none waits yet, or if its client would
    have more waiting than is left for others. A single picture that need not wait is run in the
    caller's thread: waking another one takes as long as a tenth of a small network.
    """

    def __init__(
        self,
        run,
        num_threads,
        max_batch_size=1,
        batch_wait_secs=0.0,
        max_waiting=None,
        observe=None,
    ):
        self._run = run
        self._num_threads = num_threads
        self._max_batch_size = max_batch_size
        self._batch_wait_secs = batch_wait_secs
        self._max_waiting = max_waiting
        self._observe = observe or (lambda batch_size, seconds: None)
        self._waiting = Turns()  # Pairs (request, index of its picture).
        self._changed = threading.Condition()
        self._turn = threading.Lock()  # One thread at a time collects a batch.
        self._is_closed = False
        self._running = 0
        self._secs_per_picture = None
        self._threads = [
            threading.Thread(target=self._work, name=f'model-{number}', daemon=True)
            for number in range(num_threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self):
        """Return how many pictures wait."""
        return len(self._waiting)

    @property
    def running(self):
        """Return how many pictures the model works on."""
        return self._running

    def submit(self, pictures, timeout_secs=None, client=''):
        """Wait for the results: for each picture its result or its BadImage."""
        request = _Request(pictures)
        if not pictures:
            return []
        with self._changed:
            self._require_open()
            runs_here = len(pictures) == 1 and self._has_place_for_one(timeout_secs)
            if runs_here:
                self._running += 1
            else:
                self._accept(request, client)
        if runs_here:
            self._run_batch([(request, 0)])
        elif not request.finished.wait(timeout_secs):
            self._withdraw(request)
            raise ExpiredError(f'not classified within {timeout_secs:g} seconds')
        if request.error:
            self._withdraw(request)
            raise request.error
        return request.outcomes

    def close(self):
        """Refuse new pictures, finish those that wait, and stop the threads."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._running)
        for thread in self._threads:
            thread.join()

    def _require_open(self):
        if self._is_closed:
            raise ClosedError('the model has been closed')

    def _has_place_for_one(self, timeout_secs):
        """Return whether a picture can be run at once, alone and in time."""
        if self._max_batch_size > 1 or self._waiting or self._running >= self._num_threads:
            return False
        if timeout_secs is None:
            return True
        known = self._secs_per_picture
        return known is not None and _SAFETY_FACTOR * known * self._num_threads < timeout_secs

    def _accept(self, request, client):
        if self._waiting and not self._has_room(len(request.pictures), client):
            raise BusyError(self._retry_after())
        for index in range(len(request.pictures)):
            self._waiting.add(client, (request, index))
        self._changed.notify_all()

    def _has_room(self, count, client):
        if self._max_waiting is None:
            return True
        left = self._max_waiting - len(self._waiting) - count
        return left >= self._waiting.waiting(client)

    def _retry_after(self):
        """Estimate the whole seconds until the waiting pictures are finished."""
        return max(1, round(len(self._waiting) * (self._secs_per_picture or 0)))

    def _withdraw(self, request):
        """Remove waiting pictures, and wait for running ones, whose memory is still in use."""
        with self._changed:
            before = len(self._waiting)
            self._waiting.discard(lambda item: item[0] is request)
            request.leave_out(before - len(self._waiting))
        request.released.wait()

    def _work(self):
        while batch := self._next_batch():
            self._run_batch(batch)

    def _run_batch(self, batch):
        began = time.monotonic()
        self._classify(batch)
        seconds = time.monotonic() - began
        with self._changed:
            self._running -= len(batch)
            self._learn_rate(seconds / len(batch) / self._num_threads)
            if self._waiting or self._is_closed:
                self._changed.notify_all()
        self._observe(len(batch), seconds)

    def _next_batch(self):
        """Wait for pictures and take them from the queue; an empty list ends the thread."""
        with self._turn, self._changed:
            while True:
                while not self._has_work():
                    self._changed.wait()
                self._wait_for_company()
                count = min(len(self._waiting), self._max_batch_size)
                if count or self._is_closed:
                    self._running += count
                    return [self._waiting.take() for _ in range(count)]

    def _has_work(self):
        """Return whether a thread should run pictures or, after `close`, end."""
        if not self._waiting:
            return self._is_closed
        # With batches `running` counts pictures, and callers never run their own.
        return self._max_batch_size > 1 or self._running < self._num_threads

    def _wait_for_company(self):
        until = time.monotonic() + self._batch_wait_secs
        while 0 < len(self._waiting) < self._max_batch_size and not self._is_closed:
            left = until - time.monotonic()
            if left <= 0 or not self._changed.wait(left):
                return

    def _learn_rate(self, seconds):
        known = self._secs_per_picture
        share = 0.0 if known is None else _RATE_MEMORY
        self._secs_per_picture = share * (known or 0.0) + (1 - share) * seconds

    def _classify(self, batch):
        """Run a batch; if it fails, run each picture alone, so that a bad one fails alone."""
        try:
            results = self._run([request.pictures[index] for request, index in batch])
            answered = list(zip(batch, results, strict=True))
        except Exception as error:
            if len(batch) > 1:
                for item in batch:
                    self._classify([item])
            else:
                request, index = batch[0]
                if isinstance(error, BadImage):
                    request.answer(index, error)
                else:
                    request.fail(error)
            return
        for (request, index), result in answered:
            request.answer(index, result)
