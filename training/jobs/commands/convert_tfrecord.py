"""Convert the pictures that env_set.sh names to TFRecord files."""

from training.jobs import arguments, programs, settings

PROGRAM = 'download_and_convert_data.py'


def main(call):
    """Convert, and propose the training."""
    call.answer_help(PROGRAM)
    known = settings.read()
    command = programs.command(PROGRAM, *known.data_flags, *call.arguments)
    programs.run(command, known.environment)
    known = known.following(call.arguments)
    records = arguments.value(call.arguments, 'output_directory', known.dataset_dir)
    known = known.following([f'--dataset_dir={records}'])
    call.propose(known, 'run_train.sh')
