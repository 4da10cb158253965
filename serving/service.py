"""What the server does with pictures, whatever way they came: gate, model, answer."""

import contextlib
import dataclasses
import threading
import time

import numpy as np

from datasets.images import BadImage
from serving import uploads
from serving.model_holder import NotReadyError
from serving.predictor import BusyError, ClosedError, ExpiredError, top
from serving.refusals import Refusal

# What passes the gate may be a hundred times as long as what came: a WebP becomes a PNG.
_MOST_HELD_BYTES = 2**30


@dataclasses.dataclass(frozen=True)
class Prediction:
    """One class, and how probable it is."""

    index: int
    label: str
    probability: float


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one upload: its classes, best first, or why there are none."""

    name: str
    picture: uploads.Picture | None = None
    row: np.ndarray | None = dataclasses.field(default=None, compare=False)  # Of every class.
    predictions: tuple[Prediction, ...] = ()
    refusal: Refusal | None = None


@dataclasses.dataclass(frozen=True)
class Answer:
    """The results of one request, in the order of its uploads, all of one model."""

    results: tuple[Result, ...]
    labels: list[str]
    version: int
    seconds: float

    @property
    def refusal(self):
        """Return why nothing at all could be classified, or None."""
        refusals = [result.refusal for result in self.results]
        return refusals[0] if refusals and all(refusals) else None


class OnlyModel:
    """Lends one Predictor for good, as a ModelHolder lends the newest."""

    is_ready = True
    last_error = ''

    def __init__(self, predictor):
        self._predictor = predictor
        self.version = predictor.version

    @contextlib.contextmanager
    def lease(self):
        """Lend the predictor."""
        yield self._predictor


class Service:
    """Classifies uploads with the model that `holder` lends."""

    def __init__(self, holder, config, metrics, store=None):
        self.holder = holder
        self._config = config
        self._metrics = metrics
        self._store = store
        self._gate = uploads.Gate(config)
        self._places = threading.BoundedSemaphore(config.max_requests)
        self._room = _Room(_MOST_HELD_BYTES)
        self.decoder = self._gate.decoder  # Whoever else decodes pictures takes a place there.

    @contextlib.contextmanager
    def model(self):
        """Lend the model; a Refusal while there is none."""
        with contextlib.ExitStack() as stack:
            try:
                predictor = stack.enter_context(self.holder.lease())
            except NotReadyError:
                raise loading() from None
            yield predictor

    def classify(self, sent, count, deadline):
        """Return the Answer to a list of Uploads, with the best `count` classes of each."""
        self._gate.check_count(len(sent))
        if not self._places.acquire(blocking=False):
            raise Refusal(503, 'busy', 'too many requests are waiting', retry_after_secs=1)
        began = time.monotonic()
        try:
            with self.model() as predictor, self._room.share() as hold:
                verify = not predictor.refuses_damaged  # What it reads anyway is read once only.
                results = [self._through_gate(upload, deadline, hold, verify) for upload in sent]
                results = self._through_model(predictor, results, deadline, count)
                labels, version = predictor.labels, predictor.version
            self._count(results)
            self._keep(results, deadline)
        finally:
            self._places.release()
        return Answer(tuple(results), labels, version, time.monotonic() - began)

    def gauges(self):
        """Return by name what is true of the model at this moment."""
        found = {'ready': int(self.holder.is_ready), 'queued_pictures': 0, 'running_pictures': 0}
        with contextlib.suppress(Refusal), self.model() as predictor:
            found['queued_pictures'] = predictor.queued
            found['running_pictures'] = predictor.running
        found['model_version'] = self.holder.version
        found['model_reload_failed'] = int(bool(self.holder.last_error))
        return found

    def _through_gate(self, upload, deadline, hold, verify):
        try:
            if upload.refusal:
                raise upload.refusal
            picture = self._gate.admit(upload.data, deadline, verify)
            hold(len(picture.image.data))
        except Refusal as refusal:
            if refusal.status == 503:  # The whole request's time is over, or the room is full.
                raise
            return Result(upload.name, refusal=refusal)
        return Result(upload.name, picture)

    def _through_model(self, predictor, results, deadline, count):
        """Return the results, those that have a picture with what the model makes of it."""
        pictures = [result.picture.image.data for result in results if result.picture]
        outcomes = iter(self._run(predictor, pictures, deadline) if pictures else ())
        return [
            self._with_outcome(result, next(outcomes), predictor.labels, deadline, count)
            if result.picture
            else result
            for result in results
        ]

    def _with_outcome(self, result, outcome, labels, deadline, count):
        if isinstance(outcome, BadImage):
            refusal = self._why(result.picture, outcome, deadline)
            return dataclasses.replace(result, picture=None, refusal=refusal)
        best = top(outcome, count)
        predictions = tuple(Prediction(output, labels[output], share) for output, share in best)
        return dataclasses.replace(result, row=outcome, predictions=predictions)

    def _why(self, picture, error, deadline):
        """Return the Refusal of a picture that the graph does not read: the gate's, if it has one.

        The graph says only that it could not, and the gate may not have read to the end.
        """
        try:
            self._gate.admit(picture.image.data, deadline)
        except Refusal as refusal:
            if refusal.status == 503:
                raise
            return refusal
        return uploads.bad_picture(error)

    def _count(self, results):
        for result in results:
            self._metrics.picture(result.picture.kind if result.picture else 'refused')

    def _run(self, predictor, pictures, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise uploads.late()
        try:
            return predictor.outcomes(pictures, timeout_secs=left)
        except BusyError as error:
            wait = error.retry_after_secs
            raise Refusal(503, 'busy', 'too many pictures are waiting', wait) from None
        except ExpiredError:
            raise uploads.late() from None
        except ClosedError:
            raise loading() from None

    def _keep(self, results, deadline):
        """Store copies of the pictures, of as many as the time suffices for."""
        if not self._store:
            return
        for result in results:
            if result.picture:
                with contextlib.suppress(Refusal), self._gate.decoder(deadline):
                    self._store.keep(result.picture.image.data)


class _Room:
    """Counts what all requests hold of decoded pictures, and refuses what is too much."""

    def __init__(self, most_bytes):
        self._most = most_bytes
        self._held = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def share(self):
        """Lend one request a function that holds so many bytes until the block ends."""
        own = 0

        def hold(size):
            nonlocal own
            if own + size > self._most:
                raise Refusal(413, 'pixels', 'the pictures of this request are too large together')
            with self._lock:
                if self._held + size > self._most:
                    raise Refusal(503, 'busy', 'too many large pictures', retry_after_secs=2)
                self._held += size
            own += size

        try:
            yield hold
        finally:
            with self._lock:
                self._held -= own


def loading():
    """Return the Refusal while no model is ready."""
    return Refusal(503, 'loading', 'the model is being loaded', retry_after_secs=2)
