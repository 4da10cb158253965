"""Classify pictures for any number of callers at the same time."""

import dataclasses
import os

import numpy as np

from classifiers import verdicts
from common import text
from common.logs import LOG
from pictures.kinds import BadImage
from serving import memory
from serving.model import output_names
from serving.model.engines import choice
from serving.model.model_options import PredictorOptions
from serving.model.work_queue import WorkQueue

_LONGEST_SCORE = 300  # In the log, which may quote a description from an unknown source.


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A class and its probability."""

    index: int
    label: str
    probability: float
    calibrated: float | None = None  # The calibrated probability, if the limits are known.


class Predictor:
    """A model, loaded and warmed up, that any thread may call."""

    def __init__(self, model_options, options=None, report=LOG.info, observe=None, version=1):
        self.path = os.fspath(model_options.path)
        self.version = version
        self._engine = choice.load(
            model_options, options or PredictorOptions(), is_reload=version > 1
        )
        try:
            self.info, names_line = output_names.name_outputs(self._engine.info, model_options)
        except BaseException:
            self._engine.close()
            raise
        self.engine, self.precision = self._engine.name, self._engine.precision
        self.labels = self.info.names()  # Of each output.
        self.lines = (*self._engine.lines, *_limits_lines(self.info.limits), names_line)
        for line in self.lines:
            report(line)
        self.options = self._engine.options
        self._queue = WorkQueue(
            self._engine.run,
            self.options.max_concurrency,
            self.options.max_batch_size,
            self.options.batch_wait_ms / 1000,
            self.options.max_queue,
            observe,
        )
        memory.collect_and_give_back()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def refuses_damaged(self):
        """Return whether the model itself refuses incomplete pictures."""
        return self._engine.refuses_damaged

    @property
    def queued(self):
        """Return how many pictures wait."""
        return self._queue.waiting

    @property
    def running(self):
        """Return how many pictures are being classified."""
        return self._queue.running

    def outcomes(self, pictures, timeout_secs=None, client=''):
        """List the Outcome of each normalised picture, or its BadImage.

        Raises BusyError when too many wait already, and ExpiredError after `timeout_secs`. Where
        pictures of several clients wait, the clients take turns.
        """
        return self._queue.submit(list(pictures), timeout_secs, client)

    def predict(self, pictures):
        """List the Outcome of each normalised picture; raise BadImage for a bad picture."""
        outcomes = self.outcomes(pictures)
        for outcome in outcomes:
            if isinstance(outcome, BadImage):
                raise outcome
        return outcomes

    def close(self):
        """Finish the accepted pictures, then free the model."""
        self._queue.close()
        self._engine.close()
        memory.collect_and_give_back()


def _limits_lines(limits):
    """List a line for the log about `ModelInfo.limits`, if there are any."""
    if not limits:
        return ()
    score = text.excerpt(limits['score'], _LONGEST_SCORE)
    learnt = f'learnt from {limits["pictures"]} pictures'
    accepts = f'accepts {100 * limits["accept_known"]:g}% of known pictures'
    return (f'Using the limits: {score}, {learnt}; {accepts}',)


def top(probabilities, count):
    """List the `count` most probable outputs of one picture as (output, probability)."""
    order = np.argsort(-np.asarray(probabilities), kind='stable')[:count]
    return [(int(output), float(probabilities[output])) for output in order]


def predictions(labels, outcome, count):
    """Return the Predictions of the `count` most probable outputs of one picture, best first."""
    verdict = outcome.verdict
    return tuple(
        Prediction(
            output, labels[output], share, float(verdict.probabilities[output]) if verdict else None
        )
        for output, share in top(outcome.probabilities, count)
    )


def likely(labels, outcome, limits):
    """Return the labels of the prediction set at 90%, best first; () if the limits do not say."""
    if not outcome.verdict:
        return ()
    found = verdicts.prediction_set(outcome.verdict.probabilities, limits)
    return tuple(labels[output] for output in found)
