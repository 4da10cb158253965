"""Train the same number of steps at each of several learning rates, and compare."""

import contextlib
import csv
import dataclasses
import math
import os
import re
import shlex
import signal
import subprocess
import sys
import time

from common import files, locks
from common.errors import UserError
from training.evaluation import fonts
from training.jobs import curves, log_files, run_directory

_STATE, _TABLE, _PLOT = 'sweep.json', 'learning_rates.csv', 'learning_rates.png'
_LOG = 'train.log'
_LAST_STEP = re.compile(r'Last step: (\d+)')
_DIVERGED_AT = re.compile(r'^error: .* at step (\d+), ', re.MULTILINE)
_ERROR = re.compile(r'^error: (.*)$', re.MULTILINE)
# Of batch norm, in a log that nobody may read; accuracies are worthless then.
_ADVICE = re.compile(r'This run of \d+ steps is too short .*')
_POLL_SECS = 0.2


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How the training at one rate ended; a loss of None: it never got as far as a line."""

    state: str  # finished, diverged or stopped
    step: int
    loss: float | None  # Mean over the last tenth.
    accuracy: float | None  # Of the last validation, where there was one.
    seconds: float

    def describe(self):
        """Return the table's last column."""
        return '' if self.state == 'finished' else f'{self.state} at step {self.step}'


def parse_rates(text):
    """Return the rates of a list with commas, in its order."""
    rates = []
    for part in filter(None, (part.strip() for part in text.split(','))):
        try:
            rate = float(part)
        except ValueError:
            rate = math.nan
        if not 0 < rate < math.inf:
            raise UserError(f'--learning_rates={text}: {part!r} is no rate above 0')
        rates.append(rate)
    if not rates:
        raise UserError('--learning_rates is empty; name some, with commas: 0.1,0.01,0.001')
    return list(dict.fromkeys(rates))


def run(rates, directory, program, flags, report=print, environment=None):
    """Train at each rate in a directory of its own, and return {rate: Outcome}.

    `program` begins the command, `flags` are those of all rates. What an earlier sweep with the
    same flags has done is not done again.
    """
    os.makedirs(directory, exist_ok=True)
    busy = f'--train_dir={directory}: another sweep runs there'
    with locks.Lock(os.path.join(directory, 'sweep.lock'), busy), _sigterm_as_exit():
        state = _State(directory, flags)
        command = [*program, *flags]
        for rate in rates:
            if state.is_done(rate):
                report(f'learning rate {rate:g}: done before')
                continue
            train_dir = os.path.join(directory, f'lr_{rate:g}')
            state.add(rate, _train(rate, train_dir, command, environment, report))
        outcomes = {rate: state.outcomes[rate] for rate in sorted(state.outcomes, reverse=True)}
        for line in table(outcomes):
            report(line)
        _write(directory, outcomes, report)
    return outcomes


class _State:
    """What the sweep has done so far, in a file."""

    def __init__(self, directory, flags):
        self._path = os.path.join(directory, _STATE)
        known = files.read_json(self._path) if os.path.exists(self._path) else {}
        self._flags = sorted(flags)
        before = known.get('flags', self._flags)
        if before != self._flags:
            changed = sorted(set(before) ^ set(self._flags))
            raise UserError(
                f'--train_dir={directory}: holds a sweep with other flags ({", ".join(changed)}); '
                'name another directory, or repeat its flags'
            )
        self.outcomes = {float(k): Outcome(**v) for k, v in known.get('rates', {}).items()}

    def is_done(self, rate):
        return rate in self.outcomes and self.outcomes[rate].state != 'stopped'

    def add(self, rate, outcome):
        self.outcomes[rate] = outcome
        rates = {f'{rate:g}': dataclasses.asdict(each) for rate, each in self.outcomes.items()}
        files.write_json(self._path, {'flags': self._flags, 'rates': rates})


@contextlib.contextmanager
def _sigterm_as_exit():
    """Let a SIGTERM unwind as Ctrl-C does, so that the training under way is stopped."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _train(rate, train_dir, command, environment, report):
    os.makedirs(train_dir, exist_ok=True)
    log = os.path.join(train_dir, _LOG)
    _wait_until_free(train_dir, report)
    report(f'learning rate {rate:g}: training; follow it with: tail -f {shlex.quote(log)}')
    began = time.monotonic()
    with open(log, 'ab') as stream:
        start = stream.tell()
        # A session of its own: Ctrl-C reaches the training once, through us.
        process = subprocess.Popen(
            [*command, f'--learning_rate={rate!r}', f'--train_dir={train_dir}'],
            env=environment, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait()
        except BaseException:
            report(f'learning rate {rate:g}: stopping; the same command goes on from there')
            process.terminate()
            process.wait()
            raise
    text = _read(log)
    outcome = _judge(status, text, text[start:], train_dir, time.monotonic() - began)
    how = outcome.describe() or f'finished, loss {_short(outcome.loss)}'
    report(f'learning rate {rate:g}: {how}, {outcome.seconds:.0f} s')
    return outcome


def _wait_until_free(train_dir, report):
    """Wait for what a killed sweep has left training there: it is this training."""
    with open(os.path.join(train_dir, run_directory.LOCK), 'a+') as lock:
        waited = False
        while True:
            if locks.try_lock(lock):
                return
            if not waited:
                lock.seek(0)
                report(f'{train_dir}: process {lock.read().strip()} still trains; waiting')
            waited = True
            time.sleep(_POLL_SECS)


def _read(log):
    with open(log, 'rb') as stream:
        # One character a byte, so that positions are those of the file.
        return stream.read().decode('latin-1')


def _judge(status, text, new, train_dir, seconds):
    if status not in (0, run_directory.DIVERGED):
        said = _ERROR.findall(new)
        why = said[-1] if said else f'ended with status {status}'
        raise UserError(f'{why} (the log: {os.path.join(train_dir, _LOG)})')
    losses = log_files.loss_curve(text)
    last = max(losses, default=0)
    if status == run_directory.DIVERGED:
        state = 'diverged'
        step = int((_DIVERGED_AT.findall(new) or [last])[-1])
    else:
        ends = _LAST_STEP.findall(text)
        step = _saved_step(train_dir)
        state = 'finished' if ends and step >= int(ends[-1]) else 'stopped'
    tail = [loss for number, loss in losses.items() if number > last - max(1, last // 10)]
    loss = sum(tail) / len(tail) if tail else None
    if loss is not None and not math.isfinite(loss):
        loss = None
    return Outcome(state, step, loss, _accuracy(train_dir), round(seconds, 1))


def _saved_step(train_dir):
    step = re.search(r'-(\d+)$', run_directory.newest_checkpoint(train_dir) or '')
    return int(step[1]) if step else 0


def _accuracy(train_dir):
    path = os.path.join(train_dir, run_directory.VALIDATIONS)
    validations = files.read_json(path) if os.path.exists(path) else []
    return validations[-1]['accuracy'] if validations else None


def table(outcomes):
    """Yield the lines that compare the rates."""
    validated = any(outcome.accuracy is not None for outcome in outcomes.values())
    yield ''
    yield f'learning rate  steps       loss{"  accuracy" if validated else ""}     time'
    for rate, outcome in outcomes.items():
        cells = f'{rate:>13g} {outcome.step:>6} {_short(outcome.loss):>10}'
        cells += f'{_short(outcome.accuracy):>10}' if validated else ''
        yield f'{cells} {outcome.seconds:>6.0f} s  {outcome.describe()}'.rstrip()
    finished = [r for r, o in outcomes.items() if o.state == 'finished' and o.loss is not None]
    if finished:
        best = min(finished, key=lambda rate: outcomes[rate].loss)
        yield f'lowest loss (mean of the last tenth of the steps): learning rate {best:g}'


def _short(number):
    if number is None:
        return '-'
    return f'{number:.4f}' if abs(number) < 1e4 else f'{number:.3g}'


def _write(directory, outcomes, report):
    names = [field.name for field in dataclasses.fields(Outcome)]
    with files.atomic_write(os.path.join(directory, _TABLE), 'w', newline='') as stream:
        writer = csv.writer(stream)
        writer.writerow(['learning_rate', *names])
        for rate, outcome in outcomes.items():
            writer.writerow([f'{rate:g}', *dataclasses.astuple(outcome)])
    lines, advice = {}, set()
    for rate, outcome in outcomes.items():
        log = os.path.join(directory, f'lr_{rate:g}', _LOG)
        if os.path.exists(log):
            note, text = outcome.describe(), _read(log)
            lines[f'{rate:g} ({note})' if note else f'{rate:g}'] = log_files.loss_curve(text)
            if outcome.accuracy is not None:
                advice.update(_ADVICE.findall(text))
    for line in sorted(advice):
        report(f'about the accuracies: {line}')
    plot = os.path.join(directory, _PLOT)
    picture = curves.losses(lines, fonts.choose_font((), ()), 'Loss at each learning rate')
    with files.atomic_write(plot) as stream:
        picture.save(stream, 'PNG', optimize=True)
    report(f'the plot: {plot}')
    report(f'the curves side by side: tensorboard --logdir={shlex.quote(directory)}')
