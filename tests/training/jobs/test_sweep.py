"""The sweep over learning rates, with a stand-in for the training program."""

import csv
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import UserError
from support.checkout import ROOT
from training.evaluation import fonts
from training.jobs import curves, log_files, sweep

# Trains `x -= rate * 2x` for --max_number_of_steps; log and status have the form of the real ones.
PROGRAM = """
import json, os, signal, sys, time
flags = dict(flag[2:].split('=') for flag in sys.argv[1:])
rate, last = float(flags['learning_rate']), int(flags['max_number_of_steps'])
path = flags['train_dir']
with open(os.path.join(path, 'starts'), 'a') as stream:
    stream.write('.')
if flags.get('fail'):
    sys.exit('error: --dataset_dir=nowhere: no such directory')
x, step = 1.0, 0
if os.path.exists(path + '/checkpoint'):
    step = int(open(path + '/checkpoint').read())
def report(state):
    advice = ['This run of %d steps is too short for batch norm' % last]
    with open(path + '/status.json', 'w') as stream:
        json.dump({'state': state, 'process': os.getpid(), 'step': step, 'advice': advice,
                   'message': 'no space left' if state == 'failed' else ''}, stream)
stops = []
signal.signal(signal.SIGTERM, lambda *_: stops.append(1))
report('training')
if flags.get('end'):
    report(flags['end'])
    sys.exit('Traceback')
while step < last and not stops:
    x -= rate * 2 * x
    step += 1
    if abs(x) > 1e3:
        report('diverged')
        sys.exit(3)
    print('INFO:tensorflow:global step %d: loss = %.4f (0.1 sec/step) 1 images/sec'
          % (step, x * x), flush=True)
    while flags.get('hang') == str(step) and not stops and not os.path.exists(path + '/../go'):
        time.sleep(0.01)
open(path + '/checkpoint', 'w').write(str(step))
report('finished' if step >= last else 'stopped')
if flags.get('validate'):
    open(path + '/validations.json', 'w').write(json.dumps([{'accuracy': 0.5 + rate}]))
"""


@pytest.fixture
def program(tmp_path):
    path = tmp_path / 'train_image_classifier.py'
    path.write_text(PROGRAM)
    return path


class Sweep:
    """Sweeps with the stand-in, and what they said."""

    def __init__(self, program):
        self.program = [sys.executable, str(program)]
        self.flags = ['--max_number_of_steps=20']
        self.directory = program.parent / 'the rates'
        self.lines = []

    def run(self, rates, *flags):
        self.lines = []
        flags = [*flags, *self.flags]
        return sweep.run(rates, str(self.directory), self.program, flags, self.lines.append)

    def starts(self, rate):
        return len((self.directory / f'lr_{rate}' / 'starts').read_text())


@pytest.fixture
def rates(program):
    return Sweep(program)


def test_each_rate_gets_a_directory_a_row_and_a_curve(rates):
    outcomes = rates.run([3.0, 0.1, 0.001], '--validate=1')
    assert [outcomes[rate].state for rate in (3.0, 0.1, 0.001)] == [
        'diverged', 'finished', 'finished',
    ]  # fmt: skip
    assert outcomes[3.0].step == 5
    assert outcomes[0.1].loss < outcomes[0.001].loss < 1
    assert outcomes[0.1].accuracy == 0.6
    text = '\n'.join(rates.lines)
    assert 'diverged at step 5' in text
    assert 'lowest loss (mean of the last tenth of the steps): learning rate 0.1' in text
    assert f"tensorboard --logdir='{rates.directory}'" in text
    assert 'about the accuracies: This run of 20 steps is too short for batch norm' in text
    with open(rates.directory / 'learning_rates.csv', newline='') as stream:
        rows = list(csv.DictReader(stream))
    assert [(row['learning_rate'], row['state']) for row in rows] == [
        ('3', 'diverged'), ('0.1', 'finished'), ('0.001', 'finished'),
    ]  # fmt: skip
    assert rows[0]['accuracy'] == ''
    with Image.open(rates.directory / 'learning_rates.png') as picture:
        assert picture.format == 'PNG'


def test_a_second_sweep_adds_rates_and_repeats_none(rates):
    rates.run([0.1, 3.0])
    outcomes = rates.run([0.1, 3.0, 0.2])
    assert list(outcomes) == [3.0, 0.2, 0.1]
    assert [rates.starts(rate) for rate in ('0.1', '3', '0.2')] == [1, 1, 1]
    assert 'learning rate 0.1: finished by an earlier sweep' in rates.lines


def test_other_flags_need_another_directory(rates):
    rates.run([0.1])
    with pytest.raises(UserError, match=r'has a sweep with other flags \(--batch_size=3\)'):
        rates.run([0.2], '--batch_size=3')


def test_an_invalid_flag_ends_the_sweep_with_the_error_of_the_program(rates):
    with pytest.raises(UserError, match=r'^--dataset_dir=nowhere: no such directory \(the log: '):
        rates.run([0.1, 0.2], '--fail=1')
    assert not (rates.directory / 'lr_0.2').exists()


@pytest.mark.parametrize(
    ('state', 'words'),
    [('failed', 'no space left'), ('training', 'the training ended with status 1')],
)
def test_a_failed_training_ends_the_sweep_with_its_message(rates, state, words):
    with pytest.raises(UserError, match=rf'^{words} \(the log: '):
        rates.run([0.1], f'--end={state}')


def start(rates, *flags):
    """Sweep in a process of its own."""
    code = (
        'import sys; from common.errors import exit_cleanly; from training.jobs import sweep; '
        'exit_cleanly(sweep.run)([0.1, 0.2], sys.argv[1], sys.argv[2:4], sys.argv[4:])'
    )
    return subprocess.Popen(
        [sys.executable, '-c', code, str(rates.directory), *rates.program, *flags, *rates.flags],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_step(rates, process, step):
    log = rates.directory / 'lr_0.1' / 'train.log'
    while not log.exists() or f'global step {step}:' not in log.read_text():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)


@pytest.mark.parametrize(('how', 'status'), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_sweep_resumes(rates, how, status):
    process = start(rates, '--hang=7')
    wait_for_step(rates, process, 7)
    process.send_signal(how)
    shown, _ = process.communicate(timeout=60)
    assert process.returncode == status, shown
    assert 'run the same command again to resume' in shown
    assert (rates.directory / 'lr_0.1' / 'checkpoint').read_text() == '7'
    (rates.directory / 'go').touch()
    outcomes = rates.run([0.1, 0.2], '--hang=7')
    assert [outcome.step for outcome in outcomes.values()] == [20, 20]
    steps = log_files.loss_curve((rates.directory / 'lr_0.1' / 'train.log').read_text())
    assert list(steps) == list(range(1, 21))


def test_a_sweep_waits_for_a_training_that_a_killed_sweep_left(rates):
    folder = rates.directory / 'lr_0.1'
    folder.mkdir(parents=True)
    with open(folder / 'train.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write('4711\n')
        lock.flush()
        said = threading.Event()
        rates.lines = lines = []

        def report(line):
            lines.append(line)
            said.set()

        # In a thread: signals are the main thread's alone.
        thread = threading.Thread(target=sweep._wait_until_free, args=(str(folder), report))
        thread.start()
        assert said.wait(60)
        assert 'process 4711 is still training there; waiting' in lines[0]
    thread.join(60)
    assert not thread.is_alive()
    assert rates.run([0.1])[0.1].state == 'finished'


def test_a_training_that_somebody_stopped_is_not_finished(rates):
    def stop(line):
        if 'training; follow' in line:
            threading.Timer(0, kill).start()

    def kill():
        log = rates.directory / 'lr_0.1' / 'train.log'
        while not log.exists() or 'global step 7:' not in log.read_text():
            time.sleep(0.01)
        children = Path(f'/proc/self/task/{os.getpid()}/children').read_text().split()
        os.kill(int(children[-1]), signal.SIGTERM)

    if not Path(f'/proc/self/task/{os.getpid()}/children').exists():
        pytest.skip('this kernel does not list the children of a process')
    arguments = [0.1], str(rates.directory), rates.program, ['--hang=7', *rates.flags]
    outcomes = sweep.run(*arguments, stop)
    assert outcomes[0.1].describe() == 'stopped at step 7'
    (rates.directory / 'go').touch()
    assert sweep.run(*arguments)[0.1].step == 20


def test_two_sweeps_in_one_directory_are_refused(rates):
    process = start(rates, '--hang=7')
    wait_for_step(rates, process, 7)
    with pytest.raises(
        UserError, match=rf'another sweep is running there \(process {process.pid}\)'
    ):
        rates.run([0.3])
    process.terminate()
    process.communicate(timeout=60)


@pytest.mark.parametrize('text', ['', '0.1,fast', '0', '-1', 'nan', 'inf', '1e400'])
def test_rates_must_be_numbers_above_0(text):
    with pytest.raises(UserError, match='--learning_rates'):
        sweep.parse_rates(text)


def test_rates_keep_their_order_without_repetitions():
    assert sweep.parse_rates('0.1, 1e-3,0.1,5,') == [0.1, 0.001, 5.0]


LETTERS = fonts.choose_font((), ())
FALLING = {step: 2.0 / step for step in range(1, 50)}


def pixels_of(picture, colour):
    return sum(n for n, found in picture.getcolors(1 << 20) if found == colour)


def test_curves_are_drawn_in_colours_of_their_own():
    picture = curves.losses({'0.1': FALLING, '0.01': {1: 2.0, 49: 1.9}}, LETTERS, 'Losses')
    for colour in curves._COLOURS[:2]:
        assert pixels_of(picture, colour) > 300
    assert pixels_of(picture, curves._COLOURS[2]) == 0


def test_a_loss_beyond_all_bounds_does_not_flatten_the_others():
    alone = curves.losses({'0.1': FALLING}, LETTERS, 'Losses')
    beside = curves.losses({'0.1': FALLING, '9': {1: 2.0, 2: 1e30}}, LETTERS, 'Losses')
    height = [rows_of(picture, curves._COLOURS[0]) for picture in (alone, beside)]
    assert height[1] > height[0] / 2


def rows_of(picture, colour):
    plot = np.asarray(picture)[:, : -curves._RIGHT]
    rows = np.flatnonzero((plot == colour).all(axis=2).any(axis=1))
    return rows.max() - rows.min()


@pytest.mark.parametrize(
    'lines', [{}, {'0.1': {}}, {'0.1': {5: 0.0}}, {'0.1': {5: 1.0}}, {'1': {1: float('nan')}}]
)
def test_a_plot_of_little_or_nothing_is_a_plot(lines):
    assert curves.losses(lines, LETTERS, 'Losses').size == curves._SIZE


def test_the_state_is_readable(rates):
    rates.run([0.1])
    state = json.loads((rates.directory / 'sweep.json').read_text())
    assert state['flags'] == ['--max_number_of_steps=20']
    assert state['rates']['0.1']['state'] == 'finished'
