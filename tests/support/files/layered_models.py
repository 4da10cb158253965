"""Small ONNX networks with several layers, for quantization."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SIDE, CLASSES = 12, 4
# Layer -> (shape of its weights, groups). `middle` is depthwise.
LAYERS = {
    'first': ((8, 3, 3, 3), 1),
    'middle': ((8, 1, 3, 3), 8),
    'third': ((16, 8, 1, 1), 1),
    'last': ((CLASSES, 16, 1, 1), 1),
}
OUTPUTS = {
    'logits:0': ('batch', CLASSES),
    'probabilities:0': ('batch', CLASSES),
    'features:0': ('batch', 16, 1, 1),
}


def weights(seed=0):
    """Return {layer: weights} whose results differ between pictures."""
    generator = np.random.default_rng(seed)
    return {
        name: generator.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype('f')
        for name, (shape, _) in LAYERS.items()
    }


def network(values, last_biases=None):
    """Return the ModelProto of convolutions with ReLU between them, and a mean before the last."""
    nodes = [helper.make_node('Transpose', ['input:0'], ['planes'], perm=[0, 3, 1, 2])]
    found, constants = 'planes', []
    for name, (shape, groups) in LAYERS.items():
        if name == 'last':
            nodes.append(helper.make_node('GlobalAveragePool', [found], ['features:0']))
            found = 'features:0'
        biases = np.zeros(shape[0], 'f')
        if name == 'last' and last_biases is not None:
            biases = last_biases
        bias = numpy_helper.from_array(biases, f'net/{name}/biases:0')
        kernel = numpy_helper.from_array(values[name], f'net/{name}/weights:0')
        constants += [bias, kernel]
        inputs = [found, kernel.name, bias.name]
        nodes.append(helper.make_node('Conv', inputs, [f'{name}/sum'], name=name, group=groups))
        nodes.append(helper.make_node('Relu', [f'{name}/sum'], [f'{name}/relu'], name=f'{name}/r'))
        found = f'{name}/relu'
    nodes.pop()
    nodes.append(helper.make_node('Flatten', ['last/sum'], ['logits:0'], name='flatten'))
    nodes.append(helper.make_node('Softmax', ['logits:0'], ['probabilities:0'], name='softmax'))
    shape = ('batch', SIDE, SIDE, 3)
    graph = helper.make_graph(
        nodes,
        'network',
        [helper.make_tensor_value_info('input:0', TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in OUTPUTS.items()
        ],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)


def pictures(count, seed=1):
    """Return pixels from -1 to 1."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, SIDE, SIDE, 3)).astype('f')
