"""Learning rate schedules that count pictures, and the optimizers with the names of TF-Slim."""

import math

import tensorflow.compat.v1 as tf

from common import checks
from training.head_only import exact_options

# TF-Slim has no AdamW; its default epsilon of 1 is too large for Adam.
_ADAMW_EPSILON = 1e-8
# From this value on, Adam's epsilon is larger than the typical root mean square of gradients.
_LARGE_ADAM_EPSILON = 1e-3


def gradients_per_step(options, num_workers=1):
    """Return the number of workers whose gradients are used in one global step."""
    if not options.sync_replicas:
        return 1
    return num_workers if options.replicas_to_aggregate == -1 else options.replicas_to_aggregate


def images_per_step(options, num_workers=1):
    """Return the global batch size: the number of pictures in one global step."""
    return options.batch_size * options.num_clones * gradients_per_step(options, num_workers)


def last_step(options, num_samples, batch):
    """Return the step at which the run ends, or None if it runs until it is stopped.

    `batch` is the global batch size from `images_per_step`.
    """
    if exact_options.is_exact(options):
        return 1
    ends = [options.max_number_of_steps] if options.max_number_of_steps else []
    if options.num_epochs:
        ends.append(max(1, math.ceil(round(options.num_epochs * num_samples / batch, 6))))
    return min(ends, default=None)


def learning_rate(options, global_step, num_samples, batch):
    """Return the learning rate at `global_step`, a float32 tensor.

    The schedule counts pictures (global step times global batch size), so clones and synchronous
    workers have the schedule of a single device. It equals TF-Slim's schedule within one step.
    """
    # float64 is exact for all counts of pictures; float32 only up to 16 million.
    images = tf.cast(global_step, tf.float64) * batch
    rate = _SCHEDULES[options.learning_rate_decay_type](options, images, num_samples, batch)
    if options.warmup_epochs:
        warm = options.learning_rate * images / (options.warmup_epochs * num_samples)
        rate = tf.minimum(rate, warm)
    return tf.cast(rate, tf.float32, name='learning_rate')


def _fixed(options, images, num_samples, batch):
    return tf.constant(options.learning_rate, tf.float64)


def _decay_period(options, num_samples):
    # Rounded, so that 1.1 epochs of 10 pictures are exactly 11 pictures.
    return max(1.0, round(options.num_epochs_per_decay * num_samples, 6))


def _exponential(options, images, num_samples, batch):
    falls = tf.floor(images / _decay_period(options, num_samples))
    return options.learning_rate * options.learning_rate_decay_factor**falls


def _polynomial(options, images, num_samples, batch):
    # Power 1 without a cycle: a straight line, then the end value.
    done = tf.minimum(images / _decay_period(options, num_samples), 1.0)
    return options.learning_rate + done * (options.end_learning_rate - options.learning_rate)


def _cosine(options, images, num_samples, batch):
    done = tf.minimum(images / (last_step(options, num_samples, batch) * batch), 1.0)
    height = options.learning_rate - options.end_learning_rate
    return options.end_learning_rate + height * 0.5 * (1.0 + tf.cos(math.pi * done))


_SCHEDULES = {
    'cosine': _cosine,
    'exponential': _exponential,
    'fixed': _fixed,
    'polynomial': _polynomial,
}


def network_weight_decay(options):
    """Return the L2 strength for the network, or 0 for AdamW, which decays the weights itself."""
    return 0.0 if options.optimizer == 'adamw' else options.weight_decay


def create(options, rate):
    """Create the optimizer; its slots have the names of TF 1.x checkpoints."""
    return checks.lookup('optimizer', options.optimizer, _OPTIMIZERS)(options, rate)


def remarks(options):
    """List warnings for the log about unusual settings of the optimizer."""
    if options.optimizer not in ('adam', 'adamw'):
        return []
    epsilon = _adamw_epsilon(options) if options.optimizer == 'adamw' else _epsilon(options)
    if epsilon < _LARGE_ADAM_EPSILON:
        return []
    default = " (TF-Slim's default)" if options.opt_epsilon is None else ''
    return [
        f'{options.optimizer} learns slowly with an epsilon of {epsilon:g}{default}: pass '
        f'--opt_epsilon={_ADAMW_EPSILON:g}, unless --learning_rate={options.learning_rate:g} was '
        'chosen for this epsilon'
    ]


def _adadelta(options, rate):
    return tf.train.AdadeltaOptimizer(rate, options.adadelta_rho, _epsilon(options))


def _adagrad(options, rate):
    return tf.train.AdagradOptimizer(rate, options.adagrad_initial_accumulator_value)


def _adam(options, rate):
    return tf.train.AdamOptimizer(rate, options.adam_beta1, options.adam_beta2, _epsilon(options))


def _adamw(options, rate):
    return AdamWOptimizer(
        rate,
        options.adam_beta1,
        options.adam_beta2,
        _adamw_epsilon(options),
        weight_decay=options.weight_decay,
    )


def _ftrl(options, rate):
    return tf.train.FtrlOptimizer(
        rate,
        learning_rate_power=options.ftrl_learning_rate_power,
        initial_accumulator_value=options.ftrl_initial_accumulator_value,
        l1_regularization_strength=options.ftrl_l1,
        l2_regularization_strength=options.ftrl_l2,
    )


def _momentum(options, rate):
    return tf.train.MomentumOptimizer(rate, options.momentum)


def _rmsprop(options, rate):
    return tf.train.RMSPropOptimizer(
        rate,
        decay=options.rmsprop_decay,
        momentum=options.rmsprop_momentum,
        epsilon=_epsilon(options),
    )


def _sgd(options, rate):
    return tf.train.GradientDescentOptimizer(rate)


def _adamw_epsilon(options):
    return _ADAMW_EPSILON if options.opt_epsilon is None else options.opt_epsilon


def _epsilon(options):
    return options.or_default('opt_epsilon')


_OPTIMIZERS = {
    'adadelta': _adadelta,
    'adagrad': _adagrad,
    'adam': _adam,
    'adamw': _adamw,
    'ftrl': _ftrl,
    'momentum': _momentum,
    'rmsprop': _rmsprop,
    'sgd': _sgd,
}


class AdamWOptimizer(tf.train.AdamOptimizer):
    """Adam that also subtracts learning rate times weight decay times the weight from each weight.

    The decay is not part of the loss and of Adam's moments (arXiv:1711.05101). As L2 in most
    networks, it applies to kernels, but not to biases, batch norm and depthwise kernels. The slots
    are those of Adam, so a run may switch between the two.
    """

    def __init__(self, learning_rate, beta1, beta2, epsilon, weight_decay):
        super().__init__(learning_rate, beta1, beta2, epsilon, name='Adam')
        self._weight_decay = weight_decay

    def _resource_apply_dense(self, grad, var):
        with tf.control_dependencies(self._decayed(var)):
            return super()._resource_apply_dense(grad, var)

    def _apply_dense(self, grad, var):
        with tf.control_dependencies(self._decayed(var)):
            return super()._apply_dense(grad, var)

    def _decayed(self, var):
        if not self._weight_decay or not is_decayed(var):
            return []
        rate = tf.cast(self._lr_t, var.dtype.base_dtype)
        return [var.assign_sub(rate * self._weight_decay * var, use_locking=self._use_locking)]


def is_decayed(variable):
    """Return whether AdamW decays a variable: not biases, batch norm and depthwise kernels."""
    return len(variable.shape) >= 2 and 'depthwise_weights' not in variable.op.name


def clip_gradients(grads_and_vars, norm=None):
    """Scale the gradients down if their global norm exceeds `norm`; also return their norm."""
    grads, variables = zip(*((g, v) for g, v in grads_and_vars if g is not None), strict=True)
    global_norm = tf.global_norm(grads)
    if norm is not None:
        grads, _ = tf.clip_by_global_norm(grads, norm, use_norm=global_norm)
    return list(zip(grads, variables, strict=True)), global_norm


def synchronised(optimizer, options, num_workers, averages=None, averaged_variables=None):
    """Make each global step wait for the gradients of several workers.

    The chief updates the moving averages, which are therefore arguments. Every worker runs the hook
    from `make_session_run_hook(is_chief)`.
    """
    return SynchronisedOptimizer(
        optimizer,
        replicas_to_aggregate=gradients_per_step(options, num_workers),
        total_num_replicas=num_workers,
        variable_averages=averages,
        variables_to_average=averaged_variables,
    )


class SynchronisedOptimizer(tf.train.SyncReplicasOptimizer):
    """End the chief's queue thread without a traceback when the session closes."""

    def get_chief_queue_runner(self):
        runner = super().get_chief_queue_runner()
        return tf.train.QueueRunner(
            runner.queue,
            runner.enqueue_ops,
            queue_closed_exception_types=(tf.errors.OutOfRangeError, tf.errors.CancelledError),
        )


def loss_scaled(optimizer):
    """Scale the loss up and the gradients down, so that float16 gradients do not vanish."""
    return LossScaleOptimizer(optimizer, tf.mixed_precision.DynamicLossScale())


class LossScaleOptimizer(tf.mixed_precision.MixedPrecisionLossScaleOptimizer):
    """Skip the update if gradients overflow, but count the step.

    The pictures of the step have been read; without counting it, the data order would shift.
    """

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        applied = super().apply_gradients(grads_and_vars, name=name)
        if global_step is None:
            return applied
        with tf.control_dependencies([applied]):
            return global_step.assign_add(1, read_value=False)
