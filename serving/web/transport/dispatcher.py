"""Run requests in threads: clients take turns, and health checks have a thread of their own."""

import threading

from waitress import task

from serving.fairness import Shares, Turns
from serving.web.admission import HEALTH_CHECKS


class Dispatcher(task.ThreadedTaskDispatcher):
    """Hands each connection that has a request to a thread.

    `client_of` returns the client of a connection. A single client gets about half of the
    threads; its other requests wait in its own queue.
    """

    def __init__(self, num_threads, client_of):
        super().__init__()
        self._client_of = client_of
        self._places = Shares(num_threads)
        self._waiting = Turns()
        self._quick = Turns()
        self._quick_cv = threading.Condition(self.lock)
        self._is_over = False
        for number in range(num_threads):
            self._start(number, self._next_task, self.queue_cv)
        self._start(num_threads, self._next_quick_task, self._quick_cv)

    def add_task(self, connection):
        """Queue the next request of a connection."""
        request = connection.requests[0]
        client = self._client_of(connection, request)
        with self.lock:
            is_quick = request.error or request.path in HEALTH_CHECKS
            (self._quick if is_quick else self._waiting).add(client, (client, connection))
            (self._quick_cv if is_quick else self.queue_cv).notify()

    def shutdown(self, cancel_pending=True, timeout=5):
        """Stop the threads, wait for them up to `timeout`, and drop the queued requests."""
        with self.lock:
            self._is_over = True
            self.queue_cv.notify_all()
            self._quick_cv.notify_all()
            self.thread_exit_cv.wait_for(lambda: not self.threads, timeout)
            for queue in (self._waiting, self._quick):
                while queue:
                    queue.take()[1].cancel()

    def _start(self, number, next_task, changed):
        self.threads.add(number)
        threading.Thread(
            target=self._work,
            args=(number, next_task, changed),
            name=f'http-{number}',
            daemon=True,
        ).start()

    def _work(self, number, next_task, changed):
        while found := self._wait_for(next_task, changed):
            client, connection, give_back = found
            try:
                connection.service()
            except BaseException:
                self.logger.exception('failed to serve %r', connection)
            give_back(client)  # This thread takes the next request itself.
        with self.lock:
            self.threads.discard(number)
            self.thread_exit_cv.notify_all()

    def _wait_for(self, next_task, changed):
        """Wait until `next_task` returns something, and return it; None after `shutdown`."""
        with self.lock:
            while not self._is_over:
                if found := next_task():
                    changed.notify()  # There may be work for another thread.
                    return found
                changed.wait()
        return None

    def _next_task(self):
        for client, _ in self._waiting.heads():
            if self._places.take(client):
                return *self._waiting.take(client), self._places.give_back
        return None

    def _next_quick_task(self):
        return (*self._quick.take(), lambda client: None) if self._quick else None
