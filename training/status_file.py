"""Keep the status of a training run in its train_dir, for scripts."""

import dataclasses
import os

import tensorflow.compat.v1 as tf

from common import files
from common.errors import reason
from training.jobs import run_directory
from training.jobs.run_directory import Status
from training.saving import DivergedError


class StatusFile:
    """Write the status of a run at its start and, through a `with` block, at its end.

    Without a directory nothing is written: only the chief of a cluster reports.
    """

    def __init__(self, train_dir):
        self._train_dir = train_dir
        self._status = Status(run_directory.TRAINING, os.getpid())

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, DivergedError):
            self._write(state=run_directory.DIVERGED, step=error.step, message=str(error))
        elif error is not None:
            self._write(state=run_directory.FAILED, message=reason(error))

    def begin(self, step, last_step):
        """Report that data and weights were found, and where training starts and ends."""
        earlier = run_directory.read_status(self._train_dir) if self._train_dir else None
        # The advice about earlier steps still holds if no step remains.
        advice = earlier.advice if earlier else ()
        self._write(step=step, last_step=last_step, advice=advice)

    def advise(self, lines):
        """Report what the user should change in the next run."""
        self._write(advice=tuple(lines))

    def end(self, step, is_stopped=False):
        """Report that the run has ended, after the step that was saved last."""
        last_step = self._status.last_step
        is_complete = last_step is not None and step is not None and step >= last_step
        is_early = is_stopped and not is_complete
        self._write(state=run_directory.STOPPED if is_early else run_directory.FINISHED, step=step)

    def _write(self, **changes):
        self._status = dataclasses.replace(self._status, **changes)
        if self._train_dir is None:
            return
        path = os.path.join(self._train_dir, run_directory.STATUS)
        try:
            files.write_json(path, dataclasses.asdict(self._status))
        except OSError as error:
            # The run itself does not need the file.
            tf.logging.warning('%s: cannot be written (%s)', path, reason(error))
