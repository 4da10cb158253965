"""Fine-tune a published network on a data set: first a new head alone, then all layers."""

import dataclasses
import os

from nets import model_specs
from training.jobs import (
    arguments,
    programs,
    recipe_runs,
    recipes,
    run_directory,
    stages,
    starting_weights,
)
from training.jobs.commands import download_checkpoint
from weights.published import offers

_HEAD_ONLY = ('head_only', 'nohead_only')


def main(call):
    """Download weights, convert, train and evaluate both stages, and propose the export."""
    is_head_only = arguments.is_on(call.arguments, _HEAD_ONLY[0])
    others = [argument for argument in call.arguments if not arguments.has([argument], *_HEAD_ONLY)]
    network, path = _starting_point(others)
    call = dataclasses.replace(call, arguments=(network, *others[1:]))
    with programs.ProgramRunner() as runner:
        run = recipe_runs.begin(call, runner)
        weights = path or os.environ.get('CHECKPOINT_PATH') or _download(run, *others[:1])
        run.convert()
        _fit_head(run, weights)
        if not is_head_only:
            _train_all_layers(run)
    _, why = stages.choose(run.known.train_dir, run.known.eval_dir)
    if why:
        recipe_runs.title(why)
    call.propose(run.known, 'export_freeze.sh')


def _starting_point(typed):
    """Return (network, path of its weights or '') for the first argument.

    It is the name of a network or of published weights, or the path of a checkpoint.
    """
    name = typed[0] if typed else ''
    if name in model_specs.MODELS or name.startswith('-') or not name:
        return name, ''
    if starting_weights.is_path(name):
        found = starting_weights.at_path(name)
        return found.network, found.path
    found = offers.find(name)
    return (found[0].network if found else name), ''


def _download(run, name):
    """Download published weights unless they are there, and return the checkpoint's path.

    An unknown name, or a network without published weights, is an error that lists the others.
    """
    directory = run.known.pretrained_dir
    run.runner.run(download_checkpoint.fetching(name, directory), run.known.environment)
    return download_checkpoint.place(name, directory)[0]


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
