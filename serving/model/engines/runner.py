"""Run a TensorFlow model in a session: pictures in, probabilities and verdicts out."""

import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.core.protobuf import config_pb2

from common.errors import UserError, one_line
from deployment import precision
from serving.model.engines import rows
from serving.model.engines.trial_pictures import damaged_pictures, trial_pictures

_ALIASES = ('Identity', 'Reshape', 'Squeeze')


@dataclasses.dataclass(frozen=True)
class _Feeding:
    """How pictures are fed to a graph."""

    size: int | None = None  # Pictures per run; None means any number.
    is_batch: bool = True  # Otherwise a single string.


def _compile(session, model):
    """Return a function that runs the model in a session.

    The public `Session.make_callable` gives the same numbers, but prepares its arguments in Python
    for each call: on two cores 0.24 ms in place of 0.04 ms, for every picture of a server. This
    method has no public name; pyproject.toml limits TensorFlow to versions that have it.
    """
    fetched = [tensor.name for tensor in (model.output, *model.verdicts)]
    options = config_pb2.CallableOptions(feed=[model.pictures.name], fetch=fetched)
    return session._make_callable_from_options(options)


class Runner:
    """Holds a session that is warmed up, so that the first picture is as fast as the next."""

    def __init__(self, model, short_type=None):
        config = tf.ConfigProto(allow_soft_placement=True)
        config.gpu_options.allow_growth = True
        precision.rewrite(config, short_type)
        self._session = tf.Session(graph=model.graph, config=config)
        try:
            with model.graph.as_default():  # Outside, TensorFlow would run eagerly.
                model.initialize(self._session)
            # Every other set of feeds and fetches would cost an executor of its own.
            self._call = _compile(self._session, model)
            self._feeding, found = self._try_feedings(model.pictures.shape)
        except BaseException:
            self._session.close()
            raise
        self.num_classes = found[0].shape[1]
        self.refuses_damaged = all(self._refuses(picture) for picture in damaged_pictures())
        self.adds_softmax = not _are_probabilities(found[0], model.output.op)

    def run(self, pictures):
        """Return the Outputs."""
        return rows.outputs(self._raw(self._feeding, pictures), self.adds_softmax)

    def close(self):
        """Free the session."""
        self._session.close()

    def _refuses(self, picture):
        """Return whether the graph refuses a picture."""
        try:
            self._raw(self._feeding, [picture])
        except tf.errors.InvalidArgumentError:
            return True
        return False

    def _raw(self, feeding, pictures):
        """Return what the model fetches, as arrays [pictures, numbers]."""
        size = feeding.size or len(pictures)
        batches = [pictures[first : first + size] for first in range(0, len(pictures), size)]
        found = [self._run_batch(feeding, batch, size) for batch in batches]
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]

    def _run_batch(self, feeding, pictures, size):
        # Not padded with one of `pictures`: memory was reserved to decode each of them once.
        padded = [*pictures, *[trial_pictures()[0]] * (size - len(pictures))]
        fetched = self._call(np.array(padded if feeding.is_batch else pictures[0], object))
        for values in fetched:
            if feeding.is_batch and len(values) != size:
                raise ValueError(f'{len(values)} rows for {size} pictures')
        arrays = [np.asarray(values, np.float32).reshape(size, -1) for values in fetched]
        return [array[: len(pictures)] for array in arrays]

    def _try_feedings(self, shape):
        """Return the first way of feeding that works, and its result for two pictures."""
        complaint = ''
        for feeding in _ways(shape):
            try:
                found = self._raw(feeding, trial_pictures()[:2])
            except (tf.errors.OpError, ValueError) as error:
                # The first way is the most likely one.
                complaint = complaint or one_line(error, 200)
            else:
                rows.require_sound(found)
                return feeding, found
        raise UserError(f'the model cannot be run on a picture ({complaint})')


def _ways(shape):
    if shape.ndims == 0:
        return (_Feeding(1, is_batch=False),)
    fixed = shape.as_list()[0] if shape.ndims else None
    if fixed:
        return (_Feeding(fixed),)
    # A graph for batches of any size may still contain a reshape for a single picture.
    ways = (_Feeding(), _Feeding(1))
    return ways if shape.ndims else (*ways, _Feeding(1, is_batch=False))


def _are_probabilities(values, operation):
    """Return whether rows are distributions, or come from a sigmoid for each class."""
    while operation.type in _ALIASES:
        operation = operation.inputs[0].op
    return operation.type in ('Softmax', 'Sigmoid') or rows.are_distributions(values)
