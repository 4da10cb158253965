"""Runs that are stopped and killed, as processes of their own."""

import re
import signal
import time

import pytest

from support import training_runs
from support.shell import foreign_lines
from training.jobs import run_directory


def test_a_run_stops_when_asked_to_and_goes_on_later(runs):
    """The whole of a user's day: start, kill PID, start again, finish."""
    options = {'log_every_n_steps': 1, 'save_interval_secs': 0, 'seed': 3}
    process = runs.start(**options)
    runs.wait_for(process, 'global step 5: ')
    process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)  # As `timeout` does; it is the same request.
    assert process.wait(60) == 0, runs.log()
    stopped_at = runs.newest().step
    assert training_runs.steps_in(runs.log())[-1] == stopped_at
    assert 'SIGTERM: stopping after this step' in runs.log()
    assert runs.log().rstrip().endswith('run the same command again to resume')
    status = run_directory.read_status(runs.path(), process.pid)
    assert (status.state, status.step, status.last_step) == ('stopped', stopped_at, None)
    lines = runs.log().splitlines()
    assert [line for line in lines if not line.startswith('INFO:tensorflow:')] == []
    assert foreign_lines.list_foreign(runs.log()) == []
    runs.train(max_number_of_steps=stopped_at + 3, **options)
    runs.train('whole', max_number_of_steps=stopped_at + 3, **options)
    assert training_runs.different(runs.newest(), runs.newest('whole')) == []


def kill_often(runs, kills):
    """Kill a run that saves at every step, each time at another moment, and resume it."""
    saved = [0]
    for kill in range(kills):
        process = runs.start(
            save_interval_steps=1, log_every_n_steps=1, save_summaries_steps=2, batch_size=2
        )
        # A line comes before its checkpoint, so that the last two steps may be lost.
        runs.wait_for(process, f'global step {saved[-1] + 3}: ')
        time.sleep(0.137 * kill % 0.5)
        process.kill()
        process.wait()
        saved.append(runs.newest().step)
        assert saved[-1] > saved[-2]
    assert 'Traceback' not in runs.log()
    # The last resumption is in this process.
    resumed = re.findall(r'Resuming the run in \S+ at step (\d+)', runs.log())
    assert [int(step) for step in resumed] == saved[1:-1]
    runs.train(max_number_of_steps=saved[-1] + 1)
    assert runs.newest().step == saved[-1] + 1


def test_a_killed_run_resumes(runs):
    kill_often(runs, 1)


@pytest.mark.soak
def test_a_run_that_is_killed_thirty_times_resumes(runs):
    kill_often(runs, 30)
