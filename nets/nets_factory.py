"""The table of all networks, with the properties of each."""

import dataclasses
import inspect
from collections.abc import Callable

import tf_slim as slim

from common import checks
from nets import (
    alexnet,
    cifarnet,
    inception,
    layers,
    lenet,
    mobilenet_v1,
    overfeat,
    resnet_v1,
    resnet_v2,
    vgg,
)


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """The properties of a network that is built under its default scope."""

    fn: Callable
    arg_scope: Callable
    preprocessing: str
    features: str  # End point: the features before the last layer and before any dropout.
    output_node: str  # Operation: the probabilities, or the logits of a network without them.
    head: str  # Variable scope of the layers that depend on the number of classes.
    auxiliary_head: str | None = None  # The same for the auxiliary classifier.
    predictions: str | None = None  # End point: the probabilities.
    channels: int = 3

    @property
    def image_size(self):
        """Return the side of the pictures for which the network was designed."""
        return self.fn.default_image_size

    @property
    def scope(self):
        """Return the variable scope of the whole network."""
        return self.head.split('/')[0]

    @property
    def head_scopes(self):
        """List the variable scopes whose weights depend on the classes."""
        return [scope for scope in (self.head, self.auxiliary_head) if scope]

    @property
    def batch_norm_decay(self):
        """Return the default decay of the moving averages, or None without batch norm."""
        parameter = inspect.signature(self.arg_scope).parameters.get('batch_norm_decay')
        return parameter and parameter.default


def _inception(fn, arg_scope, features, output_node, auxiliary=False):
    # The name of an output node begins with the network's scope.
    scope = output_node.split('/')[0]
    return ModelSpec(
        fn=fn,
        arg_scope=arg_scope,
        preprocessing='inception',
        features=features,
        output_node=output_node,
        head=f'{scope}/Logits',
        auxiliary_head=f'{scope}/AuxLogits' if auxiliary else None,
        predictions='Predictions',
    )


def _resnet(fn):
    name = fn.__name__
    return ModelSpec(
        fn=fn,
        arg_scope=resnet_v1.resnet_arg_scope,
        preprocessing='vgg',
        features='global_pool',
        output_node=f'{name}/predictions/Reshape_1',
        head=f'{name}/logits',
        predictions='predictions',
    )


def _convolutional(fn, arg_scope):
    """Return the ModelSpec of a network that ends with the convolutions fc6, fc7 and fc8."""
    name = fn.__name__
    return ModelSpec(
        fn=fn,
        arg_scope=arg_scope,
        preprocessing='vgg',
        features=f'{name}/fc7',
        output_node=f'{name}/fc8/squeezed',
        head=f'{name}/fc8',
    )


def _mobilenet_v1(fn):
    return _inception(
        fn,
        mobilenet_v1.mobilenet_v1_arg_scope,
        features='AvgPool_1a',
        output_node='MobilenetV1/Predictions/Reshape_1',
    )


MODELS = {
    'alexnet_v2': _convolutional(alexnet.alexnet_v2, alexnet.alexnet_v2_arg_scope),
    'cifarnet': ModelSpec(
        fn=cifarnet.cifarnet,
        arg_scope=cifarnet.cifarnet_arg_scope,
        preprocessing='cifarnet',
        features='fc4',
        output_node='CifarNet/Predictions/Reshape_1',
        head='CifarNet/logits',
        predictions='Predictions',
    ),
    'overfeat': _convolutional(overfeat.overfeat, overfeat.overfeat_arg_scope),
    'vgg_a': _convolutional(vgg.vgg_a, vgg.vgg_arg_scope),
    'vgg_16': _convolutional(vgg.vgg_16, vgg.vgg_arg_scope),
    'vgg_19': _convolutional(vgg.vgg_19, vgg.vgg_arg_scope),
    'inception_v1': _inception(
        inception.inception_v1,
        inception.inception_v1_arg_scope,
        features='AvgPool_0a_7x7',
        output_node='InceptionV1/Logits/Predictions/Reshape_1',
    ),
    'inception_v2': _inception(
        inception.inception_v2,
        inception.inception_v2_arg_scope,
        features='AvgPool_1a',
        output_node='InceptionV2/Predictions/Reshape_1',
    ),
    'inception_v3': _inception(
        inception.inception_v3,
        inception.inception_v3_arg_scope,
        features='AvgPool_1a',
        output_node='InceptionV3/Predictions/Reshape_1',
        auxiliary=True,
    ),
    'inception_v4': _inception(
        inception.inception_v4,
        inception.inception_v4_arg_scope,
        features='global_pool',
        output_node='InceptionV4/Logits/Predictions',
        auxiliary=True,
    ),
    'inception_resnet_v2': _inception(
        inception.inception_resnet_v2,
        inception.inception_resnet_v2_arg_scope,
        features='global_pool',
        output_node='InceptionResnetV2/Logits/Predictions',
        auxiliary=True,
    ),
    'lenet': ModelSpec(
        fn=lenet.lenet,
        arg_scope=lenet.lenet_arg_scope,
        preprocessing='lenet',
        features='fc3',
        output_node='Predictions/Reshape_1',
        head='LeNet/fc4',
        predictions='Predictions',
        channels=1,
    ),
    'resnet_v1_50': _resnet(resnet_v1.resnet_v1_50),
    'resnet_v1_101': _resnet(resnet_v1.resnet_v1_101),
    'resnet_v1_152': _resnet(resnet_v1.resnet_v1_152),
    'resnet_v1_200': _resnet(resnet_v1.resnet_v1_200),
    'resnet_v2_50': _resnet(resnet_v2.resnet_v2_50),
    'resnet_v2_101': _resnet(resnet_v2.resnet_v2_101),
    'resnet_v2_152': _resnet(resnet_v2.resnet_v2_152),
    'resnet_v2_200': _resnet(resnet_v2.resnet_v2_200),
    'mobilenet_v1': _mobilenet_v1(mobilenet_v1.mobilenet_v1),
    'mobilenet_v1_075': _mobilenet_v1(mobilenet_v1.mobilenet_v1_075),
    'mobilenet_v1_050': _mobilenet_v1(mobilenet_v1.mobilenet_v1_050),
    'mobilenet_v1_025': _mobilenet_v1(mobilenet_v1.mobilenet_v1_025),
}

networks_map = {name: spec.fn for name, spec in MODELS.items()}
arg_scopes_map = {name: spec.arg_scope for name, spec in MODELS.items()}


def get_spec(name):
    """Return the ModelSpec of a network; an unknown name is a UserError that lists the known."""
    return checks.lookup('network', name, MODELS)


def get_network_fn(
    name,
    num_classes,
    weight_decay=0.0,
    is_training=False,
    batch_norm_decay=None,
    frozen=None,
    dropout_seed=None,
):
    """Return a function `(images, **kwargs)` that builds the network under its own arg_scope.

    `batch_norm_decay` replaces the network's default; `frozen` and `dropout_seed` are passed to
    `layers.batch_norm` and `layers.dropout`. An arg_scope around the call of the returned function
    overrides the network's own.
    """
    fn = checks.lookup('network', name, networks_map)
    own = _own_arg_scope(
        arg_scopes_map[name],
        weight_decay=weight_decay,
        is_training=is_training,
        batch_norm_decay=batch_norm_decay,
    )
    with slim.arg_scope(own):
        with slim.arg_scope([layers.batch_norm], **_given(frozen=frozen)):
            with slim.arg_scope([layers.dropout], **_given(seed=dropout_seed)) as own:
                pass

    def network_fn(images, **kwargs):
        with slim.arg_scope(_merged(own, slim.current_arg_scope())):
            return fn(images, num_classes, is_training=is_training, **kwargs)

    network_fn.__name__ = name
    network_fn.__doc__ = fn.__doc__
    # A network that a user added to networks_map may have none.
    if hasattr(fn, 'default_image_size'):
        network_fn.default_image_size = fn.default_image_size
    return network_fn


def _given(**options):
    return {name: value for name, value in options.items() if value is not None}


def _own_arg_scope(arg_scope, **options):
    """Call a network's arg_scope function with those of the arguments that it accepts."""
    accepted = inspect.signature(arg_scope).parameters
    return arg_scope(**{k: v for k, v in _given(**options).items() if k in accepted})


def _merged(own, around):
    """Return a network's own arg_scope, extended by the one around its call.

    Entering a saved arg_scope would replace slim's whole stack and lose the outer arg_scope.
    """
    layers_set = own.keys() | around.keys()
    return {layer: {**own.get(layer, {}), **around.get(layer, {})} for layer in layers_set}
