"""Variables that are constants of a frozen graph of TensorFlow, under the names of the variables.

Only constants are read; no operation of the graph runs.
"""

import functools
import math

import tensorflow as tf
from google.protobuf import message, text_format
from tensorflow.core.framework import graph_pb2

from common import text
from common.errors import UserError
from weights.readers import retrained_graphs
from weights.sources import FOLDED, SLIM, Source, Tensor

_ROLES = (
    'weights', 'depthwise_weights', 'pointwise_weights', 'biases',
    'gamma', 'beta', 'moving_mean', 'moving_variance', 'conv2d_params',
    'folded_weights', 'folded_biases',
)  # fmt: skip
_MOST_NUMBERS = 1 << 28  # A constant may repeat one number without end.
_UNFROZEN = ('Variable', 'VariableV2', 'VarHandleOp')
_TYPES = tuple(kind.as_datatype_enum for kind in (tf.float32, tf.float64, tf.float16, tf.bfloat16))


def read(path):
    """Return the Source of a graph."""
    graph_def = _parse(path)
    _refuse(path, graph_def)
    read_of = {node.input[0] for node in graph_def.node if node.name.endswith('/read')}
    tensors = {}
    for node in graph_def.node:
        if node.op != 'Const' or node.attr['dtype'].type not in _TYPES:
            continue
        if node.name in read_of or node.name.rpartition('/')[2] in _ROLES:
            value = node.attr['value'].tensor
            shape = tuple(side.size for side in value.tensor_shape.dim)
            tensors[node.name] = Tensor(shape, functools.partial(_value, path, node.name, value))
    if not tensors:
        raise UserError(f'{path}: has no constants with the names of variables')
    return Source(path, SLIM, retrained_graphs.unified(path, tensors), _metadata(graph_def))


def _parse(path):
    try:
        with open(path, 'rb') as stream:
            data = stream.read()
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    try:
        return graph_pb2.GraphDef.FromString(data)
    except message.DecodeError:
        pass
    try:
        return text_format.Parse(data.decode('utf-8'), graph_pb2.GraphDef())
    except (text_format.ParseError, UnicodeDecodeError):
        raise UserError(f'{path}: damaged, or not a graph of TensorFlow') from None


def _refuse(path, graph_def):
    """Raise a UserError for a graph whose constants are not the weights."""
    operations = {node.op for node in graph_def.node}
    if not operations.isdisjoint(_UNFROZEN):
        raise UserError(
            f'{path}: has variables without values; name the checkpoint that belongs to it'
        )
    quantized = sorted(name for name in operations if name.startswith(('Quantize', 'FakeQuant')))
    if quantized:
        raise UserError(
            f'{path}: computes with 8-bit numbers ({quantized[0]}), which the networks here do '
            'not; name the graph or the checkpoint that it was made from'
        )


def _value(path, name, value):
    if math.prod(side.size for side in value.tensor_shape.dim) > _MOST_NUMBERS:
        raise UserError(f'{path}: {text.printable(name)} is larger than any weights here')
    try:
        return tf.make_ndarray(value)
    except (TypeError, ValueError) as error:
        raise UserError(f'{path}: {text.printable(name)} cannot be read ({error})') from None


def _metadata(graph_def):
    """Return that it is a graph, and what it shows of its input."""
    found = {'is_graph': True}
    for node in graph_def.node:
        if node.op == 'BiasAdd' and node.input[1].endswith('/folded_biases'):
            convolution = node.input[1].removesuffix('/folded_biases')
            found.setdefault(FOLDED, {})[convolution] = node.name
        if node.op in ('Placeholder', 'PlaceholderWithDefault'):
            sides = [side.size for side in node.attr['shape'].shape.dim]
            if len(sides) == 4 and sides[1] == sides[2] > 0:
                found.setdefault('image_size', sides[1])
        # Modules of TensorFlow Hub take values from 0 to 1, and those of TF-Slim double them here.
        if node.name.endswith('/hub_input/Mul'):
            found['preprocessing'] = 'inception'
    return found
