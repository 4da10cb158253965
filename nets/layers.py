"""What current TensorFlow needs beyond slim's layers, and what all networks share.

`batch_norm` and `dropout` answer to slim's own arg_scopes: `arg_scope([slim.batch_norm], ...)` and
`arg_scope([layers.batch_norm], ...)` are one and the same.
"""

import zlib
from collections import namedtuple

import tensorflow.compat.v1 as tf
import tf_slim as slim

from common import names
from common.errors import UserError


def _shares_arg_scope_of(slim_layer):
    """Let a layer be set by `slim_layer`'s arg_scopes, and the other way round."""

    def decorate(layer):
        layer._key_op = slim.arg_scope_func_key(slim_layer)
        return slim.add_arg_scope(layer)

    return decorate


@_shares_arg_scope_of(slim.batch_norm)
def batch_norm(
    inputs,
    decay=0.999,
    center=True,
    scale=False,
    epsilon=0.001,
    activation_fn=None,
    param_initializers=None,
    param_regularizers=None,
    updates_collections=tf.GraphKeys.UPDATE_OPS,
    is_training=True,
    reuse=None,
    variables_collections=None,
    outputs_collections=None,
    trainable=True,
    fused=True,
    data_format='NHWC',
    scope=None,
    frozen=None,
    **unsupported,
):
    """Normalise every channel over all other dimensions (https://arxiv.org/abs/1502.03167).

    The parameters are those of `slim.batch_norm`; the statistics are float32 whatever the inputs
    are. `frozen`, a predicate of the layer's scope name, makes a layer stand still: it normalises
    with its stored statistics and adds no update, even in training. It is always fused.
    """
    _refuse(unsupported)
    with tf.variable_scope(scope, 'BatchNorm', [inputs], reuse=reuse) as layer_scope:
        # Vectors this short are never worth a split, and moving averages cannot be updated in one.
        layer_scope.set_partitioner(None)
        is_frozen = frozen is not None and frozen(layer_scope.name)
        is_training = False if is_frozen else _static_if_known(is_training)
        inputs = tf.convert_to_tensor(inputs)
        images, data_format = _as_images(inputs, data_format)
        create = _variable_creator(
            images, data_format, param_initializers, param_regularizers, variables_collections
        )
        parameters = _parameters(create, center, scale, trainable)
        outputs, *statistics = _normalise(images, parameters, epsilon, is_training, data_format)
        if is_training is not False:
            updates = _update_moving_averages(parameters, statistics, decay)
            outputs = _schedule(updates, outputs, updates_collections)
        outputs = _restore_shape(outputs, inputs)
        if activation_fn is not None:
            outputs = activation_fn(outputs)
        return slim.utils.collect_named_outputs(outputs_collections, layer_scope.name, outputs)


def _refuse(options):
    """Refuse what slim's layer could and this one cannot, unless it is switched off anyway."""
    slim_defaults = {'renorm_decay': 0.99}
    known = ('adjustment', 'batch_weights', 'renorm', 'renorm_clipping', 'zero_debias_moving_mean')
    for name, value in options.items():
        if name not in known and name not in slim_defaults:
            raise TypeError(f'batch_norm() got an unexpected keyword argument {name!r}')
        if value and value != slim_defaults.get(name):
            raise ValueError(f'batch_norm does not support {name}={value!r}')


def _static_if_known(flag):
    """Return a Python bool where the value is known while the graph is built, else a tensor."""
    if not (tf.is_tensor(flag) or isinstance(flag, tf.Variable)):
        return bool(flag)
    flag = tf.cast(tf.convert_to_tensor(flag), tf.bool)
    value = tf.get_static_value(flag)
    return flag if value is None else bool(value)


def _as_images(inputs, data_format):
    """Return (inputs of rank 4, their format): the kernel knows images alone."""
    if data_format not in ('NHWC', 'NCHW'):
        raise ValueError(f'data_format has to be NHWC or NCHW, not {data_format!r}')
    rank = inputs.shape.ndims
    if rank == 4:
        return inputs, data_format
    if rank is None or rank < 2 or (rank > 2 and data_format == 'NCHW'):
        raise ValueError(f'batch_norm takes inputs of rank 2 or 4, not {inputs.shape} ({inputs})')
    return tf.reshape(inputs, [-1, 1, 1, _channels(inputs, 'NHWC')]), 'NHWC'


def _channels(inputs, data_format):
    count = inputs.shape.as_list()[1 if data_format == 'NCHW' else -1]
    if count is None:
        raise ValueError(f'batch_norm needs a known number of channels: {inputs}')
    return count


_Parameters = namedtuple('_Parameters', 'gamma beta moving_mean moving_variance')


def _variable_creator(images, data_format, initializers, regularizers, collections):
    """Return a function that creates one of the layer's variables: a number for each channel."""
    channels = _channels(images, data_format)

    def create(name, default, trainable):
        return slim.model_variable(
            name,
            shape=[channels],
            dtype=tf.float32,
            initializer=(initializers or {}).get(name, default),
            regularizer=(regularizers or {}).get(name),
            trainable=trainable,
            collections=slim.utils.get_variable_collections(collections, name),
        )

    return create


def _parameters(create, center, scale, trainable):
    zeros, ones = tf.zeros_initializer(), tf.ones_initializer()
    gamma = create('gamma', ones, trainable) if scale else None
    beta = create('beta', zeros, trainable) if center else None
    moving_mean = create('moving_mean', zeros, False)
    moving_variance = create('moving_variance', ones, False)
    return _Parameters(
        tf.ones(moving_mean.shape) if gamma is None else gamma,
        tf.zeros(moving_mean.shape) if beta is None else beta,
        moving_mean,
        moving_variance,
    )


def _normalise(inputs, parameters, epsilon, is_training, data_format):
    """Return outputs and the statistics that they were normalised with."""
    # Read outside any branch: a reference variable must not be switched.
    gamma, beta, mean, variance = (tf.convert_to_tensor(value) for value in parameters)

    def training():
        return tf.nn.fused_batch_norm(
            inputs, gamma, beta, epsilon=epsilon, data_format=data_format, is_training=True
        )

    def inference():
        outputs, _, _ = tf.nn.fused_batch_norm(
            inputs, gamma, beta, mean, variance, epsilon, data_format, is_training=False
        )
        return outputs, mean, variance

    if isinstance(is_training, bool):
        return training() if is_training else inference()
    outputs, *statistics = tf.cond(is_training, training, inference)
    outputs.set_shape(inputs.shape)
    return outputs, *statistics


def _update_moving_averages(parameters, statistics, decay):
    """Return the two update operations.

    A layer whose `is_training` tensor is false has its own stored statistics here: no change.
    """
    averages = parameters.moving_mean, parameters.moving_variance
    updates = []
    for average, batch in zip(averages, statistics, strict=True):
        with tf.name_scope('AssignMovingAvg'):
            # An operation, not the variable: its name carries the scope of the clone.
            change = (average - batch) * (1.0 - decay)
            updates.append(average.assign_sub(change, read_value=False))
    return updates


def _schedule(updates, outputs, collections):
    """Leave the updates to whoever runs `collections`; without any, tie them to the outputs."""
    if collections is None:
        with tf.control_dependencies(updates):
            return tf.identity(outputs)
    for update in updates:
        tf.add_to_collections(collections, update)
    return outputs


def _restore_shape(outputs, inputs):
    if inputs.shape.ndims == 4:
        return outputs
    unknown = inputs.shape.as_list().count(None)
    shape = [-1 if size is None else size for size in inputs.shape.as_list()]
    outputs = tf.reshape(outputs, shape if unknown < 2 else tf.shape(inputs))
    outputs.set_shape(inputs.shape)
    return outputs


@_shares_arg_scope_of(slim.dropout)
def dropout(
    inputs,
    keep_prob=0.5,
    noise_shape=None,
    is_training=True,
    outputs_collections=None,
    scope=None,
    seed=None,
):
    """Drop elements at random while training; what is kept grows by `1 / keep_prob`.

    Without a `seed` this is `slim.dropout`. With one, the mask depends on nothing but the seed, the
    layer's name and the global step, so that a resumed run draws what an uninterrupted one would.
    """
    is_training = _static_if_known(is_training)
    if seed is None or is_training is False:
        return slim.dropout(
            inputs,
            keep_prob=keep_prob,
            noise_shape=noise_shape,
            is_training=is_training,
            outputs_collections=outputs_collections,
            scope=scope,
            seed=None,
        )
    with tf.variable_scope(scope, 'Dropout', [inputs]) as layer_scope:
        outputs = _stateless_dropout(
            tf.convert_to_tensor(inputs), keep_prob, noise_shape, is_training, seed
        )
        return slim.utils.collect_named_outputs(outputs_collections, layer_scope.name, outputs)


def _stateless_dropout(inputs, keep_prob, noise_shape, is_training, seed):
    layer_seed = _layer_seed(seed)
    # Slim's layer enters its name twice, so a layer named 'Dropout' has taken 'dropout' before
    # its operation asks for it: names are unique regardless of case.
    with tf.name_scope(tf.get_variable_scope().name.rsplit('/', 1)[-1]):
        pass

    def dropped():
        return tf.nn.experimental.stateless_dropout(
            inputs,
            rate=1 - keep_prob,
            seed=layer_seed,
            rng_alg='philox',
            noise_shape=noise_shape,
            name='dropout',
        )

    if is_training is True:
        return dropped()
    return tf.cond(is_training, dropped, lambda: tf.identity(inputs))


def _layer_name():
    """Return the open name scope: unlike the variables' it is another one in every clone.

    Clones see different pictures, and must not share one mask between them.
    """
    return tf.get_default_graph().get_name_scope()


def _layer_seed(seed):
    """Return [what tells this layer from all others, what tells this step from all others]."""
    layer = zlib.crc32(_layer_name().encode())
    return tf.stack([tf.constant(layer ^ seed, tf.int64), _global_step()])


def _global_step():
    step = tf.train.get_global_step()
    if step is None:
        # At the root: inside a layer's scope the step would get that scope's name.
        with tf.variable_scope(tf.VariableScope(tf.AUTO_REUSE), auxiliary_name_scope=False):
            step = tf.train.create_global_step()
    return tf.cast(step, tf.int64)


class Step(namedtuple('Step', 'name layer window', defaults=(None,))):
    """A row of a network's table: an end point's name and the layer that computes it.

    The layer is called as `layer(net, scope=name)`. `window` is its (kernel size, stride) when it
    does not pad, which is what bounds the size of the pictures from below; a layer of several
    such parts gives a list of them.
    """


def build(inputs, steps, network, final_endpoint=None, data_format='NHWC'):
    """Apply `steps` in order up to `final_endpoint`; return the last result and all by name."""
    known = [step.name for step in steps]
    if final_endpoint is not None and final_endpoint not in known:
        raise UserError(names.unknown('end point', final_endpoint, known))
    if final_endpoint is not None:
        steps = steps[: known.index(final_endpoint) + 1]
    require_size(inputs, smallest_input(steps), network, data_format)
    net, end_points = inputs, {}
    for step in steps:
        net = end_points[step.name] = step.layer(net, scope=step.name)
    return net, end_points


def smallest_input(steps):
    """Return the side of the smallest picture that leaves something after all `steps`."""
    side = 1
    for step in reversed(steps):
        windows = [step.window] if isinstance(step.window, tuple) else step.window or []
        for kernel_size, stride in reversed(windows):
            side = (side - 1) * stride + kernel_size
    return side


def require_size(inputs, minimum, network, data_format='NHWC'):
    """Refuse pictures whose known height or width is below `minimum`."""
    if inputs.shape.ndims != 4:
        raise UserError(f'{network} takes pictures of rank 4, got the shape {inputs.shape}')
    height, width = inputs.shape.as_list()[slice(2, 4) if data_format == 'NCHW' else slice(1, 3)]
    if any(size is not None and size < minimum for size in (height, width)):
        raise UserError(
            f'{network} needs pictures of at least {minimum} x {minimum} pixels, '
            f'got {height} x {width}'
        )


def small_kernel(net, kernel_size, data_format='NHWC'):
    """Return `kernel_size`, cut down to the feature map where that is known to be smaller."""
    sides = net.shape.as_list()[slice(2, 4) if data_format == 'NCHW' else slice(1, 3)]
    return [
        wanted if side is None else min(side, wanted)
        for side, wanted in zip(sides, kernel_size, strict=True)
    ]


def squeeze_spatial(net, name='SpatialSqueeze', data_format='NHWC'):
    """Remove height and width: by a squeeze where both are 1, by their mean where they may not be.

    The mean lets a network answer for pictures larger than those it was made for.
    """
    axes = [2, 3] if data_format == 'NCHW' else [1, 2]
    if all(net.shape.as_list()[axis] == 1 for axis in axes):
        return tf.squeeze(net, axes, name=name)
    return tf.reduce_mean(net, axes, name=name)
