"""A terminal with a shell in it, in which commands are typed as people type them."""

import os
import pty
import re
import select
import signal
import subprocess
import time

_PROMPT = re.compile(r'\[status (\d+)\] ')


class Terminal:
    """Bash at a pseudo-terminal; use it in a `with` block, after which nothing of it runs."""

    def __init__(self, directory, environment):
        self.transcript = ''
        self._unread = ''
        self._end, theirs = pty.openpty()
        environment = {**environment, 'PS1': '[status $?] ', 'PS2': '', 'TERM': 'dumb'}
        self._shell = subprocess.Popen(
            ['bash', '--noprofile', '--norc', '-i'],
            cwd=directory,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)

    def __enter__(self):
        self._prompt(60)
        self.run('stty -echo')
        return self

    def __exit__(self, *error):
        os.close(self._end)  # The shell and what it runs in front are hung up.
        try:
            self._shell.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait(30)

    def run(self, command, secs=240):
        """Type a command, wait for its end, and return (exit status, what it printed)."""
        self._type(command + '\n')
        return self._prompt(secs)

    def run_until(self, command, pattern, secs=240):
        """Type a command, press Ctrl-C once it prints a line with `pattern`, and return all of it.

        Ctrl-C makes a terminal forget what it has not shown yet, be it the end of that line.
        """
        self._type(command + '\n')
        before = self._read_until(re.compile(f'(?:{pattern}).*\n'), secs, command)
        self._type('\x03')
        return before + self._prompt(secs)[1]

    def _prompt(self, secs):
        text = self._read_until(_PROMPT, secs, 'the prompt')
        return int(_PROMPT.findall(text)[-1]), _PROMPT.split(text)[0]

    def _read_until(self, pattern, secs, what):
        """Return what is printed up to the end of a pattern; the rest is for the next reader."""
        until = time.monotonic() + secs
        while not (found := pattern.search(self._unread)):
            left = until - time.monotonic()
            if left <= 0 or not self._read(left):
                raise AssertionError(f'{what}: no {pattern.pattern!r}\n{self.transcript}')
        text, self._unread = self._unread[: found.end()], self._unread[found.end() :]
        return text

    def _read(self, secs):
        if not select.select([self._end], [], [], secs)[0]:
            return False
        try:
            data = os.read(self._end, 65536)
        except OSError:  # Linux's way to say that the shell is gone.
            return False
        text = data.decode(errors='replace').replace('\r\n', '\n')
        self.transcript += text
        self._unread += text
        return bool(data)

    def _type(self, text):
        os.write(self._end, text.encode())


def _take_terminal():
    """Make the shell the leader of a session of its own, and the terminal that session's."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # What nohup and & had ignored.
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
