"""What the server does with pictures, whatever way they came: gate, model, answer."""

import contextlib
import dataclasses
import time

import numpy as np

from pictures import gate
from pictures.gate import BadImage
from serving.fairness import Shares
from serving.model.model_holder import NotReadyError
from serving.model.predictor import top
from serving.model.work_queue import BusyError, ClosedError, ExpiredError
from serving.web import upload_store, uploads
from serving.web.refusals import Refusal

# Pictures are classified together while they need no more than this part of all memory.
_GROUPS = 4


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
    preview: bytes = b''  # A small JPEG, where one was asked for.


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
        if not refusals or not all(refusals):
            return None
        # What may succeed later is worth asking again, even if other pictures are bad.
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
        self._places = Shares(config.max_requests)

    @contextlib.contextmanager
    def model(self):
        """Lend the model; a Refusal while there is none."""
        with contextlib.ExitStack() as stack:
            try:
                predictor = stack.enter_context(self.holder.lease())
            except NotReadyError:
                raise loading() from None
            yield predictor

    def classify(self, sent, count, deadline, client='', preview_side=0):
        """Return the Answer to a list of Uploads, with the best `count` classes of each.

        `client` waits in its own queue. With `preview_side`, small copies are made, too. Pictures
        that are not done by the deadline are refused, and no more work is done for them.
        """
        self._gate.check_count(len(sent))
        with self._places.part(client) as is_admitted:
            if not is_admitted:
                raise Refusal(503, 'busy', 'too many requests are waiting', retry_after_secs=1)
            began = time.monotonic()
            with self.model() as predictor:
                order = _Order(predictor, count, deadline, client, preview_side)
                results = [
                    result
                    for group in self._groups(sent)
                    for result in self._classified(group, order)
                ]
                labels, version = predictor.labels, predictor.version
            self._count(results)
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

    def _groups(self, sent):
        """Yield lists of examined pictures, those with little need for memory together."""
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

    def _classified(self, group, order):
        """List the Results of a group, which holds memory from the gate to the previews."""
        size = sum(item.memory_bytes for item in group)
        if not size:
            return [Result(item.upload.name, refusal=item.refusal) for item in group]
        try:
            with self._gate.memory(size, order.deadline, order.client):
                results = [self._through_gate(item, order) for item in group]
                results = self._through_model(results, order)
                return [self._finished(result, order) for result in results]
        except Refusal as refusal:  # Of all: no memory, or no place in the queue, in time.
            return [Result(item.upload.name, refusal=item.refusal or refusal) for item in group]

    def _through_gate(self, item, order):
        verify = not order.predictor.refuses_damaged  # What it reads anyway is read once only.
        try:
            if item.refusal:
                raise item.refusal
            picture = self._gate.admit(
                item.upload.data, order.deadline, order.client, verify, item.examined
            )
        except Refusal as refusal:
            return Result(item.upload.name, refusal=refusal)
        return Result(item.upload.name, picture)

    def _through_model(self, results, order):
        """Return the results, those that have a picture with what the model makes of it."""
        pictures = [result.picture.image.data for result in results if result.picture]
        outcomes = iter(self._run(pictures, order) if pictures else ())
        return [
            self._with_outcome(result, next(outcomes), order) if result.picture else result
            for result in results
        ]

    def _with_outcome(self, result, outcome, order):
        if isinstance(outcome, BadImage):
            refusal = self._why(result.picture, outcome, order)
            return dataclasses.replace(result, picture=None, refusal=refusal)
        labels = order.predictor.labels
        best = top(outcome, order.count)
        predictions = tuple(Prediction(output, labels[output], share) for output, share in best)
        return dataclasses.replace(result, row=outcome, predictions=predictions)

    def _why(self, picture, error, order):
        """Return the Refusal of a picture that the graph does not read: the gate's, if it has one.

        The graph says only that it could not, and the gate may not have read to the end.
        """
        try:
            self._gate.admit(picture.image.data, order.deadline, order.client)
        except Refusal as refusal:
            return refusal
        return uploads.bad_picture(error)

    def _count(self, results):
        for result in results:
            self._metrics.picture(result.picture.kind if result.picture else 'refused')

    def _run(self, pictures, order):
        left = order.deadline - time.monotonic()
        if left <= 0:
            raise uploads.late()
        try:
            return order.predictor.outcomes(pictures, timeout_secs=left, client=order.client)
        except BusyError as error:
            wait = error.retry_after_secs
            raise Refusal(503, 'busy', 'too many pictures are waiting', wait) from None
        except ExpiredError:
            raise uploads.late() from None
        except ClosedError:
            raise loading() from None

    def _finished(self, result, order):
        """Return a result without its bytes, after its copies have been made, if time is left."""
        if not result.picture:
            return result
        image = result.picture.image
        preview = b''
        if order.preview_side:
            with contextlib.suppress(Refusal), self._copying(order):
                preview = _preview(image.data, order.preview_side)
        if self._store:
            with contextlib.suppress(Refusal), self._copying(order):
                self._store.keep(image.data)
        bare = dataclasses.replace(result.picture, image=dataclasses.replace(image, data=b''))
        return dataclasses.replace(result, picture=bare, preview=preview)

    def _copying(self, order):
        return self._gate.decoder(order.deadline, order.client)


@dataclasses.dataclass(frozen=True)
class _Order:
    """What one request asks for: of which model, by when, for whom."""

    predictor: object
    count: int
    deadline: float
    client: str
    preview_side: int


@dataclasses.dataclass(frozen=True)
class _Item:
    """An upload, and either what is known of its picture or why it is refused."""

    upload: uploads.Upload
    examined: gate.Examined | None = None
    refusal: Refusal | None = None

    @property
    def memory_bytes(self):
        """Return how much memory the picture needs."""
        return self.examined.memory_bytes if self.examined else 0


def _preview(data, side):
    """Return a small JPEG, or nothing where Pillow does not read what TensorFlow does."""
    try:
        return upload_store.reencoded(data, side, quality=80)
    except Exception:  # Whatever a decoder complains of: the classes are known all the same.
        return b''


def loading():
    """Return the Refusal while no model is ready."""
    return Refusal(503, 'loading', 'the model is being loaded', retry_after_secs=2)
