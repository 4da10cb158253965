"""Validate during training, and stop if the accuracy does not improve."""

import math
import os

import tensorflow.compat.v1 as tf

from common import files
from training.evaluation.evaluator import Evaluator
from training.jobs import run_directory


class _StopAskedError(Exception):
    """End a validation early, because the user stops the program."""


class Validator(tf.train.SessionRunHook):
    """Validate a checkpoint every few epochs, with the results of eval_image_classifier.py.

    The results are stored in the train_dir, so that early stopping also works in a resumed run.
    """

    def __init__(self, run, step, dataset, checkpoints, writer, stop):
        options = run.options
        self._number = step.number
        self._images = run.images_per_step
        self._interval = options.validate_every_n_epochs * run.dataset.num_samples
        self._patience = options.early_stopping_patience
        self._checkpoints = checkpoints
        self._writer = writer
        self._stop = stop
        self._evaluator = Evaluator(
            run.info,
            dataset,
            batch_size=options.batch_size,
            num_threads=options.num_preprocessing_threads,
            skip_damaged=options.skip_damaged_records,
        )
        self._split_name = dataset.split_name
        self._path = os.path.join(options.train_dir, run_directory.VALIDATIONS)
        self._history = _read(self._path, run.resumed.step if run.resumed else 0)

    def close(self):
        """Close the session of the evaluator."""
        self._evaluator.close()

    def after_create_session(self, session, coord):
        """Stop if an earlier session has reached the limit of early stopping."""
        self._last_step = None
        if self._is_hopeless():
            coord.request_stop()

    def before_run(self, run_context):
        """Request the global step."""
        return tf.train.SessionRunArgs(self._number)

    def after_run(self, run_context, run_values):
        """Validate after each interval, and stop early if needed."""
        step = int(run_values.results)
        # Other workers may have run steps in between.
        before = step - 1 if self._last_step is None else self._last_step
        self._last_step = step
        if self._periods(step) > self._periods(before):
            self._validate(run_context.session)
            if self._is_hopeless():
                best = max(self._history, key=lambda row: row['accuracy'])
                tf.logging.info(
                    'Stopping early: accuracy has not risen above %.4f (step %d) in %d validations',
                    best['accuracy'],
                    best['step'],
                    self._patience,
                )
                run_context.request_stop()

    def _periods(self, step):
        """Count the intervals that end at or before a step."""
        return math.floor(round(step * self._images / self._interval, 9))

    def _validate(self, session):
        path = self._checkpoints.save(session)
        step = self._checkpoints.saved_step
        try:
            metrics = self._evaluator.evaluate(path, self._break_off)
        except _StopAskedError:
            return
        tf.logging.info(
            'Validation at step %d: accuracy = %.4f, loss = %.4f (%d pictures of %s)',
            step,
            metrics.accuracy,
            metrics.loss,
            metrics.count,
            self._split_name,
        )
        self._writer.add_scalars(
            {'validation/accuracy': metrics.accuracy, 'validation/loss': metrics.loss}, step
        )
        row = {'step': step, 'accuracy': metrics.accuracy, 'loss': metrics.loss}
        self._history = [*self._history, row]
        files.write_json(self._path, self._history)

    def _break_off(self, batch):
        if self._stop:
            raise _StopAskedError

    def _is_hopeless(self):
        if not self._patience or not self._history:
            return False
        accuracies = [row['accuracy'] for row in self._history]
        return len(accuracies) - 1 - accuracies.index(max(accuracies)) >= self._patience


def _read(path, step):
    """Return the validations up to a step; later ones are repeated."""
    if not os.path.exists(path):
        return []
    return [row for row in files.read_json(path) if row['step'] <= step]
