"""Train a network on a data set from random weights, and evaluate it."""

from nets import model_specs
from training.jobs import programs, recipe_runs, recipes


def main(call):
    """Convert, train and evaluate, and propose the export."""
    with programs.ProgramRunner() as runner:
        run = recipe_runs.begin(call, runner)
        model, dataset = run.known.model_name, run.known.dataset_name
        model_specs.get_spec(model)  # Refuse an unknown network before anything is downloaded.
        run.convert()
        train_dir = run.known.train_dir
        recipe_runs.title(f'training {model} from random weights -> {train_dir}')
        run.train(train_dir, recipes.from_scratch(model, dataset))
        run.evaluate(train_dir)
    call.propose(run.known, 'export_freeze.sh')
