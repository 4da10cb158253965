"""Hold the current model of the server, and replace it while requests are answered."""

import contextlib
import dataclasses
import os
import threading
import time

from classifiers import checkpoints, model_info, watch
from classifiers.verdicts import LIMITS_FILES
from common.errors import one_line
from common.logs import LOG
from serving.model import model_trial
from serving.model.predictor import Predictor

# After a trial without enough time or memory; doubled after each further one.
_FIRST_PAUSE_SECS = 30.0
_LONGEST_PAUSE_SECS = 3600.0
_SHORTAGES = (
    model_trial.ShortageError,
    MemoryError,
    OSError,  # For example, no process could be started.
)


class NotReadyError(Exception):
    """No model is loaded, or it was closed."""


def for_model(model_options, predictor_options=None, report=LOG.info, observe=None, trial=None):
    """Make a ModelHolder for a path, which reloads the model when it is written again.

    `trial` has the TrialLimits for the test of a new model; without them it is not tested.
    """

    def make(version, found=None):
        options = _exactly(model_options, found)
        return Predictor(options, predictor_options, report, observe, version)

    def try_out(stop, found):
        if trial:
            model_trial.run(_exactly(model_options, found), predictor_options, trial, stop)

    def look(found=None):
        return signature(_exactly(model_options, found))

    return ModelHolder(make, look, report, try_out)


def _exactly(model_options, found):
    """Return options with the checkpoint of a signature instead of its directory.

    A training may write the next checkpoint during the trial of this one.
    """
    if found is None or not os.path.isdir(model_options.path):
        return model_options
    return dataclasses.replace(model_options, path=found[0][0])


def signature(model_options):
    """Return a value that changes when the model's files are written again; None without files."""
    path = os.fspath(model_options.path)
    if model_info.is_graph(path):
        main = _state(path)
        beside = model_info.files_beside(path)
    else:
        prefix = _newest(path)
        main = prefix and (prefix, checkpoints.signature(prefix))
        description = model_info.path_beside(path)
        directory = os.path.dirname(description)
        limits = (os.path.join(directory, name) for name in LIMITS_FILES)
        beside = (description, *limits)
    others = (*beside, model_options.label_file)
    return main and (main, *(_state(other) for other in others if other))


def _newest(path):
    if not os.path.isdir(path):
        return checkpoints.prefix_of(path)
    return next(iter(watch.newest_first(path, warn=lambda message: None)), None)


def _state(path):
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns


class ModelHolder:
    """Provides the current Predictor, and replaces it when the result of `look` changes.

    A new model is first tested in another process by `try_out`, which stops when its event is set.
    Then it is loaded and replaces the old one, which is closed after its last request. If the new
    model fails, the old one stays; the new one is tested again later if time or memory was short.

    `look()` returns a signature of the newest files, and `look(signature)` the present signature of
    the same files. `make` and `try_out` take the signature of the files to use.
    """

    def __init__(
        self,
        make,
        look,
        report=LOG.info,
        try_out=lambda stop, found: None,
        clock=time.monotonic,
    ):
        self._make = make
        self._look = look
        self._report = report
        self._try_out = try_out
        self._lock = threading.Lock()
        self._current = None  # The _Loan of the current model.
        self._clock = clock
        self._seen = None
        self._pause_secs = _FIRST_PAUSE_SECS
        self._next_try = float('inf')  # When the files that were seen last are tested again.
        self._stop = threading.Event()
        self._watcher = None
        self.version = 0
        self.last_error = ''  # Why the newest files are not used, or ''.

    @property
    def is_ready(self):
        """Return whether a model is loaded."""
        return self._current is not None

    def load(self):
        """Load the first model; raise a UserError if it cannot be used."""
        self._seen = self._look()
        self._exchange(self._make(1))

    def start_watching(self, poll_secs=2.0):
        """Look at the files every `poll_secs` seconds, in a thread."""
        self._watcher = threading.Thread(
            target=self._watch, args=(poll_secs,), name='model-watcher', daemon=True
        )
        self._watcher.start()

    @contextlib.contextmanager
    def lease(self):
        """Yield the Predictor for one request; it is not closed before the block ends."""
        with self._lock:
            loan = self._current
            if loan is None:
                raise NotReadyError('no model is loaded')
            loan.borrowers += 1
        try:
            yield loan.predictor
        finally:
            self._give_back(loan)

    def close(self):
        """Stop watching, and close the model when its last request is finished."""
        self._stop.set()
        if self._watcher:
            self._watcher.join()
        self._exchange(None)

    def poll(self, seen_before=None):
        """Look once, and reload if the files have changed and are complete; return their signature.

        `seen_before` is the result of the last look; files that still change are ignored.
        """
        found = self._look()
        if found is None or found != seen_before:
            return found
        if found != self._seen:
            self._seen, self._pause_secs = found, _FIRST_PAUSE_SECS
            self._reload(found)
        elif self._clock() >= self._next_try:
            self._reload(found)
        return found

    def _watch(self, poll_secs):
        found, reported = None, ''
        while not self._stop.wait(poll_secs):
            try:
                found = self.poll(found)
            except Exception as error:  # For example, a folder may be locked for a moment.
                reason = one_line(error)
                if reason != reported:
                    self._report(f'CANNOT LOOK for a new model: {reason}')
                reported = reason

    def _reload(self, found):
        self._next_try = float('inf')
        try:
            self._try_out(self._stop, found)
            if self._look(found) != found:
                self._keep('its files changed during the trial; the new ones are tried next')
                return
            predictor = self._make(self.version + 1, found)
        except model_trial.StoppedError:
            return
        except _SHORTAGES as error:
            self._next_try = self._clock() + self._pause_secs
            self._keep(f'{one_line(error)} (tried again in {self._pause_secs:g} seconds)')
            self._pause_secs = min(2 * self._pause_secs, _LONGEST_PAUSE_SECS)
            return
        except Exception as error:  # After any error of a bad file the old model stays.
            self._keep(one_line(error))
            return
        self._exchange(predictor)
        self._report(f'Replaced the model: version {self.version} is served now')

    def _keep(self, reason):
        """Log the reason why the old model stays, each reason once."""
        if reason != self.last_error:
            self._report(f'KEPT the model of version {self.version}: {reason}')
        self.last_error = reason

    def _exchange(self, predictor):
        with self._lock:
            old, self._current = self._current, predictor and _Loan(predictor)
            if predictor:
                self.version = predictor.version
                self.last_error = ''
            if old:
                old.is_retired = True
            is_idle = old is not None and not old.borrowers
        if is_idle:
            old.predictor.close()

    def _give_back(self, loan):
        with self._lock:
            loan.borrowers -= 1
            is_last = loan.is_retired and not loan.borrowers
        if is_last:
            loan.predictor.close()


class _Loan:
    """A Predictor and the number of requests that use it."""

    def __init__(self, predictor):
        self.predictor = predictor
        self.borrowers = 0
        self.is_retired = False
