"""Requests to stop: the first is heeded after the step, the second at once."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from support.checkout import ROOT
from training.signals import StopRequest

# A step that never ends, as one that hangs or runs for minutes looks from outside.
LONG_STEP = """
import tensorflow.compat.v1 as tf
from training.signals import StopRequest
with tf.Graph().as_default(), tf.Session() as session, StopRequest():
    never = tf.FIFOQueue(1, tf.int32).dequeue()
    print('begun', flush=True)
    session.run(never)
"""


def test_a_second_ctrl_c_ends_at_once_while_a_step_runs_long():
    command = [sys.executable, '-c', LONG_STEP]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b'begun\n'
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1.1)
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(30) == 128 + signal.SIGINT
        finally:
            process.kill()


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_signal_asks_for_a_stop_and_the_handlers_come_back():
    before = signal.getsignal(signal.SIGTERM)
    with StopRequest() as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: stop)
    assert signal.getsignal(signal.SIGTERM) is before


def test_only_a_later_signal_ends_the_process():
    now, ended = [0.0], []
    stop = StopRequest(clock=lambda: now[0], end=ended.append)
    stop.ask(signal.SIGTERM)
    now[0] = 0.9
    stop.ask(signal.SIGTERM)
    assert ended == []
    now[0] = 1.0
    stop.ask(signal.SIGINT)
    assert ended == [130]


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            wait_until(lambda: stop)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_outside_the_main_thread_nothing_is_listened_to():
    seen = []

    def run():
        with StopRequest() as stop:
            seen.append(bool(stop))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [False]
