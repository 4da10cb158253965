"""The programs that scripts run, and the signals that stop them."""

import os
import signal
import sys

import pytest

from training.jobs import programs


@pytest.fixture
def signal_handler():
    """Return a function that sets the handler of a signal until the test ends."""
    before = {}

    def use(number, handler):
        before.setdefault(number, signal.signal(number, handler))

    yield use
    for number, handler in before.items():
        signal.signal(number, handler)


def kill_self(number):
    return [sys.executable, '-c', f'import os; os.kill(os.getppid(), {int(number)})']


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_steps(number, capsys, signal_handler):
    signal_handler(number, signal.SIG_DFL)
    with pytest.raises(SystemExit) as exit_info, programs.ProgramRunner() as runner:
        runner.run(kill_self(number))
    assert exit_info.value.code == 128 + number
    assert capsys.readouterr().err == 'stopped; run the same command again to resume\n'
    assert signal.getsignal(number) == signal.SIG_DFL


def test_steps_that_a_shell_runs_in_the_background_ignore_ctrl_c(signal_handler):
    signal_handler(signal.SIGINT, signal.SIG_IGN)
    with programs.ProgramRunner() as runner:
        os.kill(os.getpid(), signal.SIGINT)
        runner.run([sys.executable, '-c', ''])
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
