"""Run the steps of quickstart.sh, each with its own log."""

import os
import subprocess
import sys
import time

from common.errors import UserError
from training.jobs import log_files

_PARTS = 7
_SHOWN_EVERY_SECS = 10


class Progress:
    """Run each step once, with its output in a log, and print how long it took."""

    def __init__(self, work, runner):
        self._work = work
        self._runner = runner
        self._number = 0

    def step(self, step, title, command, again=False, output=None, without=None):
        """Run a step, unless an earlier run has finished it and `again` is false.

        Return whether it has succeeded now. If it fails, its complaint is printed, and all ends
        unless `without` says what follows. The next run tries it again.
        """
        self._number += 1
        done = self._work.path / f'{step}.done'
        if again:
            done.unlink(missing_ok=True)
        if done.exists():
            print(f'[{self._number}/{_PARTS}] {title}: done before')
            return False
        print(f'[{self._number}/{_PARTS}] {title}')
        log = self._work.path / f'{step}.log'
        began = time.monotonic()
        if self._run(command, log, output):
            self._show_failure(log)
            if without:
                print(f'      {without}')
                return False
            raise UserError(f"the step '{title}' failed; its log is {log}")
        done.touch()
        print(f'      {time.monotonic() - began:.0f} s')
        return True

    def _run(self, command, log, output):
        with open(log, 'wb') as stream, open(output or os.devnull, 'wb') as answers:
            out, err = (answers, stream) if output else (stream, subprocess.STDOUT)
            process = self._runner.start(command, stdout=out, stderr=err)
            _follow(process, log)
            return self._runner.wait(process)

    def _show_failure(self, log):
        for line in log_files.complaint(log):
            # The user does not know the link to the folder.
            print(line.replace(str(self._work.source), self._work.images), file=sys.stderr)


def _follow(process, log):
    """Wait for a process, and print the progress of a training from time to time."""
    shown = ''
    while True:
        try:
            process.wait(_SHOWN_EVERY_SECS)
            return
        except subprocess.TimeoutExpired:
            line = log_files.progress(log)
            if line != shown:
                print(f'      {line}')
            shown = line
