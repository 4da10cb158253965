"""Command lines from tables of flags, for the programs that do not have an options class yet.

New code uses common/options.py and common/cli.py; this module goes with its last caller.
"""

import dataclasses
import functools
import os
import shutil
import sys
import textwrap

from absl import app
from absl import flags as absl_flags

from common import startup
from common.errors import UserError, exit_cleanly

OLDER_NAMES = 'Names of older tools'
KINDS = {bool: 'boolean', float: 'float', int: 'integer', str: 'string'}
_MESSAGES = {
    'Messages': (
        ('boolean', 'verbose', False, 'Show the messages of TensorFlow and other libraries too.'),
    ),
}
_SHORT_HELP = ('--help', '-help', '-h', '-?', '--helpshort')
_FULL_HELP = ('--helpfull', '-helpfull')
# What Python says of a value, and what the value should have been.
_COMPLAINTS = {
    'invalid literal for int()': 'a whole number',
    'could not convert string to float': 'a number',
    "('Non-boolean argument": 'True or False',
}
_COLUMN = 28  # Where the explanations begin; a longer name has a line of its own.


@dataclasses.dataclass(frozen=True)
class Dead:
    """Accept a flag at its default alone, because nothing here can do what it asks for."""

    name: str
    default: object
    reason: str


@dataclasses.dataclass(frozen=True)
class Ignored:
    """Accept any value of a flag that turned a knob which is no longer needed."""

    name: str
    default: object
    reason: str


class _Path(absl_flags.ArgumentParser):
    """Reads a path: shells leave `~` alone behind a flag's equals sign."""

    syntactic_help = 'a path'

    def parse(self, argument):
        """Return the path, with the home directory for a leading `~`."""
        return os.path.expanduser(argument)


def define(groups, flag_values=absl_flags.FLAGS):
    """Define flags from {heading: ((kind, name, default, help), ...)}.

    A kind is 'string', 'path', 'integer', 'float', 'boolean', 'list', or the values of an
    enumeration.
    """
    for group, rows in groups.items():
        for kind, name, default, meaning in rows:
            # The heading takes the place of the module's name, which nobody has to know.
            place = {'flag_values': flag_values, 'module_name': group}
            if kind == 'path':
                absl_flags.DEFINE(_Path(), name, default, meaning, **place)
            elif isinstance(kind, str):
                getattr(absl_flags, f'DEFINE_{kind}')(name, default, meaning, **place)
            else:
                absl_flags.DEFINE_enum(name, default, kind, meaning, **place)


def without_effect(others):
    """Return the rows of Dead and Ignored flags."""
    return tuple(
        (KINDS[type(other.default)], other.name, other.default, f'Without effect: {other.reason}.')
        for other in others
    )


def run(main, most_used, page, takes_names=False):
    """Parse the command line and run a program's `main`.

    --help explains the flags of `most_used`, and sends to `page` for more. With `takes_names` what
    is no flag is left to the program, wherever it stands.
    """
    define(_MESSAGES)
    parser = functools.partial(parse, most_used=most_used, page=page, takes_names=takes_names)

    def start(arguments):
        startup.set_verbosity(absl_flags.FLAGS.verbose)
        return main(arguments)

    exit_cleanly(app.run)(start, flags_parser=parser)


def parse(arguments, flag_values=absl_flags.FLAGS, most_used=(), page='docs', takes_names=False):
    """Parse a command line for `absl.app.run(flags_parser=)`, or print help and exit."""
    flag_values.set_gnu_getopt(takes_names)
    asked = {argument.split('=')[0] for argument in arguments[1:]}
    introduction = sys.modules['__main__'].__doc__ or ''
    if asked.intersection(_FULL_HELP):
        _show(introduction, full_help(flag_values, _width()))
    if asked.intersection(_SHORT_HELP):
        _show(introduction, short_help(flag_values, most_used, page, _width()))
    try:
        rest = flag_values(arguments)
    # What the library raises for --noswitch=value is an ordinary ValueError.
    except (absl_flags.Error, ValueError) as error:
        raise UserError(_about_mistake(error)) from None
    if len(rest) > 1 and not takes_names:
        raise UserError(
            f'unexpected argument {rest[1]!r}: every option is --name=value, '
            'and a switch is --name, --noname or --name=False'
        )
    return rest


def _about_mistake(error):
    """Return in one line what is wrong with the command line, and what would be right."""
    text = ' '.join(str(error).split())
    for complaint, wanted in _COMPLAINTS.items():
        given, found, _ = text.partition(f': {complaint}')
        if found:
            return f'{given.removeprefix("flag ")}: has to be {wanted}'
    return text.removeprefix('flag ')


def short_help(flag_values, most_used, page, width):
    """Explain the flags that most people need, and name all others by their purpose."""
    lines = ['', 'Most used:']
    lines += [line for name in most_used for line in _explained(flag_values[name], width)]
    for group, flags in _groups(flag_values).items():
        names = [_typed(flag) for flag in flags if flag.name not in most_used]
        if names and group != OLDER_NAMES:
            listed = textwrap.fill(', '.join(names), width - 2, break_on_hyphens=False)
            lines += ['', f'{group}:', textwrap.indent(listed, '  ')]
    lines += ['', *textwrap.wrap(f'--helpfull explains every flag; see also {page}.', width)]
    return '\n'.join(lines)


def full_help(flag_values, width):
    """Explain every flag: ours by purpose, older tools' names, and those of the flag library."""
    lines = []
    for group, flags in _groups(flag_values, with_library=True).items():
        lines += ['', f'{group}:']
        lines += [line for flag in flags for line in _explained(flag, width)]
    return '\n'.join(lines)


def _groups(flag_values, with_library=False):
    """Return our flags by heading, as they were defined; older names come last."""
    modules = flag_values.flags_by_module_dict()
    # The library's flags stand under module names, ours under headings.
    ours = {group: flags for group, flags in modules.items() if group[:1].isupper()}
    groups = {group: ours[group] for group in sorted(ours, key=lambda group: group == OLDER_NAMES)}
    if with_library:
        theirs = [flag for group, flags in modules.items() if group not in ours for flag in flags]
        groups['Flags of the absl library'] = theirs
    return groups


def _explained(flag, width):
    """Return the lines of one flag: its name, and beside or below it what it means."""
    meaning = ' '.join((flag.help or '').split())
    if flag.default not in (None, '', [], False):
        meaning += f' (default: {flag.default_as_str.strip(chr(39))})'
    name = f'  {_typed(flag)}'
    # A narrow window has no room for two columns.
    indent = ' ' * (_COLUMN if width >= 70 else 6)
    lines = textwrap.wrap(meaning, width, initial_indent=indent, subsequent_indent=indent)
    if len(name) + 2 <= len(indent) and lines:
        lines[0] = name.ljust(len(indent)) + lines[0][len(indent) :]
        return lines
    return [name, *lines]


def _typed(flag):
    return f'--[no]{flag.name}' if flag.boolean else f'--{flag.name}'


def _width():
    return min(max(shutil.get_terminal_size((96, 24)).columns, 40), 100)


def _show(introduction, text):
    # At once, so that a reader who has gone (head, less) is noticed where it is handled.
    print(f'{introduction.strip()}\n{text}', flush=True)
    sys.exit(0)


def refuse_dead(dead_flags, flag_values=absl_flags.FLAGS):
    """Raise a UserError for a dead flag that asks for something."""
    for dead in dead_flags:
        value = flag_values[dead.name].value
        if value != dead.default:
            raise UserError(
                f'--{dead.name}={value}: {dead.reason}; leave the flag out '
                f'(only its default, {dead.default}, is accepted)'
            )


def mention_ignored(ignored_flags, flag_values=absl_flags.FLAGS):
    """Return a line for each typed flag that has no effect."""
    return [
        f'--{ignored.name} has no effect: {ignored.reason}'
        for ignored in ignored_flags
        if flag_values[ignored.name].present
    ]


def either(name, *older, flag_values=absl_flags.FLAGS):
    """Return what a flag was given under its name or an older one, or None for neither."""
    given = {flag: flag_values[flag].value for flag in (name, *older)}
    given = {flag: value for flag, value in given.items() if value not in (None, [])}
    (first, meant), *others = given.items() or [(name, None)]
    for other, value in others:
        require_agreement(first, meant, other, value)
    return meant


def require_agreement(name, meant, other, value):
    """Raise a UserError where two names of one flag were given different values."""
    if value != meant:
        raise UserError(
            f'--{name}={_as_typed(meant)} and --{other}={_as_typed(value)} contradict each other: '
            'they mean the same, pass one of them'
        )


def _as_typed(value):
    return ','.join(value) if isinstance(value, list) else value


def filled(kind, flag_values=absl_flags.FLAGS, **known):
    """Return a dataclass filled from the flags of its fields' names; `known` values win."""
    names = [name for name in kind.__dataclass_fields__ if name in flag_values]
    return kind(**{name: flag_values[name].value for name in names} | known)
