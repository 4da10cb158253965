"""The separable convolution of networks that have hundreds of them."""

from functools import partial

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import layers


@layers.shares_arg_scope_of(slim.separable_conv2d)
def separable_conv2d(
    inputs,
    num_outputs,
    kernel_size,
    stride=1,
    weights_initializer=None,
    weights_regularizer=None,
    variables_collections=None,
    trainable=True,
    scope=None,
    **others,
):
    """Apply a square depthwise convolution and a 1x1 convolution, padded, without biases.

    It has the variables and operations of `slim.separable_conv2d`, which compares every new
    variable with all those of the graph. If an arg_scope sets any of the `others`, slim's is used.
    """
    create = {
        'weights_initializer': weights_initializer,
        'weights_regularizer': weights_regularizer,
        'variables_collections': variables_collections,
        'trainable': trainable,
    }
    if any(value is not None for value in others.values()):
        options = {**create, **others, 'stride': stride, 'scope': scope}
        return slim.separable_conv2d(inputs, num_outputs, kernel_size, **options)
    with tf.variable_scope(scope, 'SeparableConv2d', [inputs]):
        variable = partial(
            slim.model_variable,
            initializer=weights_initializer,
            regularizer=weights_regularizer,
            trainable=trainable,
            collections=slim.utils.get_variable_collections(variables_collections, 'weights'),
        )
        channels = inputs.shape.as_list()[3]
        depthwise = variable('depthwise_weights', [kernel_size, kernel_size, channels, 1])
        pointwise = variable('pointwise_weights', [1, 1, channels, num_outputs])
        return tf.nn.separable_conv2d(inputs, depthwise, pointwise, [1, stride, stride, 1], 'SAME')
