"""Evaluate a checkpoint in one pass over a split."""

import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf
from scipy.special import log_softmax

from classifiers import build, restore
from classifiers.verdicts import Verdicts
from common.errors import UserError, one_line, reason
from datasets.records import pipelines, record_parser
from datasets.records.verified_records import SkippedRecords, VerifiedRecords
from heads.limits import limits_files, limits_graph
from pictures.kinds import BadImage
from preprocessing import preprocessing_factory
from training.evaluation import metrics


@dataclasses.dataclass(frozen=True)
class Batch:
    """The results of the network for one batch."""

    number: int  # Counts from 1.
    batches: int  # In the whole pass.
    first: int  # Position of its first example in the split, in the order of the records.
    labels: np.ndarray  # True classes, as numbers of outputs.
    log_probabilities: np.ndarray  # [batch, classes]
    file_names: list
    verdicts: Verdicts | None = None  # None if the limits of the classifier are unknown.


class DivergedCheckpointError(UserError):
    """The outputs of a checkpoint are not numbers."""


class Evaluator:
    """Build the graph and the session once, and evaluate each checkpoint with them.

    `info.labels_offset` is subtracted from the labels of the split. With `flips` the probabilities
    are the mean over the picture and its mirror image. With `limits`, of all its checkpoints, there
    are verdicts.
    """

    def __init__(
        self,
        info,
        dataset,
        batch_size,
        use_moving_averages=True,
        flips=False,
        max_batches=None,
        max_examples=None,
        num_threads=1,
        master='',
        skip_damaged=False,
        limits=None,
    ):
        self.skipped = SkippedRecords(dataset, tf.logging.warning) if skip_damaged else None
        record_parser.check(dataset, info.labels_offset, info.num_classes, self.skipped)
        self.records = VerifiedRecords(dataset, info.labels_offset, info.num_classes, self.skipped)
        self._info = info
        self._use_averages = use_moving_averages and bool(info.moving_average_decay)
        self._dataset = dataset
        most = [dataset.num_samples, max_examples, max_batches and max_batches * batch_size]
        self.examples = min(filter(None, most))
        self.batches = -(-self.examples // batch_size)
        self.limits = limits.described() if limits else {}
        self._restorers = {}
        self._pictures = None
        self._graph = tf.Graph()
        with self._graph.as_default():
            self._iterator = self._begin_pipeline(batch_size, num_threads)
            fetches = self._build(flips, limits)
        self._session = tf.Session(master, self._graph, _session_config())
        self._next = self._session.make_callable(fetches)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Close the session."""
        self._session.close()

    def _begin_pipeline(self, batch_size, num_threads):
        info = self._info
        recipe = preprocessing_factory.get_preprocessing(
            info.preprocessing_name,
            use_grayscale=info.channels == 1,
            height=info.image_size,
            width=info.image_size,
        )
        with tf.device('/cpu:0'):
            pipeline = pipelines.evaluation_batches(
                self._dataset,
                recipe,
                batch_size,
                labels_offset=info.labels_offset,
                records=None if self.skipped is None else self.records,
                num_threads=num_threads,
            )
            return tf.data.make_initializable_iterator(pipeline.take(self.batches))

    def _build(self, flips, limits):
        """Return the tensors to fetch: labels, file names, logits [batch, 1 or 2, classes], ...

        With `limits` the verdicts follow.
        """
        info = self._info
        images, labels, file_names = self._iterator.get_next()
        images.set_shape([None, info.image_size, info.image_size, info.channels])
        network = build.build_network(info, images)
        self._variables = network.variables
        logits = [network.logits]
        if flips:
            mirrored = tf.reverse(images, [2])
            logits.append(build.build_network(info, mirrored, reuse=True).logits)
        verdicts = self._build_verdicts(limits, network) if limits else ()
        self._images, self._outputs = images, (tf.stack(logits, axis=1), *verdicts)
        return labels, file_names, *self._outputs

    def _build_verdicts(self, limits, network):
        try:
            return limits_graph.of_network(limits, network).values()
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f'the limits of the checkpoint do not fit {self._info.model_name} '
                f'({one_line(error, 200)}); {limits_files.OR_WITHOUT}'
            ) from None

    def evaluate(self, checkpoint_path, on_batch=None):
        """Restore a checkpoint, pass over the split once and return the `Metrics`.

        `on_batch(batch)` is called after each batch; its exceptions end the pass.
        """
        self.restore(checkpoint_path)
        return self.count(on_batch)

    def count(self, on_batch=None):
        """Pass over the split with the current weights."""
        self._session.run(self._iterator.initializer)
        counted = metrics.Metrics(self._info.num_classes)
        for number in range(1, self.batches + 1):
            batch = self._read(number, counted.count)
            if batch is None:
                break
            counted.update(batch.labels, batch.log_probabilities)
            if on_batch:
                on_batch(batch)
        return counted

    def restore(self, checkpoint_path):
        """Restore the network from a checkpoint."""
        plan = restore.inference(
            checkpoint_path, self._info.model_name, self._variables, self._use_averages
        )
        # Reuse the operations for checkpoints with the same variables, because graphs only grow.
        key = tuple(plan.sources), tuple(plan.left_out)
        with self._graph.as_default():
            if key not in self._restorers:
                self._restorers[key] = plan.init_fn(initialize=True)
                for note in plan.notes:
                    tf.logging.info('%s', note)
            self._restorers[key](None, self._session, plan.checkpoint)
        self._checkpoint = plan.checkpoint

    def _read(self, number, done):
        """Return the next batch or None; the last one has only the requested examples."""
        fetched = self._fetch(done)
        if fetched is None:
            return None
        fetched = (part[: self.examples - done] for part in fetched)
        labels, file_names, logits, *verdicts = fetched
        self.records.require_outputs(labels, done)
        return Batch(
            number=number,
            batches=self.batches,
            first=done,
            labels=labels,
            log_probabilities=self._log_probabilities(logits),
            file_names=[name.decode(errors='replace') for name in file_names],
            verdicts=Verdicts(*verdicts) if verdicts else None,
        )

    def classify(self, pictures):
        """Return (log probabilities, Verdicts or None) of normalised pictures.

        Raise BadImage if one cannot be read.
        """
        if self._pictures is None:
            with self._graph.as_default(), tf.device('/cpu:0'):
                self._pictures = tf.placeholder(tf.string, [None])
                self._pixels = tf.map_fn(
                    lambda encoded: build.preprocess(self._info, encoded),
                    self._pictures,
                    fn_output_signature=tf.float32,
                )
        try:
            pixels = self._session.run(self._pixels, {self._pictures: pictures})
        except tf.errors.InvalidArgumentError as error:
            raise BadImage(reason(error)) from None
        logits, *verdicts = self._session.run(self._outputs, {self._images: pixels})
        return self._log_probabilities(logits), Verdicts(*verdicts) if verdicts else None

    def _fetch(self, done):
        try:
            return self._next()
        except tf.errors.OutOfRangeError:
            if self.skipped:
                return None
            raise UserError(
                f'{self._where()}: has {done} records, but should have {self._dataset.num_samples}'
            ) from None
        except tf.errors.OpError as error:
            self._refuse_bad_input(error, done)
            raise

    def _refuse_bad_input(self, error, done):
        """Raise UserError if the input failed after `done` records."""
        if self.records.error:
            raise self.records.error from None
        if isinstance(error, tf.errors.DataLossError):
            self.records.require_intact(done)
        if isinstance(error, (tf.errors.DataLossError, tf.errors.InvalidArgumentError)):
            pipelines.require_pictures(self.records, range(done, self._dataset.num_samples))
            raise UserError(
                f'{self._where()}: a record after number {done} is damaged, or its picture is '
                f'({error.message.splitlines()[0][:160]})'
            ) from None

    def _log_probabilities(self, logits):
        """Return the log of the mean probabilities of all sets of logits."""
        if not np.isfinite(logits).all():
            raise DivergedCheckpointError(
                f'{self._checkpoint}: the outputs of the network are not finite numbers; the '
                'training had diverged when it was saved'
            )
        sets = np.moveaxis(logits, 1, 0)
        parts = [log_softmax(values.astype(np.float64), axis=1) for values in sets]
        return np.logaddexp.reduce(parts, axis=0) - np.log(len(parts))

    def _where(self):
        return f'split {self._dataset.split_name!r} ({self._dataset.data_sources[0]}, ...)'


def _session_config():
    config = tf.ConfigProto(allow_soft_placement=True)
    # Leave the memory of a training on the same GPU.
    config.gpu_options.allow_growth = True
    return config
