"""Prepare what the evaluation of a checkpoint needs: data, description, network, font of plots."""

import dataclasses

import tensorflow.compat.v1 as tf
import tf_slim as slim

from classifiers import model_info, resolve
from classifiers.model_info import ModelInfo
from classifiers.model_request import ModelRequest, StoredModel
from heads.limits import limits_files
from training import data_choice
from training.evaluation import fonts, reports
from training.evaluation.evaluator import Evaluator
from training.evaluation.frozen_evaluator import FrozenEvaluator


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What stays the same for all checkpoints with the same model.json."""

    stored: ModelInfo | None  # Of the file beside the checkpoint.
    info: ModelInfo
    dataset: slim.dataset.Dataset
    evaluator: Evaluator | FrozenEvaluator
    settings: dict  # All other settings that change the results.
    font: fonts.PlotFont

    @property
    def identity(self):
        """Return what the evaluations of checkpoints must have in common to be compared."""
        return {
            'model_name': self.info.model_name,
            'dataset_name': self.dataset.dataset_name,
            'split_name': self.dataset.split_name,
            **self.settings,
        }

    def summary(self, is_split_named):
        """Return a line that says what is evaluated on what."""
        dataset, info = self.dataset, self.info
        chosen = '' if is_split_named else ', as none was named'
        return (
            f'Evaluating {info.model_name} on {self.evaluator.examples} pictures of '
            f'{info.num_classes} classes (data set {dataset.dataset_name or "without a name"}, '
            f'split {dataset.split_name}{chosen})'
        )


def limits_of(options, path):
    """Return the Limits of a checkpoint, or None; raise a UserError if they do not fit it."""
    if not options.limits or model_info.is_frozen(path):
        return None
    limits = limits_files.read(path)
    if limits and options.test_time_flips:
        tf.logging.info('Leaving out the limits, which --test_time_flips would change')
        return None
    return limits


def prepare(options, checkpoint, stored, limits, load_frozen):
    """Return what is `Prepared` for a checkpoint, the `stored` model.json and its `limits`."""
    dataset = data_choice.choose_split(
        options, options.dataset_split_name, stored.dataset_name if stored else ''
    )
    engine = None
    if model_info.is_frozen(checkpoint.path):
        engine = _load_engine(options, checkpoint.path, load_frozen)
    described = engine.info if engine else stored
    info, lines = _resolve(options, described, checkpoint, dataset)
    for line in lines if engine is None else engine.lines:
        tf.logging.info('%s', line)
    names = reports.class_names(info)
    labels = range(info.labels_offset, info.labels_offset + len(names))
    font = fonts.choose_font(names, labels)
    evaluator = _make_evaluator(options, info, dataset, limits, engine)
    return Prepared(
        stored=stored,
        info=info,
        dataset=dataset,
        evaluator=evaluator,
        settings=_settings(options, info, evaluator.examples),
        font=font,
    )


def _load_engine(options, path, load_frozen):
    """Load a frozen model with the options that also describe a checkpoint."""
    return load_frozen(
        path,
        options.engine,
        options.precision,
        model_name=options.model_name,
        labels_offset=options.labels_offset,
        image_size=options.eval_image_size,
        preprocessing_name=options.preprocessing_name,
        use_grayscale=options.use_grayscale,
        use_moving_averages=options.use_moving_averages,
    )


def _make_evaluator(options, info, dataset, limits, engine):
    """Return the evaluator of a frozen model's engine, or without one of checkpoints."""
    extent = {
        'batch_size': options.batch_size,
        'max_batches': options.max_num_batches,
        'max_examples': options.num_examples,
        'skip_damaged': options.skip_damaged_records,
    }
    if engine:
        return FrozenEvaluator(engine, info, dataset, use_limits=options.limits, **extent)
    return Evaluator(
        info,
        dataset,
        flips=options.test_time_flips,
        num_threads=options.num_preprocessing_threads,
        master=options.master,
        limits=limits,
        **extent,
    )


def _resolve(options, stored, checkpoint, dataset):
    return resolve.resolve(
        ModelRequest.of(
            options, image_size=options.eval_image_size, dataset_name=dataset.dataset_name
        ),
        StoredModel(stored, model_info.path_beside(checkpoint.path), checkpoint.path),
        dataset_classes=dataset.num_classes,
        dataset_labels=dataset.labels_to_names,
    )


def _settings(options, info, examples):
    """Return the settings that change the results."""
    return {
        'image_size': info.image_size,
        'preprocessing_name': info.preprocessing_name,
        'moving_averages': bool(info.moving_average_decay),
        'test_time_flips': options.test_time_flips,
        'examples': examples,
    }
