"""Read what a training run leaves in its directory, without TensorFlow."""

import dataclasses
import glob
import os
import re

from common import files
from common.errors import UserError

EXIT_DIVERGED = 3  # Exit status: the loss or the weights were no longer numbers.
LOCK = 'train.lock'  # Held by the training program as long as it runs.
BEST = 'best'  # The directory, in a train_dir or eval_dir, of the most accurate checkpoint.
STATUS = 'status.json'  # A `Status`: of the only process, or of the chief of a cluster.
OTHER_STATUS = 'status_{job}_{task}.json'  # Of another process of a cluster.
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

    If a process is given, only a status that this process wrote counts; any process of a cluster
    has one.
    """
    names = [STATUS] if process is None else glob.glob('status*.json', root_dir=directory)
    found = [_status(os.path.join(directory, name)) for name in names]
    return next((each for each in found if each and process in (None, each.process)), None)


def _status(path):
    try:
        return Status(**files.read_json(path))
    except (UserError, TypeError):
        return None


def newest_checkpoint(directory):
    """Return the path of the checkpoint that TensorFlow's file `checkpoint` names, or None."""
    try:
        with open(os.path.join(directory, 'checkpoint'), errors='replace') as stream:
            found = _NEWEST.search(stream.read())
    except OSError:
        return None
    return os.path.join(directory, found[1]) if found else None
