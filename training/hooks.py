"""Session hooks that check the loss, stop, log, and record summaries."""

import time

import numpy as np
import tensorflow.compat.v1 as tf

from common.progress import Progress
from training.saving import DivergedError


class LossGuard(tf.train.SessionRunHook):
    """End the run without saving if the loss is not a number."""

    def __init__(self, step):
        self._fetches = (step.number, step.loss, step.scalars['learning_rate'])

    def before_run(self, run_context):
        """Request the loss."""
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        """Check the loss."""
        number, loss, rate = run_values.results
        if not np.isfinite(loss):
            raise DivergedError(f'the loss is {loss}', number, rate)


class Stopper(tf.train.SessionRunHook):
    """Stop after the last step, or on request."""

    def __init__(self, step, last_step, stop):
        self._number = step.number
        self._last_step = last_step
        self._stop = stop

    def begin(self):
        """Get the tensor of the global step."""
        self._global_step = tf.train.get_global_step()

    def after_create_session(self, session, coord):
        """Stop if no step remains."""
        if self._is_over(session.run(self._global_step)):
            coord.request_stop()

    def before_run(self, run_context):
        """Request the global step."""
        return tf.train.SessionRunArgs(self._number)

    def after_run(self, run_context, run_values):
        """Stop after the last step or on request."""
        if self._is_over(run_values.results):
            run_context.request_stop()

    def _is_over(self, number):
        return bool(self._stop) or (self._last_step is not None and number >= self._last_step)


class Meter(tf.train.SessionRunHook):
    """Log a line and record scalars every few steps; show a progress bar in a terminal.

    Times are those of the steps, without saving, validation and summaries.
    """

    def __init__(self, step, run, writer=None, bar=None, clock=time.perf_counter):
        self._fetches = {**step.scalars, 'global_step': step.number}
        self._every = run.options.log_every_n_steps
        self._images = run.images_per_step
        self._writer = writer
        self._clock = clock
        self._logged_at = None
        self._bar = bar

    def after_create_session(self, session, coord):
        """Start counting."""
        self._logged_at = None

    def before_run(self, run_context):
        """Request the scalars, and start the timer."""
        self._began = self._clock()
        return tf.train.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        """Count the step, and report if it is time."""
        scalars = dict(run_values.results)
        number = int(scalars.pop('global_step'))
        if self._logged_at is None:
            self._reset(number - 1)
        self._secs += self._clock() - self._began
        self._waited += float(scalars.pop('input_wait_secs'))
        is_due = self._every and number // self._every > self._logged_at // self._every
        if self._bar:
            self._bar.show(number, scalars['total_loss'], self._rate(number))
        if self._writer and (is_due or number == 1):
            self._write(number, scalars)
        if is_due:
            self._log(number, scalars['total_loss'])
            self._reset(number)

    def _reset(self, number):
        self._logged_at, self._secs, self._waited = number, 0.0, 0.0

    def _rate(self, number):
        return (number - self._logged_at) * self._images / max(self._secs, 1e-9)

    def _write(self, number, scalars):
        scalars['images_per_second'] = self._rate(number)
        scalars['input_wait_share'] = min(self._waited / max(self._secs, 1e-9), 1.0)
        self._writer.add_scalars(scalars, number)

    def _log(self, number, loss):
        tf.logging.info(
            'global step %d: loss = %.4f (%.3f sec/step) %.1f images/sec',
            number,
            loss,
            self._secs / (number - self._logged_at),
            self._rate(number),
        )


class Bar:
    """A progress bar in a terminal during a `with` block; log lines appear above it."""

    def __init__(self, last_step, stream=None, clock=time.monotonic):
        self._progress = Progress(last_step, 'Training', 'steps', stream, clock)
        self._number = None

    def __enter__(self):
        self._progress.__enter__()
        tf.get_logger().addFilter(self._make_way)
        return self

    def __exit__(self, *error):
        tf.get_logger().removeFilter(self._make_way)
        self._progress.__exit__(*error)

    def show(self, number, loss, rate):
        """Show the number of a step, and its speed and loss."""
        if self._number is None:
            self._number = number - 1
            self._progress.start_at(self._number)
        self._progress.advance(number - self._number, f'loss {loss:.4f}, {rate:.1f} images/s')
        self._number = number

    def _make_way(self, record):
        self._progress.clear_line()
        return True


class Recorder(tf.train.SessionRunHook):
    """Record pictures and histograms by time or by steps, in the same run as the step."""

    def __init__(self, step, run, writer, clock=time.monotonic):
        self._step = step
        self._secs = run.options.save_summaries_secs
        self._steps = run.options.save_summaries_steps
        self._writer = writer
        self._clock = clock
        self._recorded_at = self._recorded_on = self._number = None

    def before_run(self, run_context):
        """Request the summaries if it is time."""
        self._is_due = self._decide()
        fetches = {'number': self._step.number}
        if self._is_due:
            fetches['pictures'] = self._step.pictures
        return tf.train.SessionRunArgs(fetches)

    def after_run(self, run_context, run_values):
        """Write the summaries."""
        self._number = int(run_values.results['number'])
        if self._is_due:
            tf.logging.info('Recording summary at step %d.', self._number)
            self._writer.add_summary(run_values.results['pictures'], self._number)
            self._recorded_at, self._recorded_on = self._number, self._clock()

    def _decide(self):
        if not (self._secs or self._steps):
            return False
        if self._recorded_at is None:
            return True
        coming = self._number + 1
        by_steps = self._steps and coming // self._steps > self._recorded_at // self._steps
        return bool(by_steps or (self._secs and self._clock() - self._recorded_on >= self._secs))
