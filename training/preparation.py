"""Decide and check everything about a training run before a graph is built."""

import dataclasses
import functools
import glob
import os
import random
from collections.abc import Callable

import numpy as np
import tensorflow.compat.v1 as tf
import tf_slim as slim

from classifiers import checkpoints, model_info, resolve, scopes, watch
from classifiers.model_info import ModelInfo
from classifiers.model_request import ModelRequest, StoredModel
from classifiers.watch import Checkpoint
from common.errors import UserError
from datasets.records import record_parser
from datasets.records.verified_records import SkippedRecords, VerifiedRecords
from deployment import precision
from deployment.cluster import Place
from heads import features
from nets import model_specs
from preprocessing import preprocessing_factory
from training import data_choice, inputs, losses, optimizers
from training.head_only import exact_options
from training.options import TrainOptions


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run: the options and the decisions that follow from them."""

    options: TrainOptions
    place: Place
    dataset: slim.dataset.Dataset
    info: ModelInfo
    resumed: Checkpoint | None  # A checkpoint of the train_dir from which training resumes.
    warm_start: Checkpoint | None  # Another checkpoint from whose weights training starts.
    # Whether to start from the moving averages of that checkpoint.
    takes_averages: bool
    images_per_step: int
    last_step: int | None
    precision: str | None  # float16, bfloat16 or None.
    class_weights: np.ndarray | None
    skipped: SkippedRecords | None  # None if damaged records are errors.
    lines: tuple  # Lines for the log: what was chosen and why.

    @functools.cached_property
    def trainable_scopes(self):
        """List the scopes to train; empty means all."""
        return scopes.parse(self.options.trainable_scopes, self._head)

    @property
    def frozen(self) -> Callable | None:
        """Return the function that selects frozen batch norm layers, or None."""
        if self.options.update_frozen_batch_norm:
            return None
        return scopes.frozen(self.trainable_scopes)

    @property
    def exclude_scopes(self):
        """List the scopes that are not read from the checkpoint."""
        named = scopes.parse(self.options.checkpoint_exclude_scopes, self._head)
        return [*named, *(self._head if self.options.fine_tune else ())]

    @property
    def _head(self):
        return model_specs.get_spec(self.info.model_name).head_scopes

    @functools.cached_property
    def records(self):
        """Return the reader of the training split, which also counts damaged records."""
        return VerifiedRecords(
            self.dataset, self.info.labels_offset, self.info.num_classes, self.skipped
        )

    @property
    def features_dir(self):
        """Return the directory for features that are computed once."""
        options = self.options
        return options.cache.features_dir or features.default_directory(
            self.dataset, options.train_dir
        )

    @functools.cached_property
    def input_seed(self):
        """Return the seed of the order of the pictures; without --seed, each run has another."""
        return random.randrange(2**31) if self.options.seed is None else self.options.seed

    def batches(self, first_step):
        """Return the pipeline of batches; each is for all clones of this worker."""
        options = self.options
        preprocess = preprocessing_factory.get_preprocessing(
            self.info.preprocessing_name,
            is_training=True,
            use_grayscale=self.info.channels == 1,
            height=self.info.image_size,
            width=self.info.image_size,
            augmentation=options.augmentation,
        )
        return inputs.training_batches(
            self.records,
            preprocess,
            options.batch_size * options.num_clones,
            self.input_seed,
            first_step * self.images_per_step // self.place.num_workers,
            worker=self.place.task,
            num_workers=self.place.num_workers,
            num_threads=options.num_preprocessing_threads,
        )


def prepare_run(options, place):
    """Return the Run for some options; raise UserError if it cannot work."""
    dataset = data_choice.choose_split(options, options.dataset_split_name)
    resumed = find_resumed(options.train_dir)
    warm_start, warm_info, ignored = _find_warm_start(options, resumed)
    info, lines = _describe(options, dataset, resumed, warm_start, warm_info)
    skipped = None
    if options.skip_damaged_records:
        skipped = SkippedRecords(dataset, tf.logging.warning)
    record_parser.check(dataset, info.labels_offset, info.num_classes, skipped)
    images = optimizers.images_per_step(options, place.num_workers)
    run = Run(
        options=options,
        place=place,
        dataset=dataset,
        info=info,
        resumed=resumed,
        warm_start=warm_start,
        takes_averages=bool(warm_info and warm_info.moving_average_decay),
        images_per_step=images,
        last_step=optimizers.last_step(options, dataset.num_samples, images),
        precision=_precision(options),
        class_weights=_class_weights(options, dataset, info, skipped),
        skipped=skipped,
        lines=(*options.notices, *lines, *ignored),
    )
    return dataclasses.replace(run, lines=(*run.lines, *_lines(run)))


def _describe(options, dataset, resumed, warm_start, warm_info):
    """Return (description of the classifier, lines for the log)."""
    stored = model_info.read_beside(options.train_dir) if resumed else None
    info, lines = resolve.resolve(
        ModelRequest.of(
            options, image_size=options.train_image_size, dataset_name=dataset.dataset_name
        ),
        StoredModel(stored, model_info.path_beside(options.train_dir)),
        warm_start=StoredModel(warm_info, checkpoint=warm_start and warm_start.path),
        dataset_classes=dataset.num_classes,
        dataset_labels=dataset.labels_to_names,
    )
    if not resumed:
        info = info.replace(weights_source=warm_start.path if warm_start else '')
    return info, lines


def find_resumed(train_dir):
    """Return the newest good checkpoint of a train_dir, or None if it contains no run.

    A directory that cannot be read is an error; it is never treated as empty.
    """
    found = watch.newest_good(train_dir)
    if found is None:
        _require_no_remains(train_dir)
    return found


def _require_no_remains(train_dir):
    """Raise UserError if a directory has checkpoints without their index files."""
    state = os.path.join(train_dir, watch.STATE_FILE)
    data = glob.glob(os.path.join(glob.escape(train_dir), 'model.ckpt-*.data-*'))
    # A run that was killed during its first save may have left a part of step 0.
    lost = [path for path in sorted(data) if checkpoints.step_of(checkpoints.prefix_of(path)) > 0]
    stated = tf.train.get_checkpoint_state(train_dir) if os.path.exists(state) else None
    if lost:
        raise UserError(
            f'{lost[-1]}: its .index is missing, so the run in {train_dir} cannot resume; '
            'restore it, or pass another --train_dir'
        )
    if stated and stated.model_checkpoint_path:
        raise UserError(
            f'{state}: names {os.path.basename(stated.model_checkpoint_path)}, which is missing; '
            f'restore it, remove {state} to start again, or pass another --train_dir'
        )


def _find_warm_start(options, resumed):
    """Return (checkpoint to start from, its model.json, lines for the log)."""
    if not options.checkpoint_path:
        return None, None, ()
    if resumed:
        ignored = f'--checkpoint_path is ignored: {options.train_dir} already contains a run'
        return None, None, (ignored,)
    found = watch.find_checkpoint(options.checkpoint_path)
    return found, model_info.read_beside(found.path), ()


def _precision(options):
    if exact_options.is_exact(options) or not options.mixed_precision:
        return None
    return precision.choose(precision.has_gpu())


def _class_weights(options, dataset, info, skipped):
    if options.class_weights == 'none':
        return None
    counts = np.zeros(info.num_classes, np.int64)
    found = record_parser.outputs(dataset, info.labels_offset, info.num_classes, skipped)
    for output in found:
        counts[output] += 1
    return losses.balanced_weights(counts)


def _lines(run):
    """Return lines for the log that describe the run."""
    options = run.options
    source = ', '.join(filter(None, (run.dataset.dataset_name, run.dataset.split_name)))
    yield (
        f'Training {run.info.model_name} on {run.dataset.num_samples} pictures of '
        f'{run.info.num_classes} classes ({source})'
    )
    if not exact_options.is_exact(options):
        yield from _about_steps(run)
    if options.seed is not None:
        yield from _what_breaks_repetition(run)


def _about_steps(run):
    options, place = run.options, run.place
    batch = f'{options.batch_size} pictures per clone'
    if options.num_clones > 1:
        batch += f' of {options.num_clones}'
    gradients = optimizers.gradients_per_step(options, place.num_workers)
    if gradients > 1:
        batch += f', gradients of {gradients} workers'
    yield f'Global batch {run.images_per_step}: {batch}'
    yield f'Last step: {run.last_step or "none; training runs until it is stopped"}'
    yield from optimizers.remarks(options)
    if options.mixed_precision:
        chosen = run.precision or 'float32: this processor has no bfloat16'
        yield f'Mixed precision: {chosen}'


def _what_breaks_repetition(run):
    reasons = []
    if run.place.num_workers > 1:
        reasons.append('several workers')
    if precision.has_gpu():
        reasons.append("a GPU's sums in any order")
    if reasons:
        yield f'--seed does not make this run exactly repeatable: {", ".join(reasons)}'
