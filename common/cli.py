"""Run a program: its options become flags, --help is sorted by purpose, a mistake is one line.

    def main(options):
        from training import train  # After the flags are read: TensorFlow takes seconds to load.

        return train.train(options)

    if __name__ == '__main__':
        cli.run(TrainOptions, main)

common/options.py says how a class like TrainOptions declares the flags. This is the only module
that uses absl.flags.
"""

import dataclasses
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from absl import app
from absl import flags as absl_flags

from common import checks, startup
from common import options as declared
from common.errors import UserError, exit_cleanly, one_line
from common.options import SWITCHED_COUNT, Dead, Flag, Ignored, ProgramOptions, as_typed

_SHORT_HELP = ('--help', '-help', '-h', '-?', '--helpshort')
_FULL_HELP = ('--helpfull', '-helpfull')
_COLUMN = 28  # Where the explanations begin; a longer name has a line of its own.


def run(options_class: type[ProgramOptions], main: Callable[[Any], int | None]) -> None:
    """Read the command line into an object of `options_class`, and exit with main(options)."""

    def read_flags(arguments):
        define(declared.flags(options_class) + declared.older_flags(options_class))
        return parse(options_class, arguments)

    def start(arguments):
        options = collect(options_class, arguments[1:])
        startup.set_verbosity(options.verbose)
        options.check_files()
        return main(options)

    exit_cleanly(app.run)(start, flags_parser=read_flags)


def read(options_class: type[ProgramOptions], arguments: Sequence[str]) -> Any:
    """Return the options that a program would get from these arguments."""
    flag_values = absl_flags.FlagValues()
    define(declared.flags(options_class) + declared.older_flags(options_class), flag_values)
    rest = parse(options_class, ['program', *arguments], flag_values)
    return collect(options_class, rest[1:], flag_values)


class _Path(absl_flags.ArgumentParser):
    """Read a path: shells leave `~` alone after the equals sign of a flag."""

    syntactic_help = 'a path'

    def parse(self, argument):
        """Return the path, with the home directory for a leading `~`."""
        return os.path.expanduser(argument)


class _Integer(absl_flags.IntegerParser):
    def parse(self, argument):
        return _parse(super().parse, argument, 'must be a whole number')


class _Float(absl_flags.FloatParser):
    def parse(self, argument):
        return _parse(super().parse, argument, 'must be a number')


class _Boolean(absl_flags.BooleanParser):
    def parse(self, argument):
        return _parse(super().parse, argument, 'must be True or False')


class _SwitchedCount(_Integer):
    """Read the number of a flag that may also be a switch, whose values are true and false."""

    def parse(self, argument):
        """Return the number, or 1 for true and 0 for false."""
        switched = {'true': 1, 'false': 0}.get(str(argument).lower())
        return super().parse(argument) if switched is None else switched


def _parse(parse, argument, fault):
    try:
        return parse(argument)
    except ValueError:
        raise ValueError(fault) from None


_PARSERS = {'path': _Path, 'integer': _Integer, 'float': _Float}


def define(flags: Iterable[Flag], flag_values: absl_flags.FlagValues = absl_flags.FLAGS) -> None:
    """Define flags of the absl library."""
    for flag in flags:
        default = flag.default if flag.shown is None else flag.shown
        meaning = flag.help
        if isinstance(flag.check, checks.OneOf):
            meaning += f' One of: {flag.check.describe()}.'
        # absl groups flags by module; the heading is used as the module's name.
        place: dict[str, Any] = {'flag_values': flag_values, 'module_name': flag.group}
        if flag.kind == 'boolean':
            switch = absl_flags.BooleanFlag(flag.name, default, meaning)
            switch.parser = _Boolean()
            absl_flags.DEFINE_flag(switch, **place)
        elif flag.kind == SWITCHED_COUNT:
            counted = absl_flags.Flag(
                _SwitchedCount(), None, flag.name, default, meaning, boolean=True
            )
            absl_flags.DEFINE_flag(counted, **place)
        elif flag.kind in _PARSERS:
            absl_flags.DEFINE(_PARSERS[flag.kind](), flag.name, default, meaning, **place)
        elif flag.kind in ('paths', 'texts'):
            written: absl_flags.ArgumentSerializer[str] = absl_flags.ArgumentSerializer()
            read = _Path() if flag.kind == 'paths' else absl_flags.ArgumentParser()
            absl_flags.DEFINE_multi(read, written, flag.name, list(default), meaning, **place)
            flag_values[flag.name].help = meaning  # Without the library's own remark.
        elif flag.kind == 'list':
            absl_flags.DEFINE_list(flag.name, list(default or ()), meaning, **place)
        else:
            absl_flags.DEFINE_string(flag.name, default, meaning, **place)


def parse(
    options_class: type[ProgramOptions],
    arguments: Sequence[str],
    flag_values: absl_flags.FlagValues = absl_flags.FLAGS,
) -> list[str]:
    """Parse a command line and return the program's name and the positional arguments.

    --help prints the help and exits.
    """
    field = declared.positional_field(options_class)
    flag_values.set_gnu_getopt(field is not None)
    asked = {argument.split('=')[0] for argument in arguments[1:]}
    introduction = (sys.modules['__main__'].__doc__ or '').strip()
    if asked.intersection(_FULL_HELP):
        _show(introduction, full_help(flag_values, options_class, _width()))
    if asked.intersection(_SHORT_HELP):
        _show(introduction, short_help(flag_values, options_class, _width()))
    try:
        rest = flag_values(arguments)
    # What the library raises for --noswitch=value is an ordinary ValueError.
    except (absl_flags.Error, ValueError) as error:
        message = one_line(error)
        raise UserError(message.removeprefix('ERROR:: ').removeprefix('flag ')) from None
    most = field.metadata['positional']['most'] if field else 0
    if most is not None and len(rest) - 1 > most:
        raise UserError(
            f'unexpected argument {rest[1 + most]!r}: every option is --name=value, '
            'and a switch is --name, --noname or --name=False'
        )
    return rest


def collect(
    options_class: type[ProgramOptions],
    arguments: Sequence[str],
    flag_values: absl_flags.FlagValues = absl_flags.FLAGS,
) -> Any:
    """Return the options of the parsed flags and of the positional `arguments`."""
    _refuse_dead(options_class, flag_values)
    values, notices = _values(options_class, flag_values)
    field = declared.positional_field(options_class)
    if field:
        older = [flag_values[name].value for name in field.metadata['positional']['older']]
        values[field.name] = (*filter(None, older), *arguments)
    options = declared.build(options_class, values)
    notices += [
        f'--{ignored.name} has no effect: {ignored.reason}'
        for ignored in options_class.unused
        if isinstance(ignored, Ignored) and flag_values[ignored.name].present
    ]
    given = frozenset(name for name in values if name in flag_values and flag_values[name].present)
    options.check_given(given)
    return dataclasses.replace(options, notices=(*notices, *options.remarks(given)))


def _refuse_dead(options_class, flag_values):
    for dead in options_class.unused:
        value = flag_values[dead.name].value
        if isinstance(dead, Dead) and value != dead.default:
            allowed = f' (only its default, {dead.default}, is accepted)' if dead.default else ''
            raise UserError(
                f'--{dead.name}={as_typed(value)}: {dead.reason}; leave the flag out{allowed}'
            )


def _values(options_class, flag_values):
    """Return {flag: value}, and a line for each older name that was given."""
    values, notices = {}, []
    for flag in declared.flags(options_class):
        found = flag_values[flag.name]
        # If --help shows a default that a model.json may overrule, only what was given counts.
        is_open = flag.shown is not None and not found.present
        values[flag.name] = None if is_open else _plain(flag, found.value)
        source = flag.name if found.present else None
        for name in flag.older:
            if not flag_values[name].present:
                continue
            value = _plain(flag, flag_values[name].value)
            source = source or name
            if source != name and values[flag.name] != value:
                raise UserError(
                    f'--{source}={as_typed(values[flag.name])} and --{name}={as_typed(value)} '
                    'contradict each other: they mean the same, pass one of them'
                )
            values[flag.name] = value
            notices.append(f'--{name} is understood as --{flag.name}={as_typed(value)}')
    return values, notices


def _plain(flag, value):
    return tuple(filter(None, value or ())) if flag.kind in ('list', 'paths', 'texts') else value


def short_help(
    flag_values: absl_flags.FlagValues, options_class: type[ProgramOptions], width: int
) -> str:
    """Explain the flags that most people need, and name all others by their purpose."""
    lines = ['', 'Most used:']
    for name in options_class.most_used:
        lines += _explained(flag_values[name], width)
    for group, flags in _groups(flag_values, options_class).items():
        names = [_typed(flag) for flag in flags if flag.name not in options_class.most_used]
        if names and group != declared.OLDER_NAMES:
            listed = textwrap.fill(', '.join(names), width - 2, break_on_hyphens=False)
            lines += ['', f'{group}:', textwrap.indent(listed, '  ')]
    ending = f'--helpfull explains every flag; see also {options_class.page}.'
    return '\n'.join([*lines, '', *textwrap.wrap(ending, width)])


def full_help(
    flag_values: absl_flags.FlagValues, options_class: type[ProgramOptions], width: int
) -> str:
    """Explain every flag: ours by purpose, older tools' names, and those of the flag library."""
    lines = []
    for group, flags in _groups(flag_values, options_class, with_library=True).items():
        lines += ['', f'{group}:']
        lines += [line for flag in flags for line in _explained(flag, width)]
    return '\n'.join(lines)


def _groups(flag_values, options_class, with_library=False):
    """Return the library's records of our flags by heading, in the order of their declaration."""
    ours = declared.flags(options_class) + declared.older_flags(options_class)
    groups: dict[str, list[absl_flags.Flag]] = {}
    for flag in ours:
        groups.setdefault(flag.group, []).append(flag_values[flag.name])
    if with_library:
        modules = flag_values.flags_by_module_dict()
        theirs = [flag for group, flags in modules.items() if group not in groups for flag in flags]
        groups['Flags of the absl library'] = theirs
    return groups


def _explained(flag, width):
    """Return the lines of one flag: its name, and beside or below it what it means."""
    meaning = ' '.join((flag.help or '').split())
    if flag.default is not False and flag.default not in (None, '', []):
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
    number = '[=N]' if isinstance(flag.parser, _SwitchedCount) else ''
    return f'--[no]{flag.name}{number}' if flag.boolean else f'--{flag.name}'


def _width():
    return min(max(shutil.get_terminal_size((96, 24)).columns, 40), 100)


def _show(introduction, explanations):
    # At once, so that a reader who has gone (head, less) is noticed where it is handled.
    print(f'{introduction}\n{explanations}', flush=True)
    sys.exit(0)
