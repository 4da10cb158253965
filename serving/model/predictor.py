"""Classify pictures for any number of callers at the same time."""

import os
import time

import numpy as np
import tensorflow.compat.v1 as tf

from common.errors import UserError
from deployment import precision
from pictures.gate import BadImage
from serving import memory
from serving.model import output_names
from serving.model.engines import loading
from serving.model.engines.tensorflow_engine import Runner, trial_pictures
from serving.model.model_options import PredictorOptions
from serving.model.work_queue import WorkQueue

_WARM_UP_RUNS = 2
_TIMED_RUNS = 5
_WORTH_IT = 0.95  # Of the time in float32: less gain is not worth the errors.


class Predictor:
    """A model, loaded and warmed up, that any thread may call."""

    def __init__(
        self, model_options, options=None, report=tf.logging.info, observe=None, version=1
    ):
        self.path = os.fspath(model_options.path)
        self.version = version
        has_gpu = precision.has_gpu()
        self.options = (options or PredictorOptions()).resolved(has_gpu)
        model = loading.load(model_options)
        self._runner, self.precision, why = _choose_runner(self.path, model, self.options)
        try:
            info = _completed(model.info, self._runner.num_classes, self.path)
            self.info, names_line = output_names.name_outputs(info, model_options)
        except BaseException:
            self._runner.close()
            raise
        self.labels = self.info.names()  # Of each output.
        self.lines = (*model.lines, names_line, *why)
        for line in self.lines:
            report(line)
        self._queue = WorkQueue(
            self._runner.run,
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
        """Tell whether the graph itself refuses incomplete pictures."""
        return self._runner.refuses_damaged

    @property
    def queued(self):
        """Return how many pictures wait."""
        return self._queue.waiting

    @property
    def running(self):
        """Return how many pictures are being classified."""
        return self._queue.running

    def outcomes(self, pictures, timeout_secs=None, client=''):
        """List the probabilities of each normalised picture, or its BadImage.

        Raises BusyError when too many wait already, and ExpiredError after `timeout_secs`. Where
        pictures of several clients wait, the clients take turns.
        """
        return self._queue.submit(list(pictures), timeout_secs, client)

    def predict(self, pictures):
        """Return probabilities [pictures, classes]; raise BadImage for a bad picture."""
        outcomes = self.outcomes(pictures)
        for outcome in outcomes:
            if isinstance(outcome, BadImage):
                raise outcome
        return np.stack(outcomes) if outcomes else np.zeros([0, self.info.num_classes], np.float32)

    def close(self):
        """Finish the accepted pictures, then free the model."""
        self._queue.close()
        self._runner.close()
        memory.collect_and_give_back()


def top(probabilities, count):
    """List the `count` most probable outputs of one picture as (output, probability)."""
    order = np.argsort(-np.asarray(probabilities), kind='stable')[:count]
    return [(int(output), float(probabilities[output])) for output in order]


def _completed(info, num_classes, path):
    """Return `info` with the number of outputs, which may be known only after a run."""
    if info.num_classes not in (0, num_classes):
        raise UserError(
            f'{path}: returns {num_classes} numbers per picture, but its description says '
            f'{info.num_classes} classes; name the right node with --output_layer'
        )
    return info.replace(num_classes=num_classes)


def _choose_runner(path, model, options):
    """Return (Runner, its precision, lines for the log)."""
    short = precision.choose(has_gpu=False)
    if options.precision == 'float32':
        return _warm(path, model, None, options), 'float32', ()
    if options.precision == 'bfloat16':
        missing = ('This processor has no bfloat16: it will be slow',) if not short else ()
        return _warm(path, model, 'bfloat16', options), 'bfloat16', missing
    if not short:
        return (
            _warm(path, model, None, options),
            'float32',
            ('Using float32: this processor has no bfloat16',),
        )
    return _faster(path, model, options)


def _warm(path, model, short_type, options):
    """Return a Runner that has run the most frequent sizes of a batch."""
    try:
        runner = Runner(model, short_type)
    except UserError as error:
        raise UserError(f'{path}: {error}') from None
    for size in {1, options.max_batch_size}:
        for _ in range(_WARM_UP_RUNS):
            runner.run(_batch(size))
    return runner


def _batch(size):
    pictures = trial_pictures()
    return [pictures[number % len(pictures)] for number in range(size)]


def _faster(path, model, options):
    """Return the Runner in bfloat16 if it is faster and gives the same classes, else float32."""
    runners = {kind: _warm(path, model, kind, options) for kind in (None, 'bfloat16')}
    batch = _batch(options.max_batch_size)
    plain_ms, short_ms = _times([runners[None], runners['bfloat16']], batch)
    classes = [runner.run(_batch(len(trial_pictures()))).argmax(1) for runner in runners.values()]
    agree = bool((classes[0] == classes[1]).all())
    chosen = 'bfloat16' if agree and short_ms < _WORTH_IT * plain_ms else None
    runners['bfloat16' if chosen is None else None].close()
    why = (
        f'Using {chosen or "float32"}: {short_ms:.1f} ms for {len(batch)} pictures in bfloat16, '
        f'{plain_ms:.1f} ms in float32; their top classes {"agree" if agree else "differ"}'
    )
    return runners[chosen], chosen or 'float32', (why,)


def _times(runners, batch):
    """Return the shortest time of each runner in ms; the runners take turns."""
    taken: list[list[float]] = [[] for _ in runners]
    for _ in range(_TIMED_RUNS):
        for runner, times in zip(runners, taken, strict=True):
            began = time.perf_counter()
            runner.run(batch)
            times.append(1000 * (time.perf_counter() - began))
    return [min(times) for times in taken]
