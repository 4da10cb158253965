"""Classify pictures with the network that env_set.sh names."""

import os

from training.jobs import arguments, programs, settings, stages

PROGRAM = 'classify_image.py'


def main(call):
    """Classify with the frozen graph, or else with the newest checkpoint of the better stage."""
    call.answer_help(PROGRAM)
    known = settings.read()
    model = known.frozen_model
    if not os.path.exists(model) and not arguments.value(call.arguments, 'model'):
        model = stages.chosen(known)
    command = programs.command(PROGRAM, f'--model={model}', *call.arguments)
    programs.replace_with(command, known.environment)
