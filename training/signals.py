"""Stop on signals: after the step at the first signal, immediately at the second."""

import os
import signal
import socket
import threading
import time

import tensorflow.compat.v1 as tf

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# `timeout` and some shells send a signal twice.
_SAME_REQUEST_SECS = 1.0


class StopRequest:
    """Handle SIGTERM and Ctrl-C during a `with` block.

    A Python handler runs only between two instructions of the main thread, never while a step is
    inside TensorFlow. Therefore a separate thread reads the numbers of the signals from a socket
    and can end the process at the second one.
    """

    def __init__(self, clock=time.monotonic, end=os._exit):
        self._clock = clock
        self._end = end
        self._asked = threading.Event()
        self._asked_at = None
        self._previous = {}
        self._thread = None

    def __enter__(self):
        # Python sets handlers only in the main thread; in other threads this does nothing.
        if threading.current_thread() is threading.main_thread():
            self._listen()
        return self

    def __exit__(self, *_):
        if self._thread is None:
            return
        if self._asked_at is not None:
            # A repeated signal must not reach the default handler, which kills the process.
            time.sleep(max(0.0, self._asked_at + _SAME_REQUEST_SECS - self._clock()))
        for number, handler in self._previous.items():
            signal.signal(number, handler or signal.SIG_DFL)
        signal.set_wakeup_fd(self._previous_fd)
        self._sender.close()
        self._thread.join()
        self._receiver.close()

    def __bool__(self):
        """Return whether a stop was requested."""
        return self._asked.is_set()

    def ask(self, number=signal.SIGTERM):
        """Handle a signal: stop after this step, or immediately at the second signal."""
        now = self._clock()
        if self._asked_at is None:
            self._asked_at = now
            self._asked.set()
            tf.logging.info(
                '%s: stopping after this step; a second signal ends the program immediately, '
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
            # A background process of a script ignores Ctrl-C, which must not change.
            if signal.getsignal(number) is not signal.SIG_IGN:
                # Python writes the signal number to the socket if there is any handler.
                self._previous[number] = signal.signal(number, lambda *_: None)
        self._thread = threading.Thread(target=self._watch, name='signals', daemon=True)
        self._thread.start()

    def _watch(self):
        while numbers := self._receiver.recv(64):
            for number in numbers:
                if number in self._previous:
                    self.ask(number)
