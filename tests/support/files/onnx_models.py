"""Small ONNX models with a description: drawn by hand, or made from a frozen graph."""

import os

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from classifiers import model_info
from classifiers.model_info import ModelInfo
from classifiers.verdicts import KINDS
from common import files

CLASSES = ('daisy', 'dandelion', 'roses', 'sunflowers', 'tulips')
SIDE = 28
INFO = ModelInfo(
    model_name='lenet',
    num_classes=len(CLASSES),
    image_size=SIDE,
    channels=1,
    preprocessing_name='lenet',
    class_names=CLASSES,
    nodes={name: name for name in ('input', 'logits', 'probabilities')},
)


def weights(seed=0):
    """Return the weights of a network with one layer."""
    return np.random.default_rng(seed).normal(0, 0.05, (SIDE * SIDE, len(CLASSES))).astype('f')


def network(
    matrix,
    shape=('batch', SIDE, SIDE, 1),
    outputs=('logits:0', 'probabilities:0'),
    inputs=('input:0',),
    dtype=TensorProto.FLOAT,
):
    """Return the ModelProto of a network that multiplies the pixels with a matrix."""
    nodes = [
        helper.make_node('Cast', ['input:0'], ['pixels'], to=TensorProto.FLOAT),
        helper.make_node('Flatten', ['pixels'], ['flat']),
        helper.make_node('MatMul', ['flat', 'weights'], ['logits:0']),
        helper.make_node('Softmax', ['logits:0'], ['probabilities:0']),
    ]
    graph = helper.make_graph(
        nodes,
        'network',
        [helper.make_tensor_value_info(name, dtype, shape) for name in inputs],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, (shape[0], matrix.shape[1]))
            for name in outputs
        ],
        [numpy_helper.from_array(matrix, 'weights')],
    )
    opset = helper.make_opsetid('', 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8, producer_name='tests')


def write(directory, name='lenet', precision='float32', model=None, info=INFO, **options):
    """Write NAME.onnx (or NAME.int8.onnx) and list it in NAME.json; return its path."""
    path = os.path.join(directory, name + model_info.ONNX_ENDINGS[precision])
    model = model or network(weights(), **options)
    with open(path, 'wb') as stream:
        stream.write(model if isinstance(model, bytes) else model.SerializeToString())
    description = os.path.join(directory, f'{name}.json')
    if os.path.exists(description):
        info = model_info.read(description)
    listed = {**info.onnx, precision: files.digest(path)}
    model_info.write(description, info.replace(onnx=listed))
    return path


def write_beside(graph):
    """Write X.onnx beside a frozen graph X.pb, and list it in X.json; return its path."""
    # Late: they import TensorFlow.
    from serving.export.onnx import onnx_model
    from serving.graphdef import graph_nodes

    info = model_info.read_beside(graph)
    kinds = ('probabilities', *(kind for kind in KINDS if kind in info.nodes))
    pixel_graph = onnx_model.PixelGraph.of(graph_nodes.read_graph_def(graph), info, kinds)
    model = onnx_model.convert(pixel_graph)
    directory, name = os.path.split(model_info.stem(graph))
    return write(directory, name, model=model)
