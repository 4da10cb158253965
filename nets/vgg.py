"""VGG: 'Very deep convolutional networks for large-scale image recognition'.

Simonyan and Zisserman, arXiv:1409.1556. Every function takes an image of 224 (or, with
`fc_conv_padding='SAME'`, of 32) pixels or more; beyond 224 the scores become a map, for which
`global_pool` or `spatial_squeeze=False` is needed.
"""

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import convolutional_head, layers, model_specs

_DEPTHS = (64, 128, 256, 512, 512)
_CONVOLUTIONS = {  # The number of 3x3 convolutions before each pooling, table 1.
    'vgg_a': (1, 1, 2, 2, 2),  # column A
    'vgg_16': (2, 2, 3, 3, 3),  # column D
    'vgg_19': (2, 2, 4, 4, 4),  # column E
}


def vgg_arg_scope(weight_decay=0.0005):
    """Return the arg_scope of VGG's layers."""
    return convolutional_head.arg_scope(weight_decay)


def _variant(name):
    def network(
        inputs,
        num_classes=1000,
        is_training=True,
        dropout_keep_prob=0.5,
        spatial_squeeze=True,
        reuse=None,
        scope=name,
        fc_conv_padding='VALID',
        global_pool=False,
    ):
        layers.require_size(inputs, 224 if fc_conv_padding == 'VALID' else 32, name)
        with tf.variable_scope(scope, name, [inputs], reuse=reuse) as sc:
            with convolutional_head.network_scope(sc, is_training, dropout_keep_prob):
                net = _convolutions(inputs, _CONVOLUTIONS[name])
                net = convolutional_head.hidden_layers(net, (4096, 4096), [7, 7], fc_conv_padding)
                return convolutional_head.class_scores(
                    net, sc, num_classes, spatial_squeeze, global_pool
                )

    network.__name__ = network.__qualname__ = name
    network.__doc__ = f'Build {name}; return its logits (or hidden layer) and end points.'
    network.default_image_size = model_specs.get_spec(name).image_size
    return network


def _convolutions(net, repetitions):
    for number, (depth, repeats) in enumerate(zip(_DEPTHS, repetitions, strict=True), start=1):
        net = slim.repeat(net, repeats, slim.conv2d, depth, [3, 3], scope=f'conv{number}')
        net = slim.max_pool2d(net, [2, 2], 2, scope=f'pool{number}')
    return net


vgg_a = _variant('vgg_a')
vgg_d = vgg_16 = _variant('vgg_16')
vgg_e = vgg_19 = _variant('vgg_19')
