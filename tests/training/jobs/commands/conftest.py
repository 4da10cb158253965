"""The scripts' commands in this process: programs are recorded, and not run."""

import dataclasses
import importlib
import os
import shutil
import sys

import pytest

from support.checkout import ROOT
from support.shell.quickstart_programs import read_calls, write_programs
from support.shell.script_checkout import clean_environment
from training.jobs import programs
from training.jobs.command_line import Call
from training.jobs.commands import download_checkpoint, quickstart


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A program that a command would have run."""

    program: str
    flags: list
    environment: dict

    @property
    def values(self):
        """Return {flag: value}; a later flag overrides an earlier one, as in the programs."""
        return dict(flag.removeprefix('--').split('=', 1) for flag in self.flags if '=' in flag)


class Commands:
    """Calls commands as the scripts do, in a checkout and a home of their own."""

    def __init__(self, folder, monkeypatch):
        self.root = folder / 'a checkout'
        self.here = folder / 'the current folder'
        self.home = folder / 'my home'
        for path in (self.root, self.here, self.home):
            path.mkdir()
        shutil.copytree(ROOT / 'scripts', self.root / 'scripts')
        monkeypatch.setattr(programs, 'ROOT', self.root)
        monkeypatch.setattr(programs, 'SCRIPTS', self.root / 'scripts')
        monkeypatch.setattr(programs, 'run', self._record)
        monkeypatch.setattr(programs, 'attempt', self._attempt)
        monkeypatch.setattr(programs, 'replace_with', self._replace)
        monkeypatch.setattr(
            programs.ProgramRunner, 'run', lambda _, *command: self._record(*command)
        )
        monkeypatch.chdir(self.here)
        for name in set(os.environ) - set(clean_environment()):
            monkeypatch.delenv(name)
        monkeypatch.setenv('HOME', str(self.home))
        self._calls = []
        self.status = 0  # Of a program that may fail.

    def _attempt(self, command, environment=None):
        self._record(command, environment)
        return self.status

    def _record(self, command, environment=None):
        names = (os.path.basename(word) for word in command)
        position, name = next((n, w) for n, w in enumerate(names) if w.endswith(('.py', '-c')))
        self._calls.append(Recorded(name, command[position + 1 :], dict(environment or {})))

    def _replace(self, command, environment=None):
        self._record(command, environment)
        raise SystemExit(0)

    def __call__(self, name, *typed):
        """Call a command, and return the programs that it would have run."""
        self._calls = []
        script = str(self.root / f'scripts/{name}.sh')
        try:
            importlib.import_module(f'training.jobs.commands.{name}').main(
                Call(name, script, typed)
            )
        except SystemExit as end:
            if end.code:
                raise
        return self._calls


@pytest.fixture
def commands(tmp_path, monkeypatch):
    return Commands(tmp_path, monkeypatch)


class Quick:
    """Runs the quickstart in a checkout with stand-ins."""

    def __init__(self, folder, monkeypatch, capsys):
        self.work = folder / 'the work'
        self.calls_file = folder / 'calls'
        self.checkout = folder / 'a checkout'
        (self.checkout / 'scripts').mkdir(parents=True)
        write_programs(self.checkout)
        shutil.copy(ROOT / 'scripts/env_set.sh', self.checkout / 'scripts')
        monkeypatch.chdir(folder)
        for name in set(os.environ) - set(clean_environment()):
            monkeypatch.delenv(name)
        monkeypatch.setenv('HOME', str(folder / 'my home'))
        monkeypatch.setenv('CALLS', str(self.calls_file))
        monkeypatch.setattr(programs, 'ROOT', self.checkout)
        monkeypatch.setattr(programs, 'SCRIPTS', self.checkout / 'scripts')
        monkeypatch.setattr(programs, 'run', self._run)
        monkeypatch.setattr(programs, 'replace_with', self._replace)
        monkeypatch.setattr(download_checkpoint, 'asking', self._asking)
        monkeypatch.setattr(download_checkpoint, 'fetching', self._fetching)
        self._environment = monkeypatch
        self._capsys = capsys
        self.setups = 0
        self.server = None
        self.asked = []
        # What the place of the released weights answers, and what happens to their download.
        self.unreachable, self.download_fails = 'mirror: unknown host', ''

    def _run(self, command):
        if command == [str(self.checkout / 'scripts/setup_env.sh')]:
            self.setups += 1
        else:
            assert command[-2] == 'draw'
            for kind in 'ab':
                os.makedirs(f'{command[-1]}/{kind}')
                open(f'{command[-1]}/{kind}/1.jpg', 'w').close()

    def _asking(self, name):
        self.asked.append(name)
        return [sys.executable, '-c', f'print({self.unreachable!r})']

    def _fetching(self, name, directory):
        path, _ = download_checkpoint.place(name, directory)
        folder = os.path.dirname(path)
        made = f'import os; os.makedirs({folder!r}); open({folder + "/model.json"!r}, "w").close()'
        files = f'open({path + ".index"!r}, "w").close()'
        fails = f'import sys; sys.exit({self.download_fails!r})'
        return [sys.executable, '-c', fails if self.download_fails else f'{made}; {files}']

    def _replace(self, command):
        self.server = command[2:]

    def __call__(self, *typed, edition='first', fails=''):
        """Run the command, and return its output."""
        self.calls_file.write_text('')
        self._environment.setenv('EDITION', edition)
        self._environment.setenv('FAILS', fails)
        try:
            quickstart.main(Call('quickstart', 'quickstart.sh', (f'--dir={self.work}', *typed)))
        finally:
            self.output, self.errors = self._capsys.readouterr()
        return self.output

    def calls(self):
        return read_calls(self.calls_file)

    def programs(self):
        return [call[0] for call in self.calls()]


@pytest.fixture
def quick(tmp_path, monkeypatch, capsys):
    return Quick(tmp_path, monkeypatch, capsys)
