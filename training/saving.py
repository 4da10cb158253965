"""Save checkpoints and the status of a run; check the variables first, clean up after errors."""

import contextlib
import dataclasses
import glob
import os
import time

import tensorflow.compat.v1 as tf

from classifiers import checkpoints, model_info
from common import files, locks
from common.errors import UserError, reason
from training.jobs import run_directory
from training.jobs.run_directory import Status

NAME = 'model.ckpt'
# Sessions recover from these errors when the parameter server is back.
_SERVER_LOST = (tf.errors.AbortedError, tf.errors.UnavailableError)
# Temporary files of TensorFlow that a killed process leaves.
_HALF_WRITTEN = ('*.tempstate*', 'checkpoint.tmp*', f'.{model_info.FILE_NAME}.*')


@contextlib.contextmanager
def claimed(train_dir):
    """Lock the directory for this process, and remove temporary files of killed processes."""
    try:
        os.makedirs(train_dir, exist_ok=True)
    except OSError as error:
        raise UserError(f'--train_dir={train_dir}: cannot be created ({error.strerror})') from None
    busy = f'--train_dir={train_dir}: another process is training there'
    with locks.Lock(os.path.join(train_dir, run_directory.LOCK), busy):
        for pattern in _HALF_WRITTEN:
            for path in glob.glob(os.path.join(glob.escape(train_dir), pattern)):
                with contextlib.suppress(OSError):
                    os.unlink(path)
        yield


class DivergedError(Exception):
    """The loss or the weights are no longer numbers."""

    def __init__(self, what, step, rate):
        self.step = int(step)
        super().__init__(
            f'{what} at step {step}, learning rate {rate:.6g}; nothing was saved since then.'
            ' Likely causes: a learning rate that is too high (try a tenth, or --warmup_epochs=1), '
            'exploding gradients (--gradient_clip_norm=1), NaN in the checkpoint or the '
            'pictures, or an --opt_epsilon that is too small'
        )


class StatusFile:
    """Write the status of a process for scripts: at its start and, in a `with` block, at its end.

    Only the chief of a cluster needs the directory. Where it is missing, the others write nothing.
    """

    def __init__(self, train_dir, place):
        self._train_dir = train_dir
        other = run_directory.OTHER_STATUS.format(job=place.job_name, task=place.task)
        self._name = run_directory.STATUS if place.is_chief else other
        self._status = Status(run_directory.TRAINING, os.getpid())

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, DivergedError):
            self._write(state=run_directory.DIVERGED, step=error.step, message=str(error))
        elif error is not None:
            self._write(state=run_directory.FAILED, message=reason(error))

    def begin(self, step=None, last_step=None):
        """Report that data and weights were found, and where training starts and ends."""
        earlier = run_directory.read_status(self._train_dir)
        # The advice about earlier steps still holds if no step remains.
        advice = earlier.advice if earlier else ()
        self._write(step=step, last_step=last_step, advice=advice)

    def advise(self, lines):
        """Report what the user should change in the next run."""
        self._write(advice=tuple(lines))

    def end(self, step=None, is_stopped=False):
        """Report that the run has ended, after the step that this process saved last."""
        last_step = self._status.last_step
        is_complete = last_step is not None and step is not None and step >= last_step
        is_early = is_stopped and not is_complete
        self._write(state=run_directory.STOPPED if is_early else run_directory.FINISHED, step=step)

    def _write(self, **changes):
        self._status = dataclasses.replace(self._status, **changes)
        if not os.path.isdir(self._train_dir):
            return
        path = os.path.join(self._train_dir, self._name)
        try:
            files.write_json(path, dataclasses.asdict(self._status))
        except OSError as error:
            # The run itself does not need the file.
            tf.logging.warning('%s: cannot be written (%s)', path, reason(error))


class CheckpointWriter:
    """Save the variables of a run as `model.ckpt-N`, only if all are numbers."""

    def __init__(self, run, step):
        self._directory = run.options.train_dir
        self._path = os.path.join(self._directory, NAME)
        self._info = run.info
        self.saver = tf.train.Saver(
            max_to_keep=run.options.keep_checkpoints or None, save_relative_paths=True
        )
        self._global_step = tf.train.get_global_step()
        self._rate = step.scalars['learning_rate']
        floats = [v for v in tf.global_variables() if v.dtype.base_dtype.is_floating]
        self._names = [variable.op.name for variable in floats]
        with tf.name_scope('all_finite'):
            finite = [tf.reduce_all(tf.is_finite(variable.read_value())) for variable in floats]
            self._finite = tf.stack(finite)
        self.saved_step = None

    def begin(self, resumed):
        """Set the checkpoint to resume from; older ones count for --keep_checkpoints."""
        self.saved_step = resumed.step if resumed else None
        older = reversed(_checkpoints_in(self._directory)) if resumed else ()
        known = [path for path in older if checkpoints.step_of(path) <= resumed.step]
        self.saver.recover_last_checkpoints(known)
        if resumed and model_info.read_beside(self._directory) != self._info:
            self._guarded(resumed.path, lambda: model_info.write(self._directory, self._info))

    def restore(self, session, checkpoint):
        """Restore all variables in a new session after a parameter server was lost."""
        self.saver.restore(session, checkpoint.path)

    def save(self, session):
        """Save a checkpoint of this step unless it exists; return its path."""
        step = int(session.run(self._global_step))
        path = f'{self._path}-{step}'
        if step == self.saved_step:
            return path
        self._require_finite(session, step)
        tf.logging.info('Saving checkpoint to path %s', path)
        self._guarded(path, lambda: self._write(session, step))
        self.saved_step = step
        return path

    def _write(self, session, step):
        if self.saved_step is None:
            model_info.write(self._directory, self._info)
        self.saver.save(session, self._path, global_step=step)

    def _guarded(self, path, write):
        """Write; after an error, remove the incomplete checkpoint and say which one remains."""
        try:
            write()
        except (tf.errors.OpError, OSError) as error:
            if checkpoints.fault(path):
                self._discard(path)
            if isinstance(error, _SERVER_LOST):
                raise
            raise UserError(self._about_failure(path, error)) from None

    def _require_finite(self, session, step):
        finite = session.run(self._finite)
        if not finite.all():
            wrong = [name for name, good in zip(self._names, finite, strict=True) if not good]
            more = f' and {len(wrong) - 1} more variables' if len(wrong) > 1 else ''
            raise DivergedError(f'NaN or Inf in {wrong[0]}{more}', step, session.run(self._rate))

    def _discard(self, path):
        for part in glob.glob(f'{glob.escape(path)}.*'):
            with contextlib.suppress(OSError):
                os.unlink(part)

    def _about_failure(self, path, error):
        kept = next((p for p in _checkpoints_in(self._directory) if not checkpoints.fault(p)), None)
        remains = f'the last good checkpoint is {kept}' if kept else 'there is no good checkpoint'
        return f'{path}: cannot be written ({reason(error)}); {remains}'


def _checkpoints_in(directory):
    """List the checkpoints by their files, newest step first."""
    prefixes = [
        checkpoints.prefix_of(path)
        for path in glob.glob(os.path.join(glob.escape(directory), f'{NAME}-*.index'))
    ]
    return sorted(prefixes, key=checkpoints.step_of, reverse=True)


class SaverHook(tf.train.SessionRunHook):
    """Save at the start of a session, at intervals, and at its end.

    A session that ends with an error does not call `end`, so that nothing bad is saved.
    """

    def __init__(self, writer, run, number, clock=time.monotonic):
        self._writer = writer
        self._resumed = run.resumed
        self._steps = run.options.save_interval_steps
        self._secs = run.options.save_interval_secs
        self._number = number
        self._clock = clock

    def after_create_session(self, session, coord):
        """Save the initial variables, unless they were just read from a checkpoint."""
        if self._writer.saved_step is None:
            self._writer.begin(self._resumed)
        self._save(session)

    def before_run(self, run_context):
        """Request the global step."""
        return tf.train.SessionRunArgs(self._number)

    def after_run(self, run_context, run_values):
        """Save if it is time."""
        step = int(run_values.results)
        due_by_step = self._steps and step // self._steps > self._saved_at // self._steps
        due_by_time = self._secs and self._clock() - self._saved_on >= self._secs
        if due_by_step or due_by_time:
            self._save(run_context.session)

    def end(self, session):
        """Save the last step."""
        self._save(session)

    def _save(self, session):
        self._writer.save(session)
        self._saved_at = self._writer.saved_step
        self._saved_on = self._clock()
