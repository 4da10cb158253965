"""The scripts' commands in this process: programs are recorded, and not run."""

import dataclasses
import importlib
import os
import shutil

import pytest

from support.checkout import ROOT
from support.shell.script_checkout import clean_environment
from training.jobs import programs
from training.jobs.command_line import Call


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
        monkeypatch.setattr(programs, 'replace_with', self._replace)
        monkeypatch.setattr(
            programs.ProgramRunner, 'run', lambda _, *command: self._record(*command)
        )
        monkeypatch.chdir(self.here)
        for name in set(os.environ) - set(clean_environment()):
            monkeypatch.delenv(name)
        monkeypatch.setenv('HOME', str(self.home))
        self._calls = []

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
