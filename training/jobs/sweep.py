"""Train the same number of steps at each of several learning rates, and compare them."""

import csv
import dataclasses
import math
import os
import shlex
import subprocess
import time

from common import files, locks
from common.errors import UserError
from training.evaluation import fonts
from training.jobs import curves, log_files, programs, run_directory

_STATE, _TABLE, _PLOT = 'sweep.json', 'learning_rates.csv', 'learning_rates.png'
_LOG = 'train.log'
_POLL_SECS = 0.2


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How the training at one rate ended."""

    state: str  # finished, diverged or stopped
    step: int
    loss: float | None  # Mean over the last tenth of the steps; None if no loss was logged.
    accuracy: float | None  # Of the last validation, if there was one.
    seconds: float

    def describe(self):
        """Return the last column of the table."""
        is_finished = self.state == run_directory.FINISHED
        return '' if is_finished else f'{self.state} at step {self.step}'


def parse_rates(text):
    """Return the learning rates of a comma-separated list, in its order."""
    rates = []
    for part in filter(None, (part.strip() for part in text.split(','))):
        try:
            rate = float(part)
        except ValueError:
            rate = math.nan
        if not 0 < rate < math.inf:
            raise UserError(f'--learning_rates={text}: {part!r} must be a number above 0')
        rates.append(rate)
    if not rates:
        raise UserError('--learning_rates=: must be a list such as 0.1,0.01,0.001')
    return list(dict.fromkeys(rates))


def run(rates, directory, program, flags, report=print, environment=None):
    """Train at each rate in a directory of its own, and return {rate: Outcome}.

    The command is `program` with `flags` and a learning rate. Rates that an earlier sweep with
    the same flags has finished are not trained again.
    """
    os.makedirs(directory, exist_ok=True)
    busy = f'--train_dir={directory}: another sweep is running there'
    with locks.Lock(os.path.join(directory, 'sweep.lock'), busy):
        state = _State(directory, flags)
        command = [*program, *flags]
        for rate in rates:
            if state.is_done(rate):
                report(f'learning rate {rate:g}: finished by an earlier sweep')
                continue
            train_dir = os.path.join(directory, f'lr_{rate:g}')
            state.add(rate, _train(rate, train_dir, command, environment, report))
        outcomes = {rate: state.outcomes[rate] for rate in sorted(state.outcomes, reverse=True)}
        for line in table(outcomes):
            report(line)
        _write(directory, outcomes, report)
    return outcomes


class _State:
    """The outcomes so far; they are stored in a file."""

    def __init__(self, directory, flags):
        self._path = os.path.join(directory, _STATE)
        known = files.read_json(self._path) if os.path.exists(self._path) else {}
        self._flags = sorted(flags)
        before = known.get('flags', self._flags)
        if before != self._flags:
            changed = sorted(set(before) ^ set(self._flags))
            raise UserError(
                f'--train_dir={directory}: has a sweep with other flags ({", ".join(changed)});'
                ' pass another directory, or the same flags'
            )
        self.outcomes = {float(k): Outcome(**v) for k, v in known.get('rates', {}).items()}

    def is_done(self, rate):
        return rate in self.outcomes and self.outcomes[rate].state != run_directory.STOPPED

    def add(self, rate, outcome):
        self.outcomes[rate] = outcome
        rates = {f'{rate:g}': dataclasses.asdict(each) for rate, each in self.outcomes.items()}
        files.write_json(self._path, {'flags': self._flags, 'rates': rates})


def _train(rate, train_dir, command, environment, report):
    os.makedirs(train_dir, exist_ok=True)
    log = os.path.join(train_dir, _LOG)
    _wait_until_free(train_dir, report)
    report(f'learning rate {rate:g}: training; follow it with: tail -f {shlex.quote(log)}')
    began = time.monotonic()
    command = [*command, f'--learning_rate={rate!r}', f'--train_dir={train_dir}']
    with open(log, 'ab') as stream, programs.ProgramRunner() as runner:
        process = runner.start(command, env=environment, stdout=stream, stderr=subprocess.STDOUT)
        status = runner.wait(process)
    end = _ending(train_dir, process.pid, status)
    outcome = _outcome(end, train_dir, time.monotonic() - began)
    how = outcome.describe() or f'finished, loss {_short(outcome.loss)}'
    report(f'learning rate {rate:g}: {how}, {outcome.seconds:.0f} s')
    return outcome


def _wait_until_free(train_dir, report):
    """Wait for a training that a killed sweep has left running in the directory."""
    with open(os.path.join(train_dir, run_directory.LOCK), 'a+') as lock:
        waited = False
        while True:
            if locks.try_lock(lock):
                return
            if not waited:
                lock.seek(0)
                report(
                    f'{train_dir}: process {lock.read().strip()} is still training there; waiting'
                )
            waited = True
            time.sleep(_POLL_SECS)


def _ending(train_dir, process, exit_status):
    """Return the status that a process wrote at its end; raise UserError if it failed."""
    status = run_directory.read_status(train_dir, process)
    # A loss that diverged is a result, too.
    if status and exit_status in (0, run_directory.EXIT_DIVERGED):
        return status
    log = os.path.join(train_dir, _LOG)
    # A program that refuses its flags ends before it writes a status.
    why = status.message if status else log_files.last_line(log).removeprefix('error: ')
    raise UserError(f'{why or f"the training ended with status {exit_status}"} (the log: {log})')


def _outcome(status, train_dir, seconds):
    losses = _loss_curve(train_dir)
    last = max(losses, default=0)
    tail = [loss for step, loss in losses.items() if step > last - max(1, last // 10)]
    loss = sum(tail) / len(tail) if tail else None
    if loss is not None and not math.isfinite(loss):
        loss = None
    return Outcome(status.state, status.step, loss, _accuracy(train_dir), round(seconds, 1))


def _loss_curve(train_dir):
    return log_files.loss_curve(log_files.read(os.path.join(train_dir, _LOG)))


def _accuracy(train_dir):
    path = os.path.join(train_dir, run_directory.VALIDATIONS)
    validations = files.read_json(path) if os.path.exists(path) else []
    return validations[-1]['accuracy'] if validations else None


def table(outcomes):
    """Yield the lines of a table that compares the rates."""
    validated = any(outcome.accuracy is not None for outcome in outcomes.values())
    yield ''
    yield f'learning rate  steps       loss{"  accuracy" if validated else ""}     time'
    for rate, outcome in outcomes.items():
        cells = f'{rate:>13g} {outcome.step:>6} {_short(outcome.loss):>10}'
        cells += f'{_short(outcome.accuracy):>10}' if validated else ''
        yield f'{cells} {outcome.seconds:>6.0f} s  {outcome.describe()}'.rstrip()
    finished = [
        r for r, o in outcomes.items() if o.state == run_directory.FINISHED and o.loss is not None
    ]
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
        train_dir = os.path.join(directory, f'lr_{rate:g}')
        note = outcome.describe()
        lines[f'{rate:g} ({note})' if note else f'{rate:g}'] = _loss_curve(train_dir)
        status = run_directory.read_status(train_dir)
        if status and outcome.accuracy is not None:
            advice.update(status.advice)
    for line in sorted(advice):
        report(f'about the accuracies: {line}')
    plot = os.path.join(directory, _PLOT)
    picture = curves.losses(lines, fonts.choose_font((), ()), 'Loss at each learning rate')
    with files.atomic_write(plot) as stream:
        picture.save(stream, 'PNG', optimize=True)
    report(f'the plot: {plot}')
    report(f'the curves side by side: tensorboard --logdir={shlex.quote(directory)}')
