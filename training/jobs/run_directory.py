"""Read what a training run leaves in its directory, without TensorFlow."""

import dataclasses
import os
import re

from common import files
from common.errors import UserError

EXIT_DIVERGED = 3  # Exit status: the loss or the weights were no longer numbers.
LOCK = 'train.lock'  # Held by the training program as long as it runs.
STATUS = 'status.json'  # A `Status`.
FIGURES = 'metrics.json'  # The last evaluation of a checkpoint, in its eval_dir.
VALIDATIONS = 'validations.json'  # Steps, accuracies and losses, in order.
TRAINING, FINISHED, STOPPED = 'training', 'finished', 'stopped'
DIVERGED, FAILED = 'diverged', 'failed'
_NEWEST = re.compile(r'^model_checkpoint_path: "([^"]*)"', re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Status:
    """The state of a training run; a killed process leaves the state `training` behind."""

    state: str  # One of the five above.
    process: int  # The process that wrote it.
    step: int | None = None  # While training: the first; then: the one saved last, or diverged at.
    last_step: int | None = None  # Where the run ends; None if it runs until it is stopped.
    message: str = ''  # What went wrong.
    advice: tuple[str, ...] = ()  # What to change in the next run.


def read_status(directory, process=None):
    """Return the status of the run in a directory, or None if there is none that can be read.

    If a process is given, only a status that this process wrote counts.
    """
    try:
        status = Status(**files.read_json(os.path.join(directory, STATUS)))
    except (UserError, TypeError):
        return None
    return status if process in (None, status.process) else None


def newest_checkpoint(directory):
    """Return the path of the checkpoint that TensorFlow's file `checkpoint` names, or None."""
    try:
        with open(os.path.join(directory, 'checkpoint'), errors='replace') as stream:
            found = _NEWEST.search(stream.read())
    except OSError:
        return None
    return os.path.join(directory, found[1]) if found else None
