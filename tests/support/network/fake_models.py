"""Replacements for a loaded model in tests of the code around it."""

import contextlib
import threading

import numpy as np

from classifiers.model_info import ModelInfo
from classifiers.verdicts import Outcome
from pictures.gate import BadImage
from serving.model.model_holder import NotReadyError

LABELS = ('daisy', 'roses', '<b>tulips</b>')


# The prediction set has the classes with a calibrated probability of at least 0.25.
LIMITS = {
    'accept_known': 0.95,
    'threshold': 1.0,
    'temperature': 1.0,
    'score': 'mahalanobis(features)',
    'pictures': 100,
    'sets': {'shown': 'lac', 'temperature': 1.0, 'lac': {'0.9': 0.25}, 'aps': {'0.9': 0.8}},
}


class FakePredictor:
    """Gives every picture the same scores, or `row`; `unreadable` bytes fail as the graph would.

    With `refuses_damaged` it reads its pictures, as a graph that decodes them does. With a
    `verdict`, which it gives of every picture, it has `limits`.
    """

    queued, running, path = 0, 0, 'fake.pb'
    engine, precision = 'onnx', 'float32'

    def __init__(
        self,
        labels=LABELS,
        version=1,
        unreadable=(),
        refuses_damaged=False,
        row=None,
        verdict=None,
        limits=LIMITS,
    ):
        self.labels = list(labels)
        self.version = version
        self.unreadable = set(unreadable)
        self.refuses_damaged = refuses_damaged
        self.info = ModelInfo('lenet', len(labels), 28, 3, 'lenet', tuple(labels))
        if verdict:
            self.info = self.info.replace(limits=limits)
        self.row = row
        self.verdict = verdict
        self.pictures = []
        self.error = None
        self.gate = threading.Event()  # Cleared: answers wait.
        self.gate.set()
        self.entered = threading.Semaphore(0)

    def outcomes(self, pictures, timeout_secs=None, client=''):
        """List an Outcome, or a BadImage, for each picture."""
        self.entered.release()
        self.gate.wait()
        if self.error:
            raise self.error
        return [self._outcome(data) for data in pictures]

    def _outcome(self, data):
        if data in self.unreadable or (self.refuses_damaged and not _is_whole(data)):
            return BadImage('the model cannot read this picture')
        self.pictures.append(data)
        row = self.row
        if row is None:
            row = np.linspace(1, 2, len(self.labels), dtype=np.float32)
            row /= row.sum()
        return Outcome(np.asarray(row, np.float32), self.verdict)


def _is_whole(data):
    import tensorflow as tf

    try:
        tf.io.decode_image(data, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        return False
    return True


class FakeHolder:
    """Lends a FakePredictor, or none while `is_ready` is false."""

    def __init__(self, predictor=None, is_ready=True):
        self.predictor = predictor or FakePredictor()
        self.is_ready = is_ready
        self.last_error = ''

    @property
    def version(self):
        """Return the version that is lent."""
        return self.predictor.version if self.is_ready else 0

    @contextlib.contextmanager
    def lease(self):
        """Lend the predictor."""
        if not self.is_ready:
            raise NotReadyError('no model is loaded')
        yield self.predictor
