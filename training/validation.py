"""Validate during training, keep the best checkpoint, and stop if there is no better one."""

import math
import os

import tensorflow.compat.v1 as tf

from classifiers import checkpoints
from classifiers.watch import Checkpoint
from common import files
from training.evaluation import reports
from training.evaluation.best_checkpoint import BestCheckpoint
from training.evaluation.evaluator import Evaluator
from training.jobs import run_directory


class _StopAskedError(Exception):
    """End a validation early, because the user stops the program."""


class Validator(tf.train.SessionRunHook):
    """Validate a checkpoint every few epochs, with the results of eval_image_classifier.py.

    The results are stored in the train_dir, so that early stopping also works in a resumed run. A
    copy of the most accurate checkpoint is kept there, too, in `best`.
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
        self._info = run.info
        self._dataset = dataset
        self._evaluator = Evaluator(
            run.info,
            dataset,
            batch_size=options.batch_size,
            num_threads=options.num_preprocessing_threads,
            skip_damaged=options.skip_damaged_records,
        )
        self._best = BestCheckpoint(os.path.join(options.train_dir, run_directory.BEST))
        # One of an earlier run, or of another split, is no longer the best.
        self._is_best_stale = not (run.resumed and self._best.matches(self._identity()))
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
            self.validate(run_context.session)
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

    def validate(self, session):
        """Save a checkpoint and validate it."""
        path = self._checkpoints.save(session)
        step = self._checkpoints.saved_step
        try:
            metrics = self._evaluator.evaluate(path, self._break_off)
        except _StopAskedError:
            return
        self._publish(metrics, step)
        self._keep_if_best(metrics, Checkpoint(path, step, checkpoints.fingerprint(path)))

    def _publish(self, metrics, step):
        """Log the results, and add them to the events and to the history."""
        tf.logging.info(
            'Validation at step %d: accuracy = %.4f, loss = %.4f (%d pictures of %s)',
            step,
            metrics.accuracy,
            metrics.loss,
            metrics.count,
            self._dataset.split_name,
        )
        self._writer.add_scalars(
            {'validation/accuracy': metrics.accuracy, 'validation/loss': metrics.loss}, step
        )
        row = {'step': step, 'accuracy': metrics.accuracy, 'loss': metrics.loss}
        self._history = [*self._history, row]
        files.write_json(self._path, self._history)

    def _settings(self):
        """Return what changes the results, besides model and data, as an evaluation names it."""
        return {
            'image_size': self._info.image_size,
            'preprocessing_name': self._info.preprocessing_name,
            'moving_averages': bool(self._info.moving_average_decay),
        }

    def _identity(self):
        return {
            'model_name': self._info.model_name,
            'dataset_name': self._dataset.dataset_name,
            'split_name': self._dataset.split_name,
            **self._settings(),
        }

    def _keep_if_best(self, metrics, checkpoint):
        evaluation = reports.Evaluation(
            checkpoint=checkpoint,
            info=self._info,
            dataset=self._dataset,
            settings=self._settings(),
            metrics=metrics,
            finished_at=reports.now(),
        )
        with self._best.holding(checkpoint) as held:
            content = reports.as_json(evaluation)
            if self._best.offer(evaluation, content, held, replace=self._is_best_stale):
                tf.logging.info('Best so far, kept in %s', self._best.directory)
        self._is_best_stale = False

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
