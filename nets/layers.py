"""Replacements for layers of slim that fail on current TensorFlow, and parts of all networks.

slim's arg_scopes apply to `batch_norm` and `dropout`: `arg_scope([slim.batch_norm], ...)` and
`arg_scope([layers.batch_norm], ...)` have the same effect.
"""

import zlib
from collections import namedtuple

import tensorflow.compat.v1 as tf
import tf_slim as slim

from common import checks
from common.errors import UserError


def shares_arg_scope_of(slim_layer):
    """Make the arg_scopes of `slim_layer` apply to a layer, and the other way round."""

    def decorate(layer):
        layer._key_op = slim.arg_scope_func_key(slim_layer)
        return slim.add_arg_scope(layer)

    return decorate


@shares_arg_scope_of(slim.batch_norm)
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

    The parameters are those of `slim.batch_norm`. The statistics are always float32, and the kernel
    is always fused. If `frozen`, a function of the layer's scope name, returns true, the layer uses
    its stored statistics and adds no update, even in training.
    """
    _refuse(unsupported)
    with tf.variable_scope(scope, 'BatchNorm', [inputs], reuse=reuse) as layer_scope:
        # The vectors are too short to partition, and updates need moving averages in one part.
        layer_scope.set_partitioner(None)
        is_frozen = frozen is not None and frozen(layer_scope.name)
        is_training = False if is_frozen else static_if_known(is_training)
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
    """Raise ValueError for options of slim's layer that this one does not have."""
    slim_defaults = {'renorm_decay': 0.99}
    known = ('adjustment', 'batch_weights', 'renorm', 'renorm_clipping', 'zero_debias_moving_mean')
    for name, value in options.items():
        if name not in known and name not in slim_defaults:
            raise TypeError(f'batch_norm() got an unexpected keyword argument {name!r}')
        if value and value != slim_defaults.get(name):
            raise ValueError(f'batch_norm does not support {name}={value!r}')


def static_if_known(flag):
    """Return a Python bool if the value is known when the graph is built, otherwise a tensor."""
    if not (tf.is_tensor(flag) or isinstance(flag, tf.Variable)):
        return bool(flag)
    flag = tf.cast(tf.convert_to_tensor(flag), tf.bool)
    value = tf.get_static_value(flag)
    return flag if value is None else bool(value)


def _as_images(inputs, data_format):
    """Return (inputs of rank 4, their format), because the kernel accepts only images."""
    if data_format not in ('NHWC', 'NCHW'):
        raise ValueError(f'data_format must be NHWC or NCHW, not {data_format!r}')
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
    """Return a function that creates a variable of the layer, with one number per channel."""
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
    """Return the outputs and the statistics used for them."""
    # Read outside any branch, because a reference variable must not pass through a Switch.
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

    If the layer's `is_training` tensor is false, the statistics are the stored ones, so that the
    update changes nothing.
    """
    averages = parameters.moving_mean, parameters.moving_variance
    updates = []
    for average, batch in zip(averages, statistics, strict=True):
        with tf.name_scope('AssignMovingAvg'):
            # An operation, not the variable, because its name contains the scope of the clone.
            change = (average - batch) * (1.0 - decay)
            updates.append(average.assign_sub(change, read_value=False))
    return updates


def _schedule(updates, outputs, collections):
    """Add the updates to `collections`, or without any make the outputs depend on them."""
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


@shares_arg_scope_of(slim.dropout)
def dropout(
    inputs,
    keep_prob=0.5,
    noise_shape=None,
    is_training=True,
    outputs_collections=None,
    scope=None,
    seed=None,
):
    """Drop random elements in training, and scale the others by `1 / keep_prob`.

    Without a `seed` this is `slim.dropout`. With one, the mask depends only on the seed, the name
    of the layer and the global step, so a resumed run has the same masks as an uninterrupted one.
    """
    is_training = static_if_known(is_training)
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
    mask_seed = layer_seed(seed)
    # Slim's layer enters its name twice. Names are unique regardless of case, so in a layer
    # named 'Dropout' the name 'dropout' is no longer free for the operation.
    with tf.name_scope(tf.get_variable_scope().name.rsplit('/', 1)[-1]):
        pass

    def dropped():
        return tf.nn.experimental.stateless_dropout(
            inputs,
            rate=1 - keep_prob,
            seed=mask_seed,
            rng_alg='philox',
            noise_shape=noise_shape,
            name='dropout',
        )

    if is_training is True:
        return dropped()
    return tf.cond(is_training, dropped, lambda: tf.identity(inputs))


def _layer_name():
    """Return the current name scope, which differs in every clone, unlike the variable scope.

    Clones have different pictures and must not share a mask.
    """
    return tf.get_default_graph().get_name_scope()


def layer_seed(seed):
    """Return [a number for this layer, a number for this step]."""
    layer = zlib.crc32(_layer_name().encode())
    return tf.stack([tf.constant(layer ^ seed, tf.int64), global_step()])


def global_step():
    """Return the global step as an integer of 64 bits; create it if necessary."""
    step = tf.train.get_global_step()
    if step is None:
        # Create the step at the root. In a layer's scope, its name would contain that scope.
        with tf.variable_scope(tf.VariableScope(tf.AUTO_REUSE), auxiliary_name_scope=False):
            step = tf.train.create_global_step()
    return tf.cast(step, tf.int64)


class NamedLayer(namedtuple('NamedLayer', 'name layer window', defaults=(None,))):
    """A row of a network's table: the name of an end point and the layer that computes it.

    The layer is called as `layer(net, scope=name)`. For a layer without padding, `window` is its
    (kernel size, stride), or a list of these; it determines the smallest size of the pictures.
    """


def build(inputs, named_layers, network, final_endpoint=None, data_format='NHWC'):
    """Apply the layers up to `final_endpoint`; return the last result and all results by name."""
    known = [layer.name for layer in named_layers]
    if final_endpoint is not None and final_endpoint not in known:
        raise UserError(checks.unknown('end point', final_endpoint, known))
    if final_endpoint is not None:
        named_layers = named_layers[: known.index(final_endpoint) + 1]
    require_size(inputs, smallest_input(named_layers), network, data_format)
    net, end_points = inputs, {}
    for name, layer, _ in named_layers:
        net = end_points[name] = layer(net, scope=name)
    return net, end_points


def smallest_input(named_layers):
    """Return the side of the smallest picture whose feature map is not empty after all layers."""
    side = 1
    for layer in reversed(named_layers):
        windows = [layer.window] if isinstance(layer.window, tuple) else layer.window or []
        for kernel_size, stride in reversed(windows):
            side = (side - 1) * stride + kernel_size
    return side


def require_size(inputs, minimum, network, data_format='NHWC'):
    """Raise ValueError if the height or width of the pictures is known and below `minimum`."""
    if inputs.shape.ndims != 4:
        raise UserError(f'{network} takes pictures of rank 4, got the shape {inputs.shape}')
    height, width = inputs.shape.as_list()[slice(2, 4) if data_format == 'NCHW' else slice(1, 3)]
    if any(size is not None and size < minimum for size in (height, width)):
        raise UserError(
            f'{network} needs pictures of at least {minimum} x {minimum} pixels, '
            f'got {height} x {width}'
        )


def small_kernel(net, kernel_size):
    """Return `kernel_size`, or the size of the feature map if that is known and smaller."""
    sides = net.shape.as_list()[1:3]
    return [
        wanted if side is None else min(side, wanted)
        for side, wanted in zip(sides, kernel_size, strict=True)
    ]


def squeeze_spatial(net, name='SpatialSqueeze'):
    """Remove height and width, with a squeeze if both are 1, otherwise with the mean.

    Because of the mean, a network accepts pictures that are larger than its default size.
    """
    axes = [1, 2]
    if net.shape.as_list()[1:3] == [1, 1]:
        return tf.squeeze(net, axes, name=name)
    return tf.reduce_mean(net, axes, name=name)
