"""Compare learning rates; scripts/sweep_learning_rate.sh tells how to use it."""

import os
import sys

from common.errors import UserError, exit_cleanly

_RATES = '1.0,0.1,0.01,0.001,0.0001'
_STEPS = 100
_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _take(flags, name, default=None):
    """Return the last value of a flag of ours, and take it out of `flags`."""
    value, rest, waiting = default, [], False
    for flag in flags:
        if waiting:
            value, waiting = flag, False
        elif flag.lstrip('-').partition('=')[0] == name and flag.startswith('-'):
            waiting = '=' not in flag
            value = flag.partition('=')[2]
        else:
            rest.append(flag)
    if waiting:
        raise UserError(f'--{name} needs a value')
    flags[:] = rest
    return value


def _has(flags, *names):
    return any(
        flag.startswith('-') and flag.lstrip('-').partition('=')[0] in names for flag in flags
    )


@exit_cleanly
def main():
    """Divide the flags into ours and the training's, and sweep."""
    flags = sys.argv[1:]
    rates = _take(flags, 'learning_rates', _RATES)
    directory = os.path.expanduser(_take(flags, 'train_dir', 'learning_rates'))
    if _has(flags, 'learning_rate', 'initial_learning_rate'):
        raise UserError('a sweep has several rates: --learning_rates=0.1,0.01,0.001')
    if not _has(flags, 'max_number_of_steps', 'max_steps', 'num_epochs'):
        flags.append(f'--max_number_of_steps={_STEPS}')
    # All rates see the same pictures in the same order.
    if not _has(flags, 'seed'):
        flags.append('--seed=0')
    if not _has(flags, 'log_every_n_steps'):
        flags.append('--log_every_n_steps=2')
    # Late: --help and mistakes have no need of it.
    from training.jobs import sweep

    program = [sys.executable, '-u', os.path.join(_ROOT, 'train_image_classifier.py')]
    sweep.run(sweep.parse_rates(rates), os.path.abspath(directory), program, flags)


if __name__ == '__main__':
    main()
