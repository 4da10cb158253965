"""Train the same number of steps at each of several learning rates, and compare them."""

import os

from common.errors import UserError
from training.jobs import arguments, programs, recipes, settings

PROGRAM = 'train_image_classifier.py'
_RATES = '1.0,0.1,0.01,0.001,0.0001'
# Flags of every training: a default applies unless the user gives a flag with one of the names.
_DEFAULTS = (
    (('max_number_of_steps', 'max_steps', 'num_epochs'), '--max_number_of_steps=100'),
    # All rates see the same pictures in the same order.
    (('seed',), '--seed=0'),
    (('log_every_n_steps',), '--log_every_n_steps=2'),
)


def main(call):
    """Divide the arguments into the sweep's and the training's, sweep, and propose the training."""
    call.answer_help(PROGRAM)
    known = settings.read()
    typed = list(call.arguments)
    if not arguments.has(typed, 'dataset_dir', 'data_dir'):
        typed = [*_settings_flags(known, typed), *typed]
    rates = _value(typed, 'learning_rates', _RATES)
    directory = os.path.abspath(_value(typed, 'train_dir', 'learning_rates'))
    flags = _training_flags(typed)
    # Imported late, because --help and invalid flags do not need the libraries for plots.
    from training.jobs import sweep

    program = programs.command(PROGRAM)
    sweep.run(sweep.parse_rates(rates), directory, program, flags, environment=known.environment)
    # The next training does not use the directories of the sweep.
    known = known.following(arguments.without(call.arguments, 'train_dir'))
    call.propose(known, 'run_train.sh', '--learning_rate=RATE')


def _settings_flags(known, typed):
    """Return the flags of a training with the settings of env_set.sh."""
    flags = [
        *known.data_flags,
        f'--model_name={known.model_name}',
        *recipes.optimizer(typed),
    ]
    if known.checkpoint_path:
        flags += [*recipes.new_head(known.checkpoint_path), '--ignore_missing_vars=True']
    return flags


def _value(typed, name, default):
    if typed and typed[-1].lstrip('-') == name:
        raise UserError(f'--{name} needs a value')
    return arguments.value(typed, name, default)


def _training_flags(typed):
    """Return the flags of every training: those of the user, and defaults of a sweep."""
    if arguments.has(typed, 'learning_rate', 'initial_learning_rate'):
        raise UserError('a sweep has several rates: --learning_rates=0.1,0.01,0.001')
    flags = arguments.without(arguments.without(typed, 'learning_rates'), 'train_dir')
    flags += [default for names, default in _DEFAULTS if not arguments.has(flags, *names)]
    return flags
