"""Build copies (clones) of a model on several devices; they share variables and average gradients.

    config = DeploymentConfig(num_clones=2)
    clones = create_clones(config, model_fn, [batches])
    total_loss, gradients = optimize_clones(clones, optimizer)

`model_fn` builds the network and adds its losses to `tf.GraphKeys.LOSSES`. It is called once for
each clone; the first call creates the variables. `deploy` does all of this and builds the train op.
"""

import typing

import tensorflow.compat.v1 as tf

from deployment.placement import RoundRobin, beside_variables, summaries_on_cpu


class Clone(typing.NamedTuple):
    """The result of `model_fn`, the name scope in which it was called, and the device."""

    outputs: typing.Any
    scope: str
    device: str


class DeployedModel(typing.NamedTuple):
    """The operations of a deployed model; the first three may be None."""

    train_op: typing.Any
    summary_op: typing.Any
    total_loss: typing.Any
    clones: list


class DeploymentConfig:
    """The numbers and devices of clones, workers (replicas) and parameter servers.

    On one machine the variables are in the memory of the CPU, and clone N runs on GPU N (on the CPU
    with `clone_on_cpu`). With parameter servers the variables are distributed over them in turn.
    """

    def __init__(
        self,
        num_clones=1,
        clone_on_cpu=False,
        replica_id=0,
        num_replicas=1,
        num_ps_tasks=0,
        worker_job_name='worker',
        ps_job_name='ps',
    ):
        if num_replicas > 1 and num_ps_tasks < 1:
            raise ValueError(f'num_replicas={num_replicas} needs num_ps_tasks of at least 1')
        if num_ps_tasks > 0 and not (worker_job_name and ps_job_name):
            raise ValueError('worker_job_name and ps_job_name are needed with parameter servers')
        if replica_id >= num_replicas:
            raise ValueError(f'replica_id={replica_id} must be less than {num_replicas}')
        self.num_clones = num_clones
        self.clone_on_cpu = clone_on_cpu
        self.replica_id = replica_id
        self.num_replicas = num_replicas
        self.num_ps_tasks = num_ps_tasks
        self.ps_device = f'/job:{ps_job_name}' if num_ps_tasks > 0 else ''
        self.worker_device = f'/job:{worker_job_name}' if num_ps_tasks > 0 else ''

    def caching_device(self):
        """Return where to cache variables: with parameter servers, on the device that reads."""
        return (lambda op: op.device) if self.num_ps_tasks > 0 else None

    def clone_device(self, clone_index):
        """Return the device of a clone."""
        self._check_clone(clone_index)
        kind = 'CPU:0' if self.clone_on_cpu else f'GPU:{clone_index}'
        return f'{self.worker_device}/device:{kind}'

    def clone_scope(self, clone_index):
        """Return the name scope of a clone, which is empty if there is only one."""
        self._check_clone(clone_index)
        return f'clone_{clone_index}' if self.num_clones > 1 else ''

    def optimizer_device(self):
        """Return the device that averages the gradients."""
        return f'{self.worker_device}/device:CPU:0'

    def inputs_device(self):
        """Return the device that creates the batches."""
        return f'{self.worker_device}/device:CPU:0'

    def variables_device(self):
        """Return the device of the variables, as a name or a function for `tf.device`."""
        if self.num_ps_tasks == 0:
            return '/device:CPU:0'
        return RoundRobin(f'{self.ps_device}/device:CPU:0', self.num_ps_tasks)

    def _check_clone(self, clone_index):
        if clone_index >= self.num_clones:
            raise ValueError(f'clone_index={clone_index} must be less than {self.num_clones}')


def create_clones(config, model_fn, args=None, kwargs=None):
    """Call `model_fn` once for each clone and return the clones."""
    variables_device = config.variables_device()
    clones = []
    for index in range(config.num_clones):
        device = config.clone_device(index)
        # The name scope must be outside the variable scope. Otherwise names would begin with the
        # variable scope, and update operations could not be found by the clone's scope.
        with tf.name_scope(config.clone_scope(index)) as scope:
            with tf.device(beside_variables(device, variables_device)):
                with tf.variable_scope(tf.get_variable_scope(), reuse=True if index else None):
                    outputs = model_fn(*(args or ()), **(kwargs or {}))
        clones.append(Clone(outputs, scope, device))
    return clones


def optimize_clones(clones, optimizer, regularization_losses=None, **kwargs):
    """Return the total loss and the gradients by variable, both averaged over the clones.

    `regularization_losses` (by default those of the graph) count once for all clones; `kwargs` are
    passed to the optimizer's `compute_gradients`.
    """
    losses = _clone_losses(clones, regularization_losses)
    gradients = []
    for clone, loss in losses:
        with tf.name_scope(clone.scope), tf.device(clone.device):
            gradients.append(optimizer.compute_gradients(loss, **kwargs))
    return _total(losses), _sum_gradients(gradients)


def deploy(config, model_fn, args=None, kwargs=None, optimizer=None, summarize_gradients=False):
    """Build the clones and, if there is an optimizer, the train op and the summaries."""
    summaries = set(tf.get_collection(tf.GraphKeys.SUMMARIES))
    clones = create_clones(config, model_fn, args, kwargs)
    train_op = total_loss = None
    with tf.device(config.optimizer_device()):
        if optimizer is None:
            total_loss = _total(_clone_losses(clones))
        else:
            with tf.device(config.variables_device()):
                global_step = tf.train.get_or_create_global_step()
            total_loss, gradients = optimize_clones(clones, optimizer)
            if gradients:
                train_op = _train_op(clones, optimizer, gradients, total_loss, global_step)
            if summarize_gradients:
                summaries |= set(_gradient_summaries(gradients))
        summaries |= set(tf.get_collection(tf.GraphKeys.SUMMARIES, clones[0].scope))
        if total_loss is not None:
            summaries.add(_summarize('total_loss', total_loss))
        ordered = sorted(summaries, key=lambda summary: summary.name)
        summary_op = tf.summary.merge(ordered, name='summary_op') if ordered else None
    return DeployedModel(train_op, summary_op, total_loss, clones)


def _train_op(clones, optimizer, gradients, total_loss, global_step):
    # All clones have similar batch statistics, so those of the first one are enough.
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS, clones[0].scope)
    updates.append(optimizer.apply_gradients(gradients, global_step=global_step))
    with tf.control_dependencies([tf.group(*updates)]):
        return tf.identity(total_loss, name='train_op')


def _clone_losses(clones, regularization_losses=None):
    """Return pairs of a clone and its share of the total loss, for clones that have a loss."""
    if regularization_losses is None:
        regularization_losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    pairs = []
    for clone in clones:
        with tf.name_scope(clone.scope), tf.device(summaries_on_cpu(clone.device)):
            loss = _share_of_loss(clone, len(clones), regularization_losses)
        if loss is not None:
            pairs.append((clone, loss))
        regularization_losses = []
    return pairs


def _share_of_loss(clone, num_clones, regularization_losses):
    parts = []
    clone_losses = tf.get_collection(tf.GraphKeys.LOSSES, clone.scope)
    if clone_losses:
        clone_loss = tf.add_n(clone_losses, name='clone_loss')
        _summarize(f'{clone.scope}clone_loss', clone_loss)
        parts.append(clone_loss / num_clones if num_clones > 1 else clone_loss)
    if regularization_losses:
        regularization_loss = tf.add_n(regularization_losses, name='regularization_loss')
        _summarize(f'{clone.scope}regularization_loss', regularization_loss)
        parts.append(regularization_loss)
    return tf.add_n(parts) if parts else None


def _summarize(tag, value):
    # tf.summary would add a number to the tag, because the operation of the value has its name.
    summary = tf.raw_ops.ScalarSummary(tags=tag, values=value, name='summary')
    tf.add_to_collection(tf.GraphKeys.SUMMARIES, summary)
    return summary


def _total(losses):
    return tf.add_n([loss for _, loss in losses], name='total_loss') if losses else None


def _sum_gradients(gradients_by_clone):
    """Add the gradients of each variable; the losses are already divided by the clones."""
    sums = []
    for pairs in zip(*gradients_by_clone, strict=True):
        variable = pairs[0][1]
        parts = [gradient for gradient, _ in pairs if gradient is not None]
        if len(parts) > 1:
            sums.append((tf.add_n(parts, name=f'{variable.op.name}/sum_grads'), variable))
        elif parts:
            sums.append((parts[0], variable))
    return sums


def _gradient_summaries(gradients):
    for gradient, variable in gradients:
        if isinstance(gradient, tf.IndexedSlices):
            gradient = gradient.values
        yield tf.summary.histogram(f'{variable.op.name}/gradient', gradient)
        yield tf.summary.scalar(f'{variable.op.name}/gradient_norm', tf.global_norm([gradient]))
