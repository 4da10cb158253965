"""The steps of finetune.sh and train_from_scratch.sh: convert, train, evaluate."""

import dataclasses
import os

from common.errors import UserError
from datasets.records import record_files
from training.jobs import programs, stages
from training.jobs import settings as settings_of
from training.jobs.settings import Settings

TRAIN = 'train_image_classifier.py'


def begin(call, runner):
    """Return the Run that the first two arguments choose, with the directories of env_set.sh."""
    call.answer_help(TRAIN)
    model, dataset, *flags = [*call.arguments, '', ''][: max(2, len(call.arguments))]
    if not model or not dataset or model.startswith('-') or dataset.startswith('-'):
        raise UserError(f'usage: scripts/{call.name}.sh MODEL DATASET [flags of {TRAIN}]')
    # The names of files and of TRAIN_DIR depend on these two.
    known = settings_of.read(MODEL_NAME=model, DATASET_NAME=dataset)
    if (known.model_name, known.dataset_name) != (model, dataset):
        raise UserError(
            f'scripts/env_set.sh always sets MODEL_NAME={known.model_name} and '
            f'DATASET_NAME={known.dataset_name}; write them there as '
            f'${{MODEL_NAME:-{known.model_name}}} and ${{DATASET_NAME:-{known.dataset_name}}}'
        )
    return Run(known, tuple(flags), runner)


@dataclasses.dataclass(frozen=True)
class Run:
    """Steps on one network and data set; `typed` are the flags of every training."""

    known: Settings
    typed: tuple[str, ...]
    runner: programs.ProgramRunner

    def convert(self):
        """Convert the pictures, unless that was done before or there are only records."""
        name, directory = self.known.dataset_name, self.known.dataset_dir
        if _has_records(self.known) and not os.path.isdir(os.path.join(directory, name)):
            return
        title(f'converting {name} -> {directory}')
        self._run('download_and_convert_data.py', [])

    def train(self, train_dir, flags):
        """Train into a directory; the user's flags come after those of the recipe."""
        network = [f'--model_name={self.known.model_name}', f'--train_dir={train_dir}']
        self._run(TRAIN, [*network, *flags, *self.typed])

    def evaluate(self, train_dir):
        """Evaluate the newest checkpoint of a directory."""
        eval_dir = stages.eval_dir_of(train_dir)
        title(f'evaluating {train_dir} -> {eval_dir}')
        flags = [f'--checkpoint_path={train_dir}', f'--eval_dir={eval_dir}']
        self._run('eval_image_classifier.py', flags)

    def _run(self, program, flags):
        command = programs.command(program, *self.known.data_flags, *flags)
        self.runner.run(command, self.known.environment)


def _has_records(known):
    try:
        record_files.require(known.dataset_dir, known.dataset_name, 'train')
    except UserError:
        return False
    return True


def title(text):
    """Print the heading of a step."""
    print(f'\n== {text}')
