"""A network here as a target for weights: its variables, and what batch norms and input do."""

import dataclasses

import tensorflow.compat.v1 as tf

from classifiers import build, scopes
from nets import model_specs

_CONVOLUTIONS = ('Conv2D', 'DepthwiseConv2dNative')
_VARIABLES = ('VariableV2', 'VarHandleOp', 'Variable')


@dataclasses.dataclass(frozen=True)
class Target:
    """A network without values."""

    name: str
    variables: dict[str, tuple[int, ...]]  # In the order of the layers.
    epsilons: dict[str, float]  # Scope of a batch norm -> its epsilon.
    first: str  # The weights of the layer that reads the pictures.
    pads: bool  # Whether this layer pads them.


def of(info, with_auxiliary_head):
    """Build the network of a ModelInfo, and return it as a Target."""
    with tf.Graph().as_default():
        classifier = build.build(info, with_bytes=False, is_training=True)
        variables = {
            variable.op.name: tuple(variable.shape.as_list())
            for variable in classifier.network.variables
        }
        epsilons = dict(_epsilons(tf.get_default_graph()))
        first, pads = _first_layer(classifier.input)
    auxiliary = model_specs.get_spec(info.model_name).auxiliary_head
    if auxiliary and not with_auxiliary_head:
        variables = {
            name: shape
            for name, shape in variables.items()
            if not scopes.within(name, [f'{auxiliary}/'])
        }
    return Target(info.model_name, variables, epsilons, first, pads)


def _epsilons(graph):
    """Yield (scope, epsilon) of each batch norm; its offset is the variable `beta`."""
    for operation in graph.get_operations():
        if operation.type.startswith('FusedBatchNorm') and 'Grad' not in operation.type:
            beta = variable_of(operation.inputs[2])
            if beta:
                yield beta.rpartition('/')[0], operation.get_attr('epsilon')


def variable_of(tensor):
    """Return the name of the variable that a tensor has the value of, or ''."""
    operation = tensor.op
    while operation.type not in _VARIABLES:
        if not operation.inputs:
            return ''
        operation = operation.inputs[0].op
    return operation.name


def _first_layer(pictures):
    """Return (the weights of the convolution that reads the pictures, whether it pads them)."""
    pads, tensor = False, pictures
    while True:
        consumers = tensor.consumers()
        convolutions = [each for each in consumers if each.type in _CONVOLUTIONS]
        if convolutions:
            pads = pads or convolutions[0].get_attr('padding') != b'VALID' or len(consumers) > 1
            return variable_of(convolutions[0].inputs[1]), pads
        pads = pads or [each.type for each in consumers] != ['Identity']
        tensor = consumers[0].outputs[0]
