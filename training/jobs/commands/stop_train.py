"""Stop the training that env_set.sh names, and wait until it has saved a checkpoint."""

import os

from common.errors import UserError
from training.jobs import background, settings

_FLAG = '--train_dir='


def main(call):
    """Stop the training, and propose the export."""
    call.answer_help()
    for argument in call.arguments:
        if not argument.startswith(_FLAG) or argument == _FLAG:
            raise UserError(f"unknown argument '{argument}'; the only one is {_FLAG}DIR")
    known = settings.read().following(call.arguments)
    background.stop(known.train_dir)
    if os.path.exists(os.path.join(known.train_dir, 'checkpoint')):
        call.propose(known, 'export_freeze.sh')
