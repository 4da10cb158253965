"""Classify uploaded pictures: check them, run the model, and collect the results."""

import contextlib
import dataclasses
import time

from classifiers.verdicts import Outcome
from pictures import gate
from pictures.gate import BadImage
from serving.fairness import Shares
from serving.model.model_holder import NotReadyError
from serving.model.predictor import Prediction, likely, predictions
from serving.model.work_queue import BusyError, ClosedError, ExpiredError
from serving.web import upload_store, uploads
from serving.web.refusals import Refusal

# Pictures are classified together if they need no more than a quarter of the memory.
_GROUPS = 4


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of one upload: its classes, best first, or why it was refused."""

    name: str
    picture: uploads.Picture | None = None
    outcome: Outcome | None = dataclasses.field(default=None, compare=False)
    predictions: tuple[Prediction, ...] = ()
    likely: tuple[str, ...] = ()  # The labels of the prediction set at 90%, best first.
    refusal: Refusal | None = None
    preview: bytes = b''  # A small JPEG, if one was requested.

    @property
    def verdict(self):
        """Return the Verdict about the picture, or None without one."""
        return self.outcome and self.outcome.verdict


@dataclasses.dataclass(frozen=True)
class Answer:
    """The results of one request, in the order of its uploads, all from one model."""

    results: tuple[Result, ...]
    labels: list[str]
    version: int
    seconds: float

    @property
    def refusal(self):
        """Return the Refusal of the request if no upload could be classified, else None."""
        refusals = [result.refusal for result in self.results]
        if not refusals or not all(refusals):
            return None
        # 503 first: trying again later may succeed, even if other pictures are bad.
        return max(refusals, key=lambda refusal: refusal.status == 503)


class OnlyModel:
    """Holds one Predictor that is never replaced; use it where a ModelHolder is expected."""

    is_ready = True
    last_error = ''

    def __init__(self, predictor):
        self._predictor = predictor
        self.version = predictor.version

    @contextlib.contextmanager
    def lease(self):
        """Yield the predictor."""
        yield self._predictor


class Service:
    """Classifies uploads with the current model of `holder`."""

    def __init__(self, holder, config, metrics, store=None):
        self.holder = holder
        self._config = config
        self._metrics = metrics
        self._store = store
        self._gate = uploads.Gate(config)
        self._places = Shares(config.max_requests)

    @contextlib.contextmanager
    def model(self):
        """Yield the current model; raise a Refusal if none is loaded yet."""
        with contextlib.ExitStack() as stack:
            try:
                predictor = stack.enter_context(self.holder.lease())
            except NotReadyError:
                raise loading() from None
            yield predictor

    def classify(self, sent, count, deadline, client='', preview_side=0):
        """Return the Answer to a list of Uploads, with the best `count` classes of each.

        Each `client` waits in its own queue. With `preview_side`, small copies are made too.
        Pictures that are not classified by the deadline are refused.
        """
        self._gate.check_count(len(sent))
        with self._places.part(client) as is_admitted:
            if not is_admitted:
                raise Refusal(503, 'busy', 'too many requests are waiting', retry_after_secs=1)
            began = time.monotonic()
            with self.model() as predictor:
                context = _RequestContext(predictor, count, deadline, client, preview_side)
                results = [
                    result
                    for group in self._groups(sent)
                    for result in self._classified(group, context)
                ]
                labels, version = predictor.labels, predictor.version
            self._count(results)
        return Answer(tuple(results), labels, version, time.monotonic() - began)

    def gauges(self):
        """Return the current values of the gauges by name."""
        found = {'ready': int(self.holder.is_ready), 'queued_pictures': 0, 'running_pictures': 0}
        with contextlib.suppress(Refusal), self.model() as predictor:
            found['queued_pictures'] = predictor.queued
            found['running_pictures'] = predictor.running
        found['model_version'] = self.holder.version
        found['model_reload_failed'] = int(bool(self.holder.last_error))
        return found

    def _groups(self, sent):
        """Yield lists of examined pictures; small ones are grouped."""
        group, size = [], 0
        most = self._config.decode_bytes // _GROUPS
        for item in map(self._examined, sent):
            if group and size + item.memory_bytes > most:
                yield group
                group, size = [], 0
            group.append(item)
            size += item.memory_bytes
        yield group

    def _examined(self, upload):
        try:
            if upload.refusal:
                raise upload.refusal
            return _Item(upload, examined=self._gate.examine(upload.data))
        except Refusal as refusal:
            return _Item(upload, refusal=refusal)

    def _classified(self, group, context):
        """List the Results of a group, with memory reserved from the checks to the previews."""
        size = sum(item.memory_bytes for item in group)
        if not size:
            return [Result(item.upload.name, refusal=item.refusal) for item in group]
        try:
            with self._gate.memory(size, context.deadline, context.client):
                results = [self._through_gate(item, context) for item in group]
                results = self._through_model(results, context)
                return [self._finished(result, context) for result in results]
        except Refusal as refusal:  # No memory, or no place in the queue, in time.
            return [Result(item.upload.name, refusal=item.refusal or refusal) for item in group]

    def _through_gate(self, item, context):
        verify = not context.predictor.refuses_damaged  # Such a model reads them to the end.
        try:
            if item.refusal:
                raise item.refusal
            picture = self._gate.admit(
                item.upload.data, context.deadline, context.client, verify, item.examined
            )
        except Refusal as refusal:
            return Result(item.upload.name, refusal=refusal)
        return Result(item.upload.name, picture)

    def _through_model(self, results, context):
        """Return the results with the classes that the model found."""
        pictures = [result.picture.image.data for result in results if result.picture]
        outcomes = iter(self._run(pictures, context) if pictures else ())
        return [
            self._with_outcome(result, next(outcomes), context) if result.picture else result
            for result in results
        ]

    def _with_outcome(self, result, outcome, context):
        if isinstance(outcome, BadImage):
            refusal = self._why(result.picture, outcome, context)
            return dataclasses.replace(result, picture=None, refusal=refusal)
        best = predictions(context.predictor.labels, outcome, context.count)
        found = likely(context.predictor.labels, outcome, context.predictor.info.limits)
        return dataclasses.replace(result, outcome=outcome, predictions=best, likely=found)

    def _why(self, picture, error, context):
        """Return the Refusal of a picture that the model cannot read.

        The model gives no reason, so the gate checks the picture again, now to its end.
        """
        try:
            self._gate.admit(picture.image.data, context.deadline, context.client)
        except Refusal as refusal:
            return refusal
        return uploads.bad_picture(error)

    def _count(self, results):
        for result in results:
            self._metrics.picture(result.picture.kind if result.picture else 'refused')
            if result.verdict and not result.verdict.is_known:
                self._metrics.unknown_picture()

    def _run(self, pictures, context):
        left = context.deadline - time.monotonic()
        if left <= 0:
            raise uploads.late()
        try:
            return context.predictor.outcomes(pictures, timeout_secs=left, client=context.client)
        except BusyError as error:
            wait = error.retry_after_secs
            raise Refusal(503, 'busy', 'too many pictures are waiting', wait) from None
        except ExpiredError:
            raise uploads.late() from None
        except ClosedError:
            raise loading() from None

    def _finished(self, result, context):
        """Make the copies if there is time, and return the result without the picture's bytes."""
        if not result.picture:
            return result
        image = result.picture.image
        preview = b''
        if context.preview_side:
            with contextlib.suppress(Refusal), self._copying(context):
                preview = _preview(image.data, context.preview_side)
        if self._store:
            with contextlib.suppress(Refusal), self._copying(context):
                self._store.keep(image.data)
        bare = dataclasses.replace(result.picture, image=dataclasses.replace(image, data=b''))
        return dataclasses.replace(result, picture=bare, preview=preview)

    def _copying(self, context):
        return self._gate.decoder(context.deadline, context.client)


@dataclasses.dataclass(frozen=True)
class _RequestContext:
    """The model, deadline and client of one request."""

    predictor: object
    count: int
    deadline: float
    client: str
    preview_side: int


@dataclasses.dataclass(frozen=True)
class _Item:
    """An upload with what its header says, or with its Refusal."""

    upload: uploads.Upload
    examined: gate.Examined | None = None
    refusal: Refusal | None = None

    @property
    def memory_bytes(self):
        """Return the number of bytes that decoding the picture needs."""
        return self.examined.memory_bytes if self.examined else 0


def _preview(data, side):
    """Return a small JPEG, or b'' if Pillow cannot read the picture."""
    try:
        return upload_store.reencoded(data, side, quality=80)
    except Exception:  # Decoders raise many kinds of errors; the classes are known anyway.
        return b''


def loading():
    """Return the Refusal for requests before the first model is loaded."""
    return Refusal(503, 'loading', 'the model is being loaded', retry_after_secs=2)
