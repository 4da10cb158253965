"""Serve the frozen graph that env_set.sh names."""

import os

from common.errors import UserError
from training.jobs import arguments, programs, settings

PROGRAM = 'server.py'


def main(call):
    """Run the server in place of this process."""
    call.answer_help(PROGRAM)
    known = settings.read()
    model = known.frozen_model
    if not os.path.exists(model) and not arguments.value(call.arguments, 'model_name'):
        raise UserError(
            f'{model}: no such file; {programs.SCRIPTS}/export_freeze.sh makes it in the current '
            'directory, or in EXPORT_DIR'
        )
    flags = ['--host=0.0.0.0', f'--model_name={model}', f'--upload_folder={known.upload_dir}']
    programs.replace_with(programs.command(PROGRAM, *flags, *call.arguments), known.environment)
