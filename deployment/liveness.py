"""Track which processes of a cluster are alive, so that parameter servers exit after the workers.

TensorFlow's servers never exit by themselves. When a worker has finished, it puts its number into a
queue on every parameter server. A parameter server exits when all workers have finished. It
recognises killed workers by their closed ports. Workers exit when a parameter server is lost.
"""

import contextlib
import os
import socket
import sys
import threading
import time

import tensorflow.compat.v1 as tf

from common.errors import UserError

_POLL_SECS = 0.5
_REPORT_TIMEOUT_MS = 10_000


class WorkerTracker:
    """Decide when a parameter server may exit, from the workers' reports and open ports."""

    # After the chief has finished: the time that other workers may take, and the time after which
    # a closed port means that the worker will not restart.
    straggler_secs = 60.0
    restart_secs = 5.0
    # The time to wait for a restart if all workers are gone and the chief has not finished.
    abandoned_secs = 600.0

    def __init__(self, addresses):
        self._finished = set()
        self._seen = dict.fromkeys(range(len(addresses)))
        self._chief_finished = None

    def mark_finished(self, task, now):
        """Record that a worker has finished; a restarted worker may report this twice."""
        self._finished.add(task)
        if task == 0 and self._chief_finished is None:
            self._chief_finished = now

    def mark_reachable(self, tasks, now):
        """Record the workers whose ports are open."""
        self._seen.update(dict.fromkeys(tasks, now))

    def is_over(self, now):
        """Return whether training has ended; raise UserError if all workers are lost."""
        if self._chief_finished is not None:
            missing = self._seen.keys() - self._finished
            if now - self._chief_finished > self.straggler_secs:
                return True
            return all(self._absent(task, now) > self.restart_secs for task in missing)
        seen = [time for time in self._seen.values() if time is not None]
        if seen and now - max(seen) > self.abandoned_secs:
            raise UserError(
                f'no worker has answered for {self.abandoned_secs:.0f} seconds: '
                'the parameter server exits, although training has not finished'
            )
        return False

    def _absent(self, task, now):
        last = self._seen[task]
        return now - (self._chief_finished if last is None else last)


def wait_for_workers(place, target, config):
    """Wait until every worker of the cluster has finished or is lost."""
    tracker = WorkerTracker(place.worker_hosts)
    with tf.Graph().as_default():
        queue = _queue(place.task)
        size, number = queue.size(), queue.dequeue()
        with tf.Session(target, config=config) as session:
            while not tracker.is_over(time.monotonic()):
                for _ in range(session.run(size)):
                    tracker.mark_finished(int(session.run(number)), time.monotonic())
                hosts = enumerate(place.worker_hosts)
                tracker.mark_reachable(
                    [n for n, host in hosts if is_reachable(host)], time.monotonic()
                )
                time.sleep(_POLL_SECS)
    tf.logging.info('Training has ended: parameter server %d exits', place.task)


def report_finished(place, target, config):
    """Report to every reachable parameter server that this worker has finished."""
    config.operation_timeout_in_ms = _REPORT_TIMEOUT_MS
    for server in range(place.num_ps_tasks):
        with tf.Graph().as_default():
            enqueue = _queue(server).enqueue(place.task)
            with contextlib.suppress(tf.errors.OpError):
                with tf.Session(target, config=config) as session:
                    session.run(enqueue)


def _queue(server):
    with tf.device(f'/job:ps/task:{server}'):
        return tf.FIFOQueue(-1, tf.int32, shapes=[()], shared_name='finished_workers')


def is_reachable(address, timeout=1.0):
    """Return whether a server listens at host:port."""
    host, _, port = address.rpartition(':')
    try:
        with socket.create_connection((host.strip('[]'), int(port)), timeout):
            return True
    except OSError:
        return False


class ServerWatch:
    """Find parameter servers that have been unreachable for too long."""

    patience_secs = 120.0
    poll_secs = 2.0

    def __init__(self, addresses, reachable=is_reachable):
        self._seen = dict.fromkeys(addresses)
        self._reachable = reachable

    def lost(self, now):
        """List the servers that were reachable once and no longer are."""
        for address in self._seen:
            if self._reachable(address):
                self._seen[address] = now
        return [
            address
            for address, seen in self._seen.items()
            if seen is not None and now - seen > self.patience_secs
        ]


@contextlib.contextmanager
def watched_servers(place):
    """During the block, exit the process if a parameter server is lost.

    TensorFlow would wait for the server forever, inside calls that cannot be interrupted.
    """
    if not place.ps_hosts:
        yield
        return
    ended = threading.Event()
    watch = ServerWatch(place.ps_hosts)

    def run():
        while not ended.wait(watch.poll_secs):
            lost = watch.lost(time.monotonic())
            if lost:
                print(f'error: lost parameter server {", ".join(lost)}', file=sys.stderr)
                sys.stderr.flush()
                os._exit(1)

    threading.Thread(target=run, name='parameter server watch', daemon=True).start()
    try:
        yield
    finally:
        ended.set()
