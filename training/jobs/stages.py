"""Choose between the stages of finetune.sh.

They are the head (TRAIN_DIR), all layers (TRAIN_DIR/all), and the best checkpoint of the training
of all layers (TRAIN_DIR/all/best).
"""

import dataclasses
import os
import sys

from common import files
from common.errors import UserError
from training.jobs import background, run_directory

ALL_LAYERS = 'all'
_EVAL_DIR = 'eval'
# The results of the validation that chose a best checkpoint.
_CHOSEN_BY = 'evaluation.json'


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an evaluation found out about a stage."""

    accuracy: float
    loss: float
    step: int
    split_name: str

    def __str__(self):
        return f'{self.split_name} accuracy {self.accuracy:.2%} at step {self.step}'


def choose(train_dir, eval_dir=None, prefer_running=False):
    """Return (directory of the stage to use, one line that says why or None).

    The stage with the better accuracy is used. An evaluated stage is preferred to one that was not
    evaluated, and with `prefer_running` a stage that is in training to any other.
    """
    head, whole = train_dir, os.path.join(train_dir, ALL_LAYERS)
    if prefer_running:
        for stage in (whole, head):
            if os.path.isdir(whole) and background.find_training(stage):
                return stage, f'using {stage}: it is in training'
    later = [stage for stage in (best_of(whole), whole) if run_directory.newest_checkpoint(stage)]
    if not later:
        return head, None
    if not run_directory.newest_checkpoint(head):
        return later[0], f'using {later[0]}: {head} itself has no checkpoint'
    found = _evaluations([*later, head], eval_dir)
    # The later stage wins a tie.
    better, *others = sorted(found, key=lambda stage: _rank(found[stage]), reverse=True)
    if not found[better]:
        return better, f'using {better}, the later stage: neither it nor {head} has been evaluated'
    compared = [f'{stage}: {found[stage] or "not evaluated"}' for stage in others]
    return better, f'using {better}: {found[better]} ({"; ".join(compared)})'


def best_of(stage):
    """Return the directory of the most accurate checkpoint of a stage."""
    return os.path.join(stage, run_directory.BEST)


def eval_dir_of(stage):
    """Return the directory for the results of a stage; its best checkpoint has the same one."""
    is_best = stage.endswith(os.path.join(os.sep, ALL_LAYERS, run_directory.BEST))
    return os.path.join(os.path.dirname(stage) if is_best else stage, _EVAL_DIR)


def chosen(known, prefer_running=False):
    """Return the directory of the stage to use, and print on standard error why it is the one."""
    stage, why = choose(known.train_dir, known.eval_dir, prefer_running)
    if why:
        print(why, file=sys.stderr)
    return stage


def _rank(evaluation):
    return (evaluation.accuracy, -evaluation.loss) if evaluation else (-1.0, 0.0)


def _evaluations(stages, eval_dir):
    """Return {stage: its newest evaluation, or None}, wherever the results were written."""
    places = dict.fromkeys([eval_dir, *map(eval_dir_of, stages)])
    records = [_read(place, run_directory.FIGURES) for place in places if place]
    # Training pictures say nothing about how good a network is.
    records = [r for r in records if _is_figures(r) and r['split_name'] != 'train']
    return {stage: _newest(stage, records) or _last_validation(stage) for stage in stages}


def _is_figures(record):
    fields = {field.name for field in dataclasses.fields(Evaluation)}
    return isinstance(record, dict) and {'checkpoint', 'finished_at', *fields} <= record.keys()


def _newest(stage, records):
    # Only the name counts, as the whole directory may have been moved since.
    name = os.path.basename(os.path.abspath(stage))
    own = [r for r in records if os.path.basename(os.path.dirname(r['checkpoint'])) == name]
    if not own:
        return None
    return _evaluation(max(own, key=lambda record: record['finished_at']))


def _evaluation(record):
    return Evaluation(*(record[field.name] for field in dataclasses.fields(Evaluation)))


def _last_validation(stage):
    """Return what a training with --validate_every_n_epochs found at the end, or of the best."""
    chosen_by = _read(stage, _CHOSEN_BY)
    if _is_figures(chosen_by):
        return _evaluation(chosen_by)
    rows = _read(stage, run_directory.VALIDATIONS)
    return Evaluation(**rows[-1], split_name='validation') if rows else None


def _read(directory, name):
    path = os.path.join(directory, name)
    try:
        return files.read_json(path) if os.path.exists(path) else None
    except UserError as error:
        print(f'{error}; ignored', file=sys.stderr)
        return None
