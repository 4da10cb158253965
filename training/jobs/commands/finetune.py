"""Fine-tune a released network on a data set: first a new head alone, then all layers."""

import dataclasses
import os

from classifiers.published import released_archives
from training.jobs import arguments, programs, recipe_runs, recipes, run_directory, stages
from training.jobs.commands import download_checkpoint

_HEAD_ONLY = ('head_only', 'nohead_only')


def main(call):
    """Download weights, convert, train and evaluate both stages, and propose the export."""
    is_head_only = arguments.is_on(call.arguments, _HEAD_ONLY[0])
    others = [argument for argument in call.arguments if not arguments.has([argument], *_HEAD_ONLY)]
    call = dataclasses.replace(call, arguments=tuple(others))
    with programs.ProgramRunner() as runner:
        run = recipe_runs.begin(call, runner)
        weights = os.environ.get('CHECKPOINT_PATH') or _download(runner, run.known)
        run.convert()
        _fit_head(run, weights)
        if not is_head_only:
            _train_all_layers(run)
    _, why = stages.choose(run.known.train_dir, run.known.eval_dir)
    if why:
        recipe_runs.title(why)
    call.propose(run.known, 'export_freeze.sh')


def _download(runner, known):
    """Download the released weights unless they are there, and return the checkpoint's path.

    An unknown network, or one without released weights, is an error that lists the others.
    """
    name, directory = known.model_name, known.pretrained_dir
    runner.run(download_checkpoint.fetching(name, directory), known.environment)
    return released_archives.checkpoint(released_archives.find_release(name), directory)


def _fit_head(run, weights):
    head = run.known.train_dir
    recipe_runs.title(f'fitting a new head of {run.known.model_name} -> {head}')
    typed = run.typed
    for name in recipes.ONLY_FOR_STEPS:
        typed = arguments.without(typed, name)
    dataclasses.replace(run, typed=tuple(typed)).train(head, recipes.exact_head(weights))
    run.evaluate(head)


def _train_all_layers(run):
    head = run.known.train_dir
    whole = os.path.join(head, stages.ALL_LAYERS)
    recipe_runs.title(f'training all layers of {run.known.model_name} from there -> {whole}')
    run.train(whole, recipes.all_layers(head))
    best = stages.best_of(whole)
    # A run that the user made shorter than an epoch has validated nothing.
    run.evaluate(best if run_directory.newest_checkpoint(best) else whole)
