"""Train a network on a data set from random weights, and evaluate it."""

from training.jobs import programs, recipe_runs, recipes


def main(call):
    """Convert, train and evaluate, and propose the export."""
    with programs.ProgramRunner() as runner:
        run = recipe_runs.begin(call, runner)
        model, dataset = run.known.model_name, run.known.dataset_name
        # An unknown network is refused before anything is downloaded for it, by another process:
        # this one waits for hours, and TensorFlow would stay in its memory.
        runner.run(programs.function('nets.nets_factory', 'get_spec', model))
        run.convert()
        train_dir = run.known.train_dir
        recipe_runs.title(f'training {model} from random weights -> {train_dir}')
        run.train(train_dir, recipes.from_scratch(model, dataset))
        run.evaluate(train_dir)
    call.propose(run.known, 'export_freeze.sh')
