"""The table of all networks, with the properties of each; it loads without TensorFlow.

`nets_factory` finds the functions that build them.
"""

import dataclasses

from common import checks


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """The properties of a network that is built under its default scope."""

    name: str
    module: str  # In `nets`: it has the functions of the network and of its arg_scope.
    arg_scope: str  # The module's function that returns the arg_scope of the layers.
    image_size: int  # The side of the pictures for which the network was designed.
    preprocessing: str  # One of `preprocessing.recipe_names`.
    features: str  # End point: the features before the last layer and before any dropout.
    # Two end points: one shortly before the features, and one in the middle of the network. Their
    # averages over height and width help to tell whether a picture is of none of the classes.
    earlier: tuple[str, str]
    output_node: str  # Operation: the probabilities, or the logits of a network without them.
    head: str  # Variable scope of the layers that depend on the number of classes.
    auxiliary_head: str | None = None  # The same for the auxiliary classifier.
    predictions: str | None = None  # End point: the probabilities.
    channels: int = 3
    # The network with the same variables under the same scope; this one only pads otherwise.
    padded_form_of: str | None = None
    builder: str | None = None  # The module's function, if its name is not the network's.
    body: tuple[str, ...] = ()  # Top-level scopes, if the network has others than that of its head.

    @property
    def function(self):
        """Return the name of the module's function that builds the network."""
        return self.builder or self.name

    @property
    def scopes(self):
        """Return the top-level scopes that all graphs and checkpoints of the network have."""
        return {self.head.split('/')[0], *self.body}

    def owns(self, variable_name):
        """Return whether a variable with this name can belong to the network."""
        auxiliary = self.auxiliary_head or self.head
        return variable_name.split('/')[0] in {*self.scopes, auxiliary.split('/')[0]}

    @property
    def head_scopes(self):
        """List the variable scopes whose weights depend on the classes."""
        return [scope for scope in (self.head, self.auxiliary_head) if scope]


def _convolutional(name, module, arg_scope, middle, image_size=224):
    """Return the ModelSpec of a network that ends with the convolutions fc6, fc7 and fc8."""
    return ModelSpec(
        name=name,
        module=module,
        arg_scope=arg_scope,
        image_size=image_size,
        preprocessing='vgg',
        features=f'{name}/fc7',
        earlier=(f'{name}/fc6', f'{name}/{middle}'),
        output_node=f'{name}/fc8/squeezed',
        head=f'{name}/fc8',
    )


def _inception(name, image_size, features, earlier, output_node, auxiliary=False, module=None):
    # The name of an output node begins with the network's scope.
    scope = output_node.split('/')[0]
    module = module or name
    return ModelSpec(
        name=name,
        module=module,
        arg_scope=f'{module}_arg_scope',
        image_size=image_size,
        preprocessing='inception',
        features=features,
        earlier=earlier,
        output_node=output_node,
        head=f'{scope}/Logits',
        auxiliary_head=f'{scope}/AuxLogits' if auxiliary else None,
        predictions='Predictions',
        padded_form_of=module if module != name else None,
    )


def _inception_v3(name):
    return _inception(
        name,
        299,
        features='AvgPool_1a',
        earlier=('Mixed_7b', 'Mixed_6b'),
        output_node='InceptionV3/Predictions/Reshape_1',
        auxiliary=True,
        module='inception_v3',
    )


def _inception_v4(name):
    return _inception(
        name,
        299,
        features='global_pool',
        earlier=('Mixed_7c', 'Mixed_6b'),
        output_node='InceptionV4/Logits/Predictions',
        auxiliary=True,
        module='inception_v4',
    )


def _mobilenet_v1(name):
    return ModelSpec(
        name=name,
        module='mobilenet_v1',
        arg_scope='mobilenet_v1_arg_scope',
        image_size=224,
        preprocessing='inception',
        features='AvgPool_1a',
        earlier=('Conv2d_12_pointwise', 'Conv2d_7_pointwise'),
        output_node='MobilenetV1/Predictions/Reshape_1',
        head='MobilenetV1/Logits',
        predictions='Predictions',
    )


def _mobilenet(name, module, scope, earlier, preprocessing='inception', padded_form_of=None):
    return ModelSpec(
        name=name,
        module=f'mobilenet.{module}',
        arg_scope=f'{module}_arg_scope',
        image_size=224,
        preprocessing=preprocessing,
        features='global_pool',
        earlier=earlier,
        output_node=f'{scope}/Predictions/Reshape_1',
        head=f'{scope}/Logits',
        predictions='Predictions',
        padded_form_of=padded_form_of,
    )


def _mobilenet_v2(name, **options):
    return _mobilenet(name, 'mobilenet_v2', 'MobilenetV2', ('layer_18', 'layer_12'), **options)


def _mobilenet_v2b(name, padded_form_of):
    return _mobilenet_v2(name, preprocessing='torch', padded_form_of=padded_form_of)


def _mobilenet_v3(name, earlier):
    return _mobilenet(name, 'mobilenet_v3', 'MobilenetV3', earlier)


def _mobilenet_edgetpu(name):
    return _mobilenet(name, 'mobilenet_v3', 'MobilenetEdgeTPU', earlier=('layer_23', 'layer_15'))


def _resnet(name, module, preprocessing='vgg'):
    return ModelSpec(
        name=name,
        module=module,
        arg_scope='resnet_arg_scope',
        image_size=224,
        preprocessing=preprocessing,
        features='global_pool',
        earlier=(f'{name}/block4/unit_2/bottleneck_{module[-2:]}', f'{name}/block2'),
        output_node=f'{name}/predictions/Reshape_1',
        head=f'{name}/logits',
        predictions='predictions',
    )


_CIFAR_STEM = ('l1_stem_3x3', 'l1_stem_bn')
_IMAGENET_STEM = ('conv0', 'conv0_bn', 'cell_stem_0', 'cell_stem_1')


def _nasnet(
    name, image_size, cells, auxiliary_cell, earlier, stem=_IMAGENET_STEM, padded_form_of=None
):
    """Return the ModelSpec of a network of cells; each cell is a top-level scope."""
    module = name.split('_')[0]
    reductions = ('reduction_cell_0', 'reduction_cell_1') if module == 'nasnet' else ()
    return ModelSpec(
        name=name,
        module=f'nasnet.{module}',
        arg_scope=f'{padded_form_of or name}_arg_scope',
        image_size=image_size,
        preprocessing='cifarnet' if stem == _CIFAR_STEM else 'inception',
        features='global_pool',
        earlier=tuple(f'Cell_{number}' for number in earlier),
        output_node='final_layer/predictions',
        head='final_layer',
        auxiliary_head=f'aux_{auxiliary_cell}',
        predictions='Predictions',
        builder=f'build_{name}',
        padded_form_of=padded_form_of,
        body=(*stem, *reductions, *(f'cell_{number}' for number in range(cells))),
    )


def _small(name, image_size, features, earlier, output_node, head, channels=3):
    """Return the ModelSpec of a network for small pictures; it has a recipe of its own."""
    return ModelSpec(
        name=name,
        module=name,
        arg_scope=f'{name}_arg_scope',
        image_size=image_size,
        preprocessing=name,
        features=features,
        earlier=earlier,
        output_node=output_node,
        head=head,
        predictions='Predictions',
        channels=channels,
    )


_SPECS = (
    _convolutional('alexnet_v2', 'alexnet', 'alexnet_v2_arg_scope', 'conv3'),
    _small(
        'cifarnet',
        32,
        features='fc4',
        earlier=('fc3', 'conv2'),
        output_node='CifarNet/Predictions/Reshape_1',
        head='CifarNet/logits',
    ),
    _convolutional('overfeat', 'overfeat', 'overfeat_arg_scope', 'conv3', image_size=231),
    _convolutional('vgg_a', 'vgg', 'vgg_arg_scope', 'pool3'),
    _convolutional('vgg_16', 'vgg', 'vgg_arg_scope', 'pool3'),
    _convolutional('vgg_19', 'vgg', 'vgg_arg_scope', 'pool3'),
    _inception(
        'inception_v1',
        224,
        features='AvgPool_0a_7x7',
        earlier=('Mixed_5b', 'Mixed_4b'),
        output_node='InceptionV1/Logits/Predictions/Reshape_1',
    ),
    _inception(
        'inception_v2',
        224,
        features='AvgPool_1a',
        earlier=('Mixed_5b', 'Mixed_4b'),
        output_node='InceptionV2/Predictions/Reshape_1',
    ),
    _inception_v3('inception_v3'),
    _inception_v3('inception_v3b'),
    _inception_v4('inception_v4'),
    _inception_v4('inception_v4b'),
    _inception(
        'inception_resnet_v2',
        299,
        features='global_pool',
        earlier=('Mixed_7a', 'Mixed_6a'),
        output_node='InceptionResnetV2/Logits/Predictions',
        auxiliary=True,
    ),
    _small(
        'lenet',
        28,
        features='fc3',
        earlier=('pool2', 'pool1'),
        output_node='Predictions/Reshape_1',
        head='LeNet/fc4',
        channels=1,
    ),
    _resnet('resnet_v1_50', 'resnet_v1'),
    _resnet('resnet_v1_101', 'resnet_v1'),
    _resnet('resnet_v1_152', 'resnet_v1'),
    _resnet('resnet_v1_200', 'resnet_v1'),
    _resnet('resnet_v1b_50', 'resnet_v1', 'torch'),
    _resnet('resnet_v1b_101', 'resnet_v1', 'torch'),
    _resnet('resnet_v1b_152', 'resnet_v1', 'torch'),
    _resnet('resnet_v2_50', 'resnet_v2'),
    _resnet('resnet_v2_101', 'resnet_v2'),
    _resnet('resnet_v2_152', 'resnet_v2'),
    _resnet('resnet_v2_200', 'resnet_v2'),
    _resnet('resnet_v2b_50', 'resnet_v2', 'inception'),
    _resnet('resnet_v2b_101', 'resnet_v2', 'inception'),
    _resnet('resnet_v2b_152', 'resnet_v2', 'inception'),
    _mobilenet_v1('mobilenet_v1'),
    _mobilenet_v1('mobilenet_v1_075'),
    _mobilenet_v1('mobilenet_v1_050'),
    _mobilenet_v1('mobilenet_v1_025'),
    _mobilenet_v2('mobilenet_v2'),
    _mobilenet_v2('mobilenet_v2_140'),
    _mobilenet_v2('mobilenet_v2_035'),
    _mobilenet_v2b('mobilenet_v2b', padded_form_of='mobilenet_v2'),
    _mobilenet_v2b('mobilenet_v2b_140', padded_form_of='mobilenet_v2_140'),
    _mobilenet_v3('mobilenet_v3_large', earlier=('layer_17', 'layer_12')),
    _mobilenet_v3('mobilenet_v3_small', earlier=('layer_13', 'layer_8')),
    _mobilenet_v3('mobilenet_v3_large_minimalistic', earlier=('layer_17', 'layer_12')),
    _mobilenet_v3('mobilenet_v3_small_minimalistic', earlier=('layer_13', 'layer_8')),
    _mobilenet_edgetpu('mobilenet_edgetpu'),
    _mobilenet_edgetpu('mobilenet_edgetpu_075'),
    _nasnet('nasnet_cifar', 32, 18, auxiliary_cell=11, earlier=(16, 6), stem=_CIFAR_STEM),
    _nasnet('nasnet_mobile', 224, 12, auxiliary_cell=7, earlier=(10, 4)),
    _nasnet('nasnet_large', 331, 18, auxiliary_cell=11, earlier=(16, 6)),
    _nasnet(
        'nasnet_large_b', 331, 18, auxiliary_cell=11, earlier=(16, 6), padded_form_of='nasnet_large'
    ),
    _nasnet(
        'nasnet_mobile_c',
        224,
        12,
        auxiliary_cell=7,
        earlier=(10, 4),
        padded_form_of='nasnet_mobile',
    ),
    _nasnet(
        'nasnet_large_c', 331, 18, auxiliary_cell=11, earlier=(16, 6), padded_form_of='nasnet_large'
    ),
    _nasnet('pnasnet_mobile', 224, 9, auxiliary_cell=5, earlier=(7, 3)),
    _nasnet('pnasnet_large', 331, 12, auxiliary_cell=7, earlier=(10, 4)),
)

MODELS = {spec.name: spec for spec in _SPECS}


def get_spec(name):
    """Return the ModelSpec of a network; an unknown name is a UserError that lists the known."""
    return checks.lookup('network', name, MODELS)


def without_padded_forms(names):
    """Leave out the networks of which another one in the list has the same variables."""
    return [name for name in names if MODELS[name].padded_form_of not in names]


def networks_of(scopes):
    """List the networks to which a graph or a checkpoint with these top-level scopes can belong.

    A network that has fewer of the scopes than another one is not among them: a small NASNet has
    no scope that a large one lacks.
    """
    present = set(scopes)
    found = {name: spec.scopes for name, spec in MODELS.items() if spec.scopes <= present}
    return [name for name, own in found.items() if not any(own < other for other in found.values())]
