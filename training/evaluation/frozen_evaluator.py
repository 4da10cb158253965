"""Evaluate a frozen model: a graph, or its ONNX file, run by an engine that is handed in."""

import os

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import model_info
from classifiers.watch import Checkpoint
from common.errors import UserError
from datasets.records import record_parser
from datasets.records.verified_records import SkippedRecords, VerifiedRecords
from pictures.kinds import BadImage
from training.evaluation import metrics
from training.evaluation.evaluator import Batch

# The logarithm of smaller probabilities is not a number that can be summed.
_SMALLEST = np.finfo(np.float32).tiny
# Options of an evaluation that need a network built from a checkpoint.
_FOR_CHECKPOINTS = ('test_time_flips', 'save_best', 'master', 'moving_average_decay')
# The values for checkpoints of the options that choose what runs a frozen model.
_OF_CHECKPOINTS = {'engine': ('auto', 'tensorflow'), 'precision': ('float32',)}


def as_checkpoint(path):
    """Return a frozen model as a Checkpoint for the reports; its step is unknown, and 0 here."""
    return Checkpoint(os.fspath(path), 0, model_info.graph_sha256(path))


def check_options(options):
    """Raise a UserError for an option that is not possible for this kind of model."""
    path = options.checkpoint_path
    if model_info.is_frozen(path):
        for name in _FOR_CHECKPOINTS:
            if getattr(options, name):
                raise options.mistake(name, f'is for checkpoints, not for {path}')
        return
    for name, valid in _OF_CHECKPOINTS.items():
        if getattr(options, name) not in valid:
            raise options.mistake(name, f'is for frozen models, not for {path}')


class FrozenEvaluator:
    """Pass over a split as Evaluator does, with the outputs of an engine.

    `engine.run(list of encoded pictures)` returns verdicts.Outputs. With `use_limits` there are
    verdicts, if the graph has them.
    """

    def __init__(
        self,
        engine,
        info,
        dataset,
        batch_size,
        max_batches,
        max_examples,
        skip_damaged,
        use_limits,
    ):
        self.skipped = SkippedRecords(dataset, tf.logging.warning) if skip_damaged else None
        record_parser.check(dataset, info.labels_offset, info.num_classes, self.skipped)
        self.records = VerifiedRecords(dataset, info.labels_offset, info.num_classes, self.skipped)
        most = [dataset.num_samples, max_examples, max_batches and max_batches * batch_size]
        self.examples = min(filter(None, most))
        self.limits = engine.info.limits if use_limits else {}
        self.batches = -(-self.examples // batch_size)
        self._batch_size = batch_size
        self._num_records = dataset.num_samples
        self._num_classes = info.num_classes
        self._engine = engine

    def close(self):
        """Close the engine."""
        self._engine.close()

    def restore(self, path):
        """Do nothing: the weights are those that the engine has loaded."""

    def count(self, on_batch=None):
        """Pass over the split."""
        counted = metrics.Metrics(self._num_classes)
        for number, numbers in enumerate(self._numbers(), 1):
            batch = self._evaluate(number, numbers, counted.count)
            counted.update(batch.labels, batch.log_probabilities)
            if on_batch:
                on_batch(batch)
        return counted

    def _numbers(self):
        """Yield the numbers of the intact records of each batch."""
        found, left = [], self.examples
        for number in range(self._num_records):
            if len(self.records.intact([number])[0]):
                found.append(number)
            if len(found) == min(self._batch_size, left):
                yield found
                found, left = [], left - len(found)
                if not left:
                    return
        if found:
            yield found

    def _evaluate(self, number, numbers, done):
        examples = [record_parser.example(*self.records.named(each)) for each in numbers]
        pictures, labels, names = zip(*examples, strict=True)
        log_probabilities, verdicts = self._classify_records(list(pictures), numbers)
        return Batch(
            number=number,
            batches=self.batches,
            first=done,
            labels=self.records.outputs_of(np.asarray(labels), numbers),
            log_probabilities=log_probabilities,
            file_names=list(names),
            verdicts=verdicts,
        )

    def classify(self, pictures):
        """Return (log probabilities, Verdicts or None) of normalised pictures.

        Raise BadImage if one cannot be read.
        """
        outputs = self._engine.run(pictures)
        log_probabilities = np.log(np.maximum(outputs.probabilities, _SMALLEST))
        return log_probabilities, outputs.verdicts if self.limits else None

    def _classify_records(self, pictures, numbers):
        try:
            return self.classify(pictures)
        except BadImage as error:
            self._require_pictures(pictures, numbers)
            # Each picture alone is good, so memory was short for all of them.
            raise UserError(f'--batch_size={self._batch_size}: {error}; pass less') from None

    def _require_pictures(self, pictures, numbers):
        """Raise a UserError for the first picture that the engine cannot read."""
        for picture, number in zip(pictures, numbers, strict=True):
            try:
                self._engine.run([picture])
            except BadImage as error:
                where = self.records.named(number)[1]
                raise UserError(
                    f'{where} has no picture that can be decoded ({error});'
                    ' convert the data set again'
                ) from None
