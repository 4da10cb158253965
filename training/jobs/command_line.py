"""The scripts' commands: scripts/NAME.sh calls `main` of training.jobs.commands.NAME."""

import argparse
import dataclasses
import importlib
import sys

from common.errors import UserError, exit_cleanly
from training.jobs import arguments, programs, settings


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a script: its name, its path as it was typed, and its arguments."""

    name: str
    script: str
    arguments: tuple[str, ...] = ()

    def usage(self):
        """Return the comment at the top of the script."""
        lines = (programs.SCRIPTS / f'{self.name}.sh').read_text(encoding='utf-8').splitlines()[1:]
        end = next(number for number, line in enumerate(lines) if not line.startswith('#'))
        return '\n'.join(line.removeprefix('#').removeprefix(' ') for line in lines[:end])

    def answer_help(self, program=None):
        """If help is asked for, print the usage, then the help of the program behind the script."""
        if arguments.wants_help(self.arguments):
            print(self.usage())
            if program is None:
                sys.exit()
            print()
            programs.replace_with(programs.command(program, *self.arguments))

    def propose(self, known, script, *arguments):
        """Print which script comes next, with the settings that it needs."""
        print(settings.next_command(self.script, known, script, *arguments))


class Parser(argparse.ArgumentParser):
    """Read the arguments of a script that passes none on; its usage is in the script.

    Python's own parser, because quickstart.sh runs before other libraries are installed.
    """

    def __init__(self):
        super().__init__(add_help=False, allow_abbrev=False)

    def error(self, message):
        """Raise a UserError."""
        raise UserError(f'{message}; --help lists the arguments')


@exit_cleanly
def main(name, script, *typed):
    """Run a script's command."""
    # What a step prints comes after what was printed before it, in a pipe too.
    sys.stdout.reconfigure(line_buffering=True)
    command = importlib.import_module(f'training.jobs.commands.{name}')
    return command.main(Call(name, script, typed))
