"""Evaluate each new checkpoint of the training that env_set.sh names."""

import os

from training.jobs import arguments, programs, settings, stages

PROGRAM = 'eval_image_classifier.py'


def main(call):
    """Evaluate until Ctrl-C, or once, and propose the export."""
    call.answer_help(PROGRAM)
    known = settings.read()
    typed = arguments.value(call.arguments, 'checkpoint_path')
    chosen = [f'--checkpoint_path={typed}'] if typed else []
    stage = known.train_dir if typed else stages.chosen(known, prefer_running=True)
    flags = [
        *known.data_flags,
        '--dataset_split_name=validation',
        f'--model_name={known.model_name}',
        f'--checkpoint_path={stage}',
        f'--eval_dir={_eval_dir(known, stage)}',
        '--batch_size=32',
    ]
    if arguments.is_on(call.arguments, 'run_once'):
        programs.run(programs.command(PROGRAM, *flags, *call.arguments), known.environment)
        call.propose(known, 'export_freeze.sh', *chosen)
        return
    print('Ctrl-C ends the evaluation')
    call.propose(known, 'export_freeze.sh', *chosen)
    flags.append('--eval_interval_secs=60')
    programs.replace_with(programs.command(PROGRAM, *flags, *call.arguments), known.environment)


def _eval_dir(known, stage):
    """Return where the results of a stage go: its own directory, unless EVAL_DIR says otherwise."""
    if known.eval_dir == os.path.join(known.train_dir, 'eval'):
        return stages.eval_dir_of(stage)
    return known.eval_dir
