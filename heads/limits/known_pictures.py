"""Read the features of the known pictures of a classifier, and the head that reads them."""

import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import build
from common.errors import UserError
from common.logs import LOG
from datasets.records.verified_records import SkippedRecords
from heads import features
from heads.limits import scores
from heads.limits.limits import FEATURES
from heads.limits.scores import Pictures
from nets import model_specs

# More of a split would only take more memory.
_MOST_PICTURES = 10_000


@dataclasses.dataclass(frozen=True)
class Head:
    """The last layer: logits = features @ weights + biases."""

    weights: np.ndarray  # [features, classes]
    biases: np.ndarray  # [classes]

    def logits(self, pictures):
        """Return the logits of Pictures in float64."""
        rows = np.asarray(pictures.layers[FEATURES], np.float64)
        return rows @ self.weights + self.biases


def map_tensors(info):
    """Return {end point: name of its tensor} for ModelSpec.earlier, as in an exported graph."""
    with tf.Graph().as_default():
        end_points = build.build(info).network.end_points
        return {name: end_points[name].name for name in earlier(info)}


def earlier(info):
    """Return ModelSpec.earlier of a network."""
    return model_specs.get_spec(info.model_name).earlier


def read(info, checkpoint, dataset, features_dir):
    """Return (Pictures of a split, name of the last layer); damaged records are left out.

    The features are computed unless they are in `features_dir`.
    """
    found = features.of_checkpoint(
        info,
        checkpoint,
        dataset,
        features_dir,
        labels_offset=info.labels_offset,
        skipped=SkippedRecords(dataset, LOG.warning),
    )
    with found:
        layers = found.arrays[0]
        last = next(name for name in layers if name not in earlier(info))
        named = {FEATURES: layers[last], **{name: layers[name] for name in earlier(info)}}
        intact = np.flatnonzero(found.is_intact)
        read = intact[scores.evenly(found.outputs[intact], _MOST_PICTURES)]
        if len(read) < len(intact):
            LOG.info(
                'Using %s of the %s pictures, of each class its part',
                *(f'{len(each):,}' for each in (read, intact)),
            )
        pictures = Pictures(
            {name: np.array(rows[read]) for name, rows in named.items()}, found.outputs[read]
        )
    _require_classes(dataset, pictures.outputs, info.num_classes)
    return pictures, last


def _require_classes(dataset, outputs, num_classes):
    wrong = outputs[(outputs < 0) | (outputs >= num_classes)]
    if len(wrong):
        raise UserError(
            f'split {dataset.split_name!r} of {dataset.dataset_name or "the data set"} has pictures'
            f' of class {int(wrong[0])}, and the classifier has {num_classes} classes: name the'
            ' data set that it was trained on'
        )


def read_head(info, checkpoint, last_layer):
    """Return the Head of a checkpoint; `last_layer` is the scope of its variables."""
    reader = tf.train.load_checkpoint(checkpoint)
    weights, biases = (
        _value(reader, f'{last_layer}/{kind}', info.moving_average_decay)
        for kind in ('weights', 'biases')
    )
    weights = weights.reshape(-1, weights.shape[-1]).astype(np.float64)
    return Head(weights, np.zeros(weights.shape[1]) if biases is None else biases)


def _value(reader, name, is_averaged):
    """Return the value of a variable, its moving average if there is one; None without it."""
    average = f'{name}/ExponentialMovingAverage'
    names = [average, name] if is_averaged else [name]
    return next((reader.get_tensor(each) for each in names if reader.has_tensor(each)), None)


def has_frozen_body(info, checkpoint):
    """Return whether the layers before the head are those of the weights that training began with.

    It is False if that cannot be told: for a network that began with random weights, and if the
    checkpoint that it began with has been removed.
    """
    if not info.weights_source:
        return False
    try:
        before = tf.train.load_checkpoint(info.weights_source)
        now = tf.train.load_checkpoint(checkpoint)
        return all(
            np.array_equal(before.get_tensor(name), now.get_tensor(name))
            for name in _body(info, before, now)
        )
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError):
        return False


def _body(info, before, now):
    spec = model_specs.get_spec(info.model_name)
    heads = tuple(f'{scope}/' for scope in spec.head_scopes)
    shared = before.get_variable_to_shape_map().keys() & now.get_variable_to_shape_map().keys()
    names = [name for name in shared if spec.owns(name) and not name.startswith(heads)]
    if not names:
        raise ValueError('no variables in common')
    return sorted(names)
