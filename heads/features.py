"""Compute the features of a split in one pass over its pictures, or read them from disk."""

import contextlib
import dataclasses
import hashlib
import os
import time

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import build, restore
from common import progress
from common.errors import UserError
from datasets.records import checksums, pipelines, record_parser
from datasets.records.verified_records import VerifiedRecords
from heads import feature_store
from heads.cuts import is_steady, last_layer, variables_behind
from heads.feature_files import Plan
from heads.picture_source import PictureSource

# A new number makes the features of older programs useless; raise it if a recipe changes.
_FORMAT_VERSION = 2
# How long a pass takes is estimated from this many batches, unless the rest is short.
_MEASURED_BATCHES = 3
_SHORT_SECS = 20


def default_directory(dataset, instead):
    """Return the directory for features: beside the records, or in `instead` if that is read-only.

    `instead` is a directory that the caller may write to.
    """
    beside = os.path.dirname(dataset.data_sources[0]) or '.'
    place = os.path.join(beside, 'features')
    can_write = os.access(place if os.path.isdir(place) else beside, os.W_OK | os.X_OK)
    return place if can_write else os.path.join(instead, 'features')


def compute(session, source, cuts, features_dir, *, shared=None, also=None, stop=None):
    """Return the Features of all passes of a PictureSource, computed or read from disk.

    `cuts` are tensors by name that depend on `source.images`. They are read from any set on disk
    that has them all, perhaps among others. Pass 0 stores those of `shared` too, which other
    programs need. `also` has further things that they all depend on, as JSON. Nothing is added to
    the graph. Return None if `stop()` became true; the next call continues there.
    """
    depends_on = {
        'format': _FORMAT_VERSION,
        'network': source.info.model_name,
        'records': checksums.digest(source.records.dataset.shards),
        'labels_offset': source.records.labels_offset,
        **(also or {}),
    }
    all_cuts = [{**cuts, **(shared or {})}, *[cuts] * (source.passes - 1)]
    weights = _digests_of_weights(session, all_cuts[0])
    plans = [
        _plan(source, own, {**depends_on, 'pictures': source.describe(number)}, weights)
        for number, own in enumerate(all_cuts)
    ]
    found = None
    for number, own in enumerate(all_cuts):
        one = _Pass(session, source, own, number, stop).features(features_dir, plans[number:])
        if one is None:
            return None
        found = found.joined(one) if found else one
    return found


def of_checkpoint(
    info,
    checkpoint_path,
    dataset,
    features_dir,
    *,
    auxiliary=False,
    use_moving_averages=True,
    labels_offset=0,
    skipped=None,
    num_threads=4,
    stop=None,
):
    """Return the Features that the last layer of a trained network reads.

    They have the shape [records, features] and the name of the layer. With `auxiliary`, those of
    the auxiliary head follow, if there is one, then the earlier features that heads/limits uses.
    `outputs` are the labels minus `labels_offset`.
    With `skipped`, a SkippedRecords, damaged records are allowed.
    """
    record_parser.check(dataset, labels_offset, skipped=skipped)
    records = VerifiedRecords(dataset, labels_offset, skipped=skipped)
    with tf.Graph().as_default() as graph:
        source = PictureSource(records, info, num_threads=num_threads)
        network = build.build_network(info, source.images)
        logits = [network.logits]
        if auxiliary and 'AuxLogits' in network.end_points:
            logits.append(network.end_points['AuxLogits'])
        cuts = of_network(info, network, [last_layer(each) for each in logits])
        plan = restore.inference(
            checkpoint_path,
            info.model_name,
            network.variables,
            use_moving_averages and bool(info.moving_average_decay),
        )
        restore_weights = plan.init_fn(initialize=True)
        with tf.Session(graph=graph, config=_session_config()) as session:
            restore_weights(None, session)
            return compute(session, source, cuts, features_dir, stop=stop)


def of_network(info, network, last_layers):
    """Return the tensors to compute, by name: what the last layers read, and earlier features."""
    read = {layer.name: layer.input for layer in last_layers}
    return {**read, **build.earlier_features(info, network)}


def of_training_network(info, network, source, trained):
    """Return the tensors of `of_network` from a network that is built for training.

    There dropout may follow the features. Return nothing if the tensors change in training: if
    `trained` variables, dropout or other pictures of a batch from `source` influence one of them.
    """
    try:
        layer = last_layer(network.logits)
    except UserError:  # Then no program can use its features in evaluation.
        return {}
    read = dataclasses.replace(layer, input=build.features_in(info, network.end_points))
    found = of_network(info, network, [read])
    return found if all(is_steady(cut, source, trained) for cut in found.values()) else {}


class Estimate:
    """Say once how long the rest of a pass takes, when a few batches have shown it."""

    def __init__(self, total, clock=time.monotonic):
        self._total = total
        self._clock = clock
        self._known = []  # (pictures, time) after each batch.

    def after_batch(self, done):
        """Return the line for the log if this is the batch after which to say it."""
        self._known.append((done, self._clock()))
        if len(self._known) != _MEASURED_BATCHES + 1:
            return None
        # The first batch also prepares the graph.
        first, began = self._known[0]
        rate = (done - first) / max(self._known[-1][1] - began, 1e-9)
        seconds = (self._total - done) / rate
        if seconds < _SHORT_SECS:
            return None
        return (
            f'The remaining {self._total - done:,} pictures take about '
            f'{progress.duration(seconds)} at {rate:.1f} pictures/sec'
        )


def _session_config():
    config = tf.ConfigProto(allow_soft_placement=True)
    config.gpu_options.allow_growth = True  # Another program may use the same GPU.
    return config


def _digests_of_weights(session, cuts):
    """Return {cut: digest of the values of all variables that it depends on}."""
    behind = {cut: variables_behind([tensor]) for cut, tensor in cuts.items()}
    variables = {variable.op.name: variable for found in behind.values() for variable in found}
    digests = {}
    for name, value in session.run(variables).items():
        state = hashlib.sha256(f'{name} {value.dtype} {value.shape}\n'.encode())
        state.update(np.ascontiguousarray(value))
        digests[name] = state.hexdigest()
    return {
        cut: hashlib.sha256(
            '\n'.join(sorted(digests[variable.op.name] for variable in found)).encode()
        ).hexdigest()
        for cut, found in behind.items()
    }


def _plan(source, cuts, depends_on, weights):
    """Return the Plan of the set of features of one pass."""
    dataset = source.records.dataset
    return Plan(
        title=f'{dataset.dataset_name or "records"}_{dataset.split_name}'.replace(os.sep, '_'),
        depends_on=depends_on,
        shapes={name: tensor.shape.as_list()[1:] for name, tensor in cuts.items()},
        weights={name: weights[name] for name in cuts},
        count=source.count,
    )


class _Pass:
    """One pass over the pictures of a source."""

    def __init__(self, session, source, cuts, number, stop):
        self._session = session
        self._source = source
        self._cuts = cuts
        self._number = number
        self._stop = stop

    def features(self, features_dir, plans):
        """Return the Features, or None if the pass was stopped; `plans` are its and later ones."""
        plan, *later = plans
        opened = feature_store.open_set(
            features_dir, plan, tf.logging.info, self._stop, later=later
        )
        if opened is None:
            return None
        with contextlib.ExitStack() as stack:
            stack.callback(opened.close)
            if opened.is_complete:
                tf.logging.info('Using the features in %s', opened.directory)
            else:
                self._fill(opened)
            if not opened.is_complete:
                return None
            found = opened.read(self._cuts)
            self._require_intact(found)
            stack.pop_all()
        return found

    def _fill(self, opened):
        """Compute the features that are missing."""
        first, began = opened.done, time.monotonic()
        doing = f'Continuing at picture {first:,}' if first else 'Computing the features'
        tf.logging.info('%s in %s', doing, opened.directory)
        estimate = Estimate(self._source.count)
        fetches = [*self._cuts.values(), self._source.outputs, self._source.numbers]
        following = self._session.make_callable(fetches)
        self._source.start(self._session, self._number, first)
        with progress.Progress(self._source.count, self._label(), 'pictures') as bar:
            bar.start_at(first)
            while not (opened.is_complete or (self._stop and self._stop())):
                bar.advance(self._write(opened, self._fetch(following, opened.done)))
                if line := estimate.after_batch(opened.done):
                    bar.clear_line()
                    tf.logging.info('%s', line)
        count, seconds = opened.done - first, max(time.monotonic() - began, 1e-9)
        tf.logging.info(
            'Computed the features of %d pictures in %.1f sec (%.1f pictures/sec): %s',
            count,
            seconds,
            count / seconds,
            opened.directory,
        )

    def _label(self):
        several = self._source.passes > 1
        return (
            f'features, pass {self._number + 1} of {self._source.passes}' if several else 'features'
        )

    def _write(self, opened, fetched):
        """Write a batch without what only fills it up; return the number of pictures."""
        rows = min(self._source.batch_size, self._source.count - opened.done)
        *blocks, outputs, numbers = (part[:rows] for part in fetched)
        for block in blocks:
            if not np.isfinite(block).all():
                raise UserError(
                    'the features of the network are not finite numbers; the training had diverged'
                    ' when the checkpoint was saved'
                )
        if opened.done + rows == self._source.count:
            self._require_same_records(opened)
        expected = np.arange(opened.done, opened.done + rows)
        opened.write(dict(zip(self._cuts, blocks, strict=True)), outputs, numbers == expected)
        return rows

    def _require_same_records(self, opened):
        """Raise a UserError if the records were replaced during the pass."""
        if self._digest_of_records() != opened.plan.depends_on['records']:
            opened.discard()
            raise UserError(
                f'{self._source.records.dataset.data_sources[0]}: the records were changed while'
                ' their features were computed; run the same command again'
            )

    def _digest_of_records(self):
        return checksums.digest(self._source.records.dataset.shards)

    def _fetch(self, following, done):
        """Return the next batch; a UserError names the record that cannot be used."""
        records = self._source.records
        try:
            return following()
        except tf.errors.OpError as error:
            if records.error:
                raise records.error from None
            if isinstance(error, tf.errors.InvalidArgumentError):
                end = min(done + 2 * self._source.batch_size, self._source.count)
                pipelines.require_pictures(records, range(done, end))
            raise

    def _require_intact(self, found):
        """Treat damaged records as those that are read now; raise a UserError if one is repaired.

        Without a SkippedRecords, a damaged record is an error.
        """
        for number in np.flatnonzero(~found.is_intact):
            _, (read,) = self._source.records.replaced([number])
            if read == number:
                raise UserError(
                    f'{found.directory}: record {number} was damaged when these features were'
                    ' computed, and is intact now; remove this directory'
                )
