"""Run the programs as users do."""

import functools
import os
import re
import subprocess
import sys

from support.checkout import ROOT

NAMES = sorted(path.name for path in ROOT.glob('*.py') if path.name != 'setup.py')
_FLAG = re.compile(r'^  --(?:\[no\])?(\w+)', re.MULTILINE)


@functools.cache
def helped(program, how, columns=96):
    """Return what `program --help` or `--helpfull` prints, in a window of so many columns."""
    shown = subprocess.run(
        [sys.executable, '-X', 'importtime', str(ROOT / program), how],
        env={**os.environ, 'COLUMNS': str(columns)},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition('|')[2].strip() for line in shown.stderr.splitlines()}
    return shown.stdout, imported


def said_by(command, directory, environment, patience_secs=None):
    """Return the output of a command, which must succeed."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=patience_secs,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def sections(text):
    """Return what stands below each heading of a help text."""
    parts = re.split(r'\n\n(?=[A-Z][^\n]*:\n  --)', text)[1:]
    return dict(part.split(':\n', maxsplit=1) for part in parts)


def flags_by_heading(program):
    """Return the names of a program's flags by heading, without those of the flag library."""
    text, _ = helped(program, '--helpfull')
    return {
        heading: _FLAG.findall(part)
        for heading, part in sections(text).items()
        if not heading.startswith('Flags of the absl')
    }
