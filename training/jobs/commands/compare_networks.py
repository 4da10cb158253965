"""Compare the networks whose checkpoints are at hand on a data set."""

import os
import sys

from training.jobs import programs, recipe_runs, settings
from training.jobs.command_line import Parser
from training.jobs.comparison import candidates, comparison, results


def main(call):
    """Measure each network, show all of them, and propose to fine-tune the most accurate one."""
    call.answer_help()
    typed = _parse(call.arguments)
    known = settings.read(DATASET_NAME=typed.dataset)
    chosen = candidates.choose(typed.networks, known.pretrained_dir, typed.random)
    kept = results.Results(os.path.abspath(typed.output_dir or f'comparison_{typed.dataset}'))
    with programs.ProgramRunner() as runner:
        recipe_runs.Run(known, (), runner).convert()
        found = comparison.measure_all(chosen, known, kept, runner)
    if found:
        ranked = results.ranked(found)
        comparison.show(ranked, typed.dataset, kept)
        if ranked[0].checkpoint:
            _propose(call, ranked[0], typed.dataset)
    if len(found) < len(chosen):
        sys.exit(1)


def _parse(typed):
    parser = Parser()
    parser.add_argument('dataset')
    parser.add_argument('networks', nargs='*')
    parser.add_argument('--random', action='store_true')
    parser.add_argument('--output_dir', default='')
    return parser.parse_intermixed_args(typed)


def _propose(call, best, dataset):
    known = settings.read(DATASET_NAME=dataset, CHECKPOINT_PATH=best.checkpoint)
    call.propose(known, 'finetune.sh', best.network, dataset)
