"""Arguments that a script passes on to a program: what a flag among them is set to.

The rules are the program's own: `--name=value` or `--name value`, with one dash or two; the last
one counts; nothing after `--` is a flag.
"""

import os

_HELP = {'-h', '--help', '--helpfull'}


def wants_help(arguments):
    """Return whether the arguments ask for help; settings cannot prevent it."""
    return not _HELP.isdisjoint(arguments)


def value(arguments, name, default=''):
    """Return the value of a flag, with the home directory for a leading `~`."""
    found = default
    waiting = False
    for argument in arguments:
        if argument == '--':
            break
        if waiting:
            found, waiting = argument, False
        elif _name(argument) == name:
            waiting = '=' not in argument
            found = found if waiting else argument.partition('=')[2]
    # Shells expand a `~` after an equals sign only in assignments.
    return os.path.expanduser(found)


def is_on(arguments, name):
    """Tell whether a switch is on: --name, --name=True; off: --noname, --name=False."""
    on = False
    for argument in arguments:
        if _name(argument) == name:
            _, given, text = argument.partition('=')
            on = not given or text.lower() in ('true', '1')
        elif _name(argument) == f'no{name}':
            on = False
    return on


def has(arguments, *names):
    """Tell whether one of the flags is among the arguments."""
    return any(_name(argument) in names for argument in arguments)


def without(arguments, name):
    """Return the arguments without a flag and its value."""
    rest, is_value = [], False
    for argument in arguments:
        if is_value:
            is_value = False
        elif _name(argument) == name:
            is_value = '=' not in argument
        else:
            rest.append(argument)
    return rest


def _name(argument):
    """Return the name of the flag that an argument begins with, or None."""
    if not argument.startswith('-'):
        return None
    return argument.removeprefix('-').removeprefix('-').partition('=')[0]
