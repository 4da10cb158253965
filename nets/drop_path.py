"""Drop path: leave out branches of a network at random during training.

Larsson et al., 'FractalNet: Ultra-deep neural networks without residuals', arXiv:1605.07648.
"""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import layers


@slim.add_arg_scope
def drop_path(inputs, keep_prob, is_training=True, seed=None, frozen=None, scope=None):
    """Drop the whole feature map of random pictures in training; divide the others by `keep_prob`.

    With a `seed`, the choice depends only on the seed, the name of the layer and the global step,
    as in `layers.dropout`. If `frozen`, a function of the layer's scope name, returns true, nothing
    is dropped, because the results of a frozen branch must not change in training.
    """
    is_training = layers.static_if_known(is_training)
    with tf.variable_scope(scope, 'drop_path', [inputs]) as layer_scope:
        if is_training is False or (frozen is not None and frozen(layer_scope.name)):
            return inputs
        if is_training is not True:
            keep_prob = tf.where(is_training, keep_prob, 1.0)
        pictures = inputs.shape.as_list()[0] or tf.shape(inputs)[0]
        is_kept = tf.floor(_uniform([pictures, *[1] * (inputs.shape.ndims - 1)], seed) + keep_prob)
        return inputs / keep_prob * is_kept


def _uniform(shape, seed):
    """Draw numbers in [0, 1); `tf.random.stateless_uniform` would add 50 operations."""
    if seed is None:
        return tf.random.uniform(shape)
    key, step = tf.unstack(tf.cast(layers.layer_seed(seed), tf.uint64))
    return tf.raw_ops.StatelessRandomUniformV2(
        shape=shape,
        key=[key],
        counter=[0, step],  # The first number counts the numbers that are drawn.
        alg=int(tf.random.Algorithm.PHILOX.value),
    )


def scheduled_keep_prob(keep_prob, depth, current_step, total_training_steps):
    """Return the probability to keep a branch at a depth of the network in a step.

    It decreases linearly to `keep_prob` with the depth, which is between 0 and 1, and with the
    steps (ScheduledDropPath, arXiv:1707.07012, section 4). After `total_training_steps` it remains
    the same.
    """
    progress = tf.minimum(tf.cast(current_step, tf.float32) / total_training_steps, 1.0)
    return 1 - progress * depth * (1 - keep_prob)
