"""Fine-tune a released network on a data set: first a new head alone, then all layers."""

import os

from classifiers import released_archives
from common.errors import UserError
from training.jobs import programs, recipe_runs, recipes, stages
from training.jobs.commands import download_checkpoint


def main(call):
    """Download weights, convert, train and evaluate both stages, and propose the export."""
    with programs.ProgramRunner() as runner:
        run = recipe_runs.begin(call, runner)
        model, train_dir = run.known.model_name, run.known.train_dir
        weights = os.environ.get('CHECKPOINT_PATH') or _download(runner, run.known)
        recipe = recipes.fine_tuning(model)
        if recipe is None:
            raise UserError(
                f'{model}: training/jobs/recipes.py has no row for it; use train_from_scratch.sh'
            )
        run.convert()
        recipe_runs.title(f'training a new head of {model} -> {train_dir}')
        start = recipes.new_head(weights)
        run.train(train_dir, [*start, *recipe.head.flags(), *recipe.flags()])
        run.evaluate(train_dir)
        whole = os.path.join(train_dir, stages.ALL_LAYERS)
        recipe_runs.title(f'training all layers of {model} -> {whole}')
        start = [f'--checkpoint_path={train_dir}']
        run.train(whole, [*start, *recipe.all_layers.flags(), *recipe.flags()])
        run.evaluate(whole)
    recipe_runs.title(stages.choose(train_dir, run.known.eval_dir)[1] or '')
    call.propose(run.known, 'export_freeze.sh')


def _download(runner, known):
    """Download the released weights unless they are there, and return the checkpoint's path.

    An unknown network, or one without released weights, is an error that lists the others.
    """
    name, directory = known.model_name, known.pretrained_dir
    runner.run(download_checkpoint.fetching(name, directory), known.environment)
    return released_archives.checkpoint(released_archives.find_release(name), directory)
