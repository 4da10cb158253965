"""What a training tells those who watch its directory without loading TensorFlow."""

import os
import re

DIVERGED = 3  # Exit status: the loss or the weights were no longer numbers.
LOCK = 'train.lock'  # Held by the training program as long as it runs.
FIGURES = 'metrics.json'  # The last evaluation of a checkpoint, in its eval_dir.
VALIDATIONS = 'validations.json'  # Steps, accuracies and losses, in order.
_STATED = re.compile(r'^model_checkpoint_path: "([^"]*)"', re.MULTILINE)


def newest_checkpoint(directory):
    """Return the path of the checkpoint that TensorFlow's file `checkpoint` names, or None."""
    try:
        with open(os.path.join(directory, 'checkpoint'), errors='replace') as stream:
            stated = _STATED.search(stream.read())
    except OSError:
        return None
    return os.path.join(directory, stated[1]) if stated else None
