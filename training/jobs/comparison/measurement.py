"""Measure one network, in a process of its own: its memory is free again afterwards."""

import dataclasses
import os
import statistics
import time

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import build, model_info, restore
from classifiers.model_request import ModelRequest
from classifiers.published import pretrained
from classifiers.resolve import resolve
from common import files
from common.errors import UserError
from datasets import dataset_factory
from heads import cuts, features, solver
from nets import released
from training.jobs.comparison.results import Result

_BATCH = 32
_TIMED_SECS, _LEAST_RUNS = 2.0, 3
_SEED = 0


@dataclasses.dataclass(frozen=True)
class Request:
    """Which network to measure on which data."""

    name: str
    network: str
    checkpoint: str
    dataset_name: str
    dataset_dir: str
    output_dir: str


def measure(request):
    """Return the Result of a network."""
    dataset = dataset_factory.get_dataset(
        request.dataset_name, 'train', request.dataset_dir or None
    )
    info, checkpoint = _classifier(request, dataset)
    place = features.default_directory(dataset, request.output_dir)
    with features.of_checkpoint(info, checkpoint, dataset, place) as found:
        return _result(request, dataset, info, checkpoint, found)


def _result(request, dataset, info, checkpoint, found):
    rows, *_ = found.arrays[0].values()
    solution = solver.fit(rows, found.outputs, dataset.num_classes)
    if not solution.chosen:
        raise UserError(
            f'{request.dataset_name}: too few pictures in each class to compare networks'
        )
    milliseconds, weights = _costs(info, checkpoint)
    weights += (rows.shape[1] + 1) * dataset.num_classes  # Those of the new head.
    return Result(
        name=request.name,
        network=request.network,
        checkpoint=request.checkpoint,
        image_size=info.image_size,
        features=rows.shape[1],
        pictures=found.count,
        folds=solution.folds,
        accuracy=solution.chosen.accuracy,
        standard_error=solution.chosen.standard_error,
        log_loss=solution.chosen.log_loss,
        milliseconds=milliseconds,
        megabytes=4 * weights / 1e6,
    )


def _classifier(request, dataset):
    """Return (ModelInfo, path of the checkpoint)."""
    path = request.checkpoint
    if not path:
        return _with_random_weights(request, dataset)
    info = model_info.read_beside(path)
    return info or pretrained.describe(released.by_checkpoint(path), path), path


def _with_random_weights(request, dataset):
    """Write a checkpoint of random weights, which are always the same."""
    info, _ = resolve(
        ModelRequest(request.network),
        dataset_classes=dataset.num_classes,
        dataset_labels=dataset.labels_to_names,
    )
    folder = os.path.join(request.output_dir, 'random', request.network)
    os.makedirs(folder, exist_ok=True)
    with tf.Graph().as_default():
        tf.set_random_seed(_SEED)
        variables = build.build(info, with_bytes=False).network.variables
        with tf.Session() as session:
            session.run(tf.variables_initializer(variables))
            saver = tf.train.Saver(variables, save_relative_paths=True)
            path = saver.save(session, os.path.join(folder, 'model.ckpt'))
    model_info.write(folder, info)
    return info, path


def _costs(info, checkpoint):
    """Return (milliseconds for each picture, number of weights in front of the last layer)."""
    with tf.Graph().as_default():
        images = tf.placeholder(
            tf.float32, [_BATCH, info.image_size, info.image_size, info.channels]
        )
        network = build.build_network(info, images)
        behind = cuts.variables_behind([cuts.last_layer(network.logits).input])
        plan = restore.inference(
            checkpoint, info.model_name, network.variables, bool(info.moving_average_decay)
        )
        fill = plan.init_fn(initialize=True)
        with tf.Session() as session:
            fill(None, session)
            run = session.make_callable(network.logits, [images])
            seconds = _seconds(run, images.shape.as_list())
    return 1000 * seconds / _BATCH, sum(variable.shape.num_elements() for variable in behind)


def _seconds(run, shape):
    """Return the median time of a run."""
    pictures = np.random.default_rng(_SEED).uniform(-1, 1, shape).astype(np.float32)
    run(pictures)  # The first run is slower.
    times = []
    while len(times) < _LEAST_RUNS or sum(times) < _TIMED_SECS:
        began = time.perf_counter()
        run(pictures)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def write(content, path):
    """Measure the network of a Request as JSON values, and write the Result to a file."""
    result = measure(Request(**content))
    files.write_json(path, dataclasses.asdict(result))
