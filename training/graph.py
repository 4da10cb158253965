"""The graph of a training step: batches, clones with their losses, updates and summaries."""

import dataclasses

import tensorflow.compat.v1 as tf
import tf_slim as slim

from classifiers import restore, scopes
from common.errors import UserError
from deployment import model_deploy, placement
from nets import nets_factory
from training import losses, optimizers, summaries


@dataclasses.dataclass(frozen=True)
class TrainingStep:
    """The parts of the graph that the hooks of a session use."""

    number: tf.Tensor  # The global step after the training step; fetching it runs the step.
    loss: tf.Tensor
    scalars: dict  # Tag -> tensor, recorded with every line of the log.
    pictures: tf.Tensor  # Serialised summary of pictures and histograms.
    trained: list
    network: list  # The variables of the network.
    averages: list  # Pairs (moving average, variable).
    updates_batch_norm: bool
    local_init_op: tf.Operation
    hooks: tuple = ()


def build(run, make_batches, cache=None):
    """Build the training graph of a `run` into the current graph.

    `make_batches(first_step)` returns the pipeline of batches (pictures, labels) for all clones,
    starting at that step. A `cache` (`head_only.cached_input.CachedInput`) takes its place.
    """
    config = run.place.deployment_config(run.options.num_clones, run.options.clone_on_cpu)
    with tf.device(config.variables_device()):
        global_step = tf.train.get_or_create_global_step()
    clones, trained, batch = _clones(run, config, global_step, make_batches, cache)
    network = slim.get_model_variables()
    with tf.device(config.optimizer_device()):
        rate = optimizers.learning_rate(
            run.options, global_step, run.dataset.num_samples, run.images_per_step
        )
        optimizer = _optimizer(run, rate)
        loss, gradients = model_deploy.optimize_clones(clones, optimizer, var_list=trained)
        gradients, norm = _clipped(gradients, run)
        updates = _Updates(run, clones, network, trained, global_step)
        number, sync_hooks = updates.apply(optimizer, gradients)
        scalars = _scalars(
            clones, loss, learning_rate=rate, gradient_norm=norm, input_wait_secs=batch.wait_secs
        )
        pictures = _pictures(clones[0], network, number, cache)
    return TrainingStep(
        number=number,
        loss=loss,
        scalars=scalars,
        pictures=pictures,
        trained=trained,
        network=network,
        averages=updates.averages,
        updates_batch_norm=bool(updates.statistics),
        local_init_op=batch.local_init_op(),
        hooks=sync_hooks,
    )


def _clones(run, config, global_step, make_batches, cache):
    """Return (clones, the variables to train, the batch that the clones read)."""
    with tf.device(config.inputs_device()):
        first_step = tf.identity(global_step)
        batch = None if cache else _Batch(make_batches(first_step), run.options.num_clones)
    clones = model_deploy.create_clones(config, _Model(run, cache or batch))
    trained = scopes.trainable(tf.trainable_variables(), run.trainable_scopes)
    if cache:
        with tf.device(config.inputs_device()):
            cache.cut(clones, trained)
            batch = _Batch(cache.batches(first_step), run.options.num_clones)
            cache.connect(batch, clones, trained)
    return clones, trained, batch


def _scalars(clones, loss, **others):
    accuracies = [clone.outputs.accuracy for clone in clones]
    return {
        'total_loss': loss,
        **losses.parts(clones[0].scope),
        'accuracy': tf.reduce_mean(accuracies),
        **others,
    }


def _pictures(clone, network, number, cache=None):
    """Merge the summaries of pictures and histograms; weights are those after the step.

    With a `cache` there are no pictures and no activations of frozen layers in a step.
    """
    end_points = clone.outputs.end_points
    if cache:
        end_points = cache.without_pictures(end_points)
    with tf.name_scope(clone.scope), tf.device(placement.summaries_on_cpu(clone.device)):
        shown = [] if cache else [summaries.input_pictures(clone.outputs.images)]
        shown += summaries.histograms_of_activations(end_points)
    with tf.control_dependencies([number]):
        shown += summaries.histograms_of_weights(network)
    return tf.summary.merge(shown)


class _Batch:
    """A global batch, its share for each clone, and the time that the step waited for it."""

    def __init__(self, dataset, num_clones):
        iterator = tf.data.make_initializable_iterator(dataset)
        self._initializer = iterator.initializer
        asked = tf.timestamp()
        with tf.control_dependencies([asked]):
            batch = iterator.get_next()
        with tf.control_dependencies(batch):
            self.wait_secs = tf.cast(tf.timestamp() - asked, tf.float32)
        # One batch for all clones, because the order of separate batches would be random.
        parts = [tf.split(part, num_clones) for part in batch]
        self._shares = iter(zip(*parts, strict=True))

    def local_init_op(self):
        """Return the operation to run before the first step; it also starts the pipeline."""
        return tf.group(
            tf.local_variables_initializer(), tf.tables_initializer(), self._initializer
        )

    def next_share(self):
        """Return (images, labels), or what else the batch consists of, of the next clone."""
        return next(self._shares)


@dataclasses.dataclass(frozen=True)
class _Outputs:
    images: tf.Tensor
    logits: tf.Tensor
    end_points: dict
    accuracy: tf.Tensor


class _Model:
    """Build one clone: the network with its losses."""

    def __init__(self, run, batch):
        options = run.options
        self._run = run
        self._batch = batch
        self._network_fn = nets_factory.get_network_fn(
            run.info.model_name,
            run.info.num_classes,
            weight_decay=optimizers.network_weight_decay(options),
            is_training=True,
            batch_norm_decay=options.batch_norm_decay,
            frozen=run.frozen,
            dropout_seed=options.seed,
        )

    def __call__(self):
        images, labels = self._batch.next_share()
        logits, end_points = self._network_fn(images)
        losses.add_losses(
            logits,
            end_points,
            labels,
            self._run.options.label_smoothing,
            self._run.class_weights,
        )
        with tf.name_scope('accuracy'):
            right = tf.equal(tf.argmax(logits, 1), tf.cast(labels, tf.int64))
            accuracy = tf.reduce_mean(tf.cast(right, tf.float32))
        return _Outputs(images, logits, end_points, accuracy)


def _optimizer(run, rate):
    optimizer = optimizers.create(run.options, rate)
    return optimizers.loss_scaled(optimizer) if run.precision == 'float16' else optimizer


def _clipped(gradients, run):
    if not gradients:
        raise UserError(
            f'--trainable_scopes={run.options.trainable_scopes}: the loss depends on no variable '
            'in these scopes, so nothing would be trained'
        )
    with tf.name_scope('gradient_norm'):
        return optimizers.clip_gradients(gradients, run.options.gradient_clip_norm)


class _Updates:
    """The updates of a step, in a deterministic order."""

    def __init__(self, run, clones, network, trained, global_step):
        self._run = run
        self._global_step = global_step
        # All clones have similar batch statistics, so those of the first one are enough.
        self.statistics = tf.get_collection(tf.GraphKeys.UPDATE_OPS, clones[0].scope)
        self._network = network
        self._moving = [v for v in network if v in _Set(trained) or self._is_statistic(v)]
        self.averages = []

    def _is_statistic(self, variable):
        """Return whether a batch norm layer that is not frozen updates the variable."""
        layer, _, name = variable.op.name.rpartition('/')
        is_frozen = self._run.frozen is not None and self._run.frozen(layer)
        return not variable.trainable and name.startswith('moving_') and not is_frozen

    def apply(self, optimizer, gradients):
        """Return the global step after all updates, and hooks for the session."""
        decay = self._run.info.moving_average_decay
        averages = None
        if decay is not None:
            averages = tf.train.ExponentialMovingAverage(decay, self._global_step)
        if not self._run.options.sync_replicas:
            applied = optimizer.apply_gradients(gradients, global_step=self._global_step)
            return self._finish([applied], averages), ()
        optimizer = optimizers.synchronised(
            optimizer,
            self._run.options,
            self._run.place.num_workers,
            averages,
            self._moving if averages else None,
        )
        applied = optimizer.apply_gradients(gradients, global_step=self._global_step)
        if averages:
            self._add_shadows(averages)
        hook = optimizer.make_session_run_hook(self._run.place.is_chief)
        return self._finish([applied], None), (hook,)

    def _finish(self, applied, averages):
        done = [*applied, *self.statistics]
        if averages:
            with tf.control_dependencies(done):
                done = [averages.apply(self._moving)]
            self._add_shadows(averages)
        with tf.control_dependencies(done):
            return tf.identity(self._global_step.read_value(), name='step')

    def _add_shadows(self, averages):
        """Add averages of frozen variables, for programs that expect one of each variable.

        They are never updated, because an update could only add rounding errors.
        """
        moving = _Set(self._moving)
        standing = [v for v in self._network if v not in moving and v.dtype.is_floating]
        if standing:
            averages.apply(standing)
        self.averages = restore.shadows(averages, self._network)


class _Set:
    """A set of variables, which do not work in a Python set because `==` compares elements."""

    def __init__(self, variables):
        self._references = {variable.ref() for variable in variables}

    def __contains__(self, variable):
        return variable.ref() in self._references
