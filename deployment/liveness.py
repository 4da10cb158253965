"""Who is still there: parameter servers end when the workers have, and workers notice their end.

TensorFlow's servers never end by themselves. Each worker puts its number into a queue on every
parameter server when it has finished; a server that has heard of all of them ends. Those that can
no longer speak are recognised by their closed ports.
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


class Attendance:
    """Decide when a parameter server may end, from what it hears and sees of the workers."""

    # After the chief has finished: how long the others may take, and how long a closed port
    # stands for a worker that is only about to start again.
    straggler_secs = 60.0
    restart_secs = 5.0
    # With every worker gone and none finished: how long a restart may take.
    abandoned_secs = 600.0

    def __init__(self, addresses):
        self._finished = set()
        self._seen = dict.fromkeys(range(len(addresses)))
        self._chief_finished = None

    def report(self, task, now):
        """Note that a worker has finished; a restarted one may say so twice."""
        self._finished.add(task)
        if task == 0 and self._chief_finished is None:
            self._chief_finished = now

    def see(self, reachable, now):
        """Note which workers' ports are open."""
        self._seen.update(dict.fromkeys(reachable, now))

    def is_over(self, now):
        """Tell whether the server has nobody left to serve; raise if all have vanished."""
        if self._chief_finished is not None:
            missing = self._seen.keys() - self._finished
            if now - self._chief_finished > self.straggler_secs:
                return True
            return all(self._absent(task, now) > self.restart_secs for task in missing)
        seen = [time for time in self._seen.values() if time is not None]
        if seen and now - max(seen) > self.abandoned_secs:
            raise UserError(
                f'no worker has answered for {self.abandoned_secs:.0f} seconds: '
                'the parameter server ends without the word that training has'
            )
        return False

    def _absent(self, task, now):
        last = self._seen[task]
        return now - (self._chief_finished if last is None else last)


def wait_for_workers(place, target, config):
    """Return when every worker of the cluster has finished or is gone for good."""
    attendance = Attendance(place.worker_hosts)
    with tf.Graph().as_default():
        queue = _queue(place.task)
        size, number = queue.size(), queue.dequeue()
        with tf.Session(target, config=config) as session:
            while not attendance.is_over(time.monotonic()):
                for _ in range(session.run(size)):
                    attendance.report(int(session.run(number)), time.monotonic())
                hosts = enumerate(place.worker_hosts)
                attendance.see([n for n, host in hosts if is_reachable(host)], time.monotonic())
                time.sleep(_POLL_SECS)
    tf.logging.info('Training has ended: parameter server %d ends too', place.task)


def report_finished(place, target, config):
    """Tell every parameter server that this worker has finished, as far as they still listen."""
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
    """Tell whether something listens at host:port."""
    host, _, port = address.rpartition(':')
    try:
        with socket.create_connection((host.strip('[]'), int(port)), timeout):
            return True
    except OSError:
        return False


class ServerWatch:
    """Notice parameter servers that have been gone too long for a session to wait for them."""

    patience_secs = 120.0
    poll_secs = 2.0

    def __init__(self, addresses, reachable=is_reachable):
        self._seen = dict.fromkeys(addresses)
        self._reachable = reachable

    def lost(self, now):
        """List the servers that answered once and have been silent for too long."""
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
    """End this process, within the block, when a parameter server stays away.

    TensorFlow waits for a lost server without end, inside calls that nothing can interrupt.
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
