"""Stopping on request: the first signal asks, a second one does not wait."""

import os
import signal
import socket
import threading
import time

import tensorflow.compat.v1 as tf

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# `timeout` and some shells send one request twice.
_SAME_REQUEST_SECS = 1.0


class StopRequest:
    """Listen for SIGTERM and Ctrl-C for the length of a `with` block.

    A Python handler runs only between two instructions of the main thread, never while a step is
    inside TensorFlow. So a thread of our own reads the signals' numbers from a socket, and can end
    the process at the second request whatever the main thread does.
    """

    def __init__(self, clock=time.monotonic, end=os._exit):
        self._clock = clock
        self._end = end
        self._asked = threading.Event()
        self._asked_at = None
        self._previous = {}
        self._thread = None

    def __enter__(self):
        # Only the main thread may listen; elsewhere the program that has it decides.
        if threading.current_thread() is threading.main_thread():
            self._listen()
        return self

    def __exit__(self, *_):
        if self._thread is None:
            return
        if self._asked_at is not None:
            # A repetition that is still on its way must not meet the default, which kills.
            time.sleep(max(0.0, self._asked_at + _SAME_REQUEST_SECS - self._clock()))
        for number, handler in self._previous.items():
            signal.signal(number, handler or signal.SIG_DFL)
        signal.set_wakeup_fd(self._previous_fd)
        self._sender.close()
        self._thread.join()
        self._receiver.close()

    def __bool__(self):
        """Tell whether a stop was asked for."""
        return self._asked.is_set()

    def ask(self, number=signal.SIGTERM):
        """Take note of a signal: stop after this step, or at once at the second request."""
        now = self._clock()
        if self._asked_at is None:
            self._asked_at = now
            self._asked.set()
            tf.logging.info(
                '%s: stopping after this step; a second signal ends the program at once, '
                'without a checkpoint',
                signal.Signals(number).name,
            )
        elif now - self._asked_at >= _SAME_REQUEST_SECS:
            self._end(128 + number)

    def _listen(self):
        self._sender, self._receiver = socket.socketpair()
        self._sender.setblocking(False)
        self._previous_fd = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            # A program in the background of a script ignores Ctrl-C, and should go on to.
            if signal.getsignal(number) is not signal.SIG_IGN:
                # Any handler of Python's makes the number appear in the socket.
                self._previous[number] = signal.signal(number, lambda *_: None)
        self._thread = threading.Thread(target=self._watch, name='signals', daemon=True)
        self._thread.start()

    def _watch(self):
        while numbers := self._receiver.recv(64):
            for number in numbers:
                if number in self._previous:
                    self.ask(number)
