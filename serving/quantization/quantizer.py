"""Quantize a model: 8-bit weights for each channel, and 8-bit tensors between the layers."""

import logging

import numpy as np
import onnx
from onnxruntime.quantization import QDQQuantizer, QuantType
from onnxruntime.quantization.quant_utils import add_infer_metadata

from common import logs
from serving.quantization import onnx_graphs, rounding

# A chain of these stays in integers from one layer to the next.
_OPERATIONS = (
    *onnx_graphs.LAYERS,
    *('Add', 'Concat', 'Relu', 'Clip', 'MaxPool', 'AveragePool', 'GlobalAveragePool'),
    *('Reshape', 'Squeeze', 'Transpose'),
)
_LOWEST = 'the lowest float32'


def inferred(data):
    """Return a model with the type of every tensor, which the quantizer needs, from its bytes."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(data))
    add_infer_metadata(model)
    return model


def largest_weight(reduce_range):
    """Return the largest integer of the weights."""
    return 64 if reduce_range else 127


def quantized(model, ranges, float_layers, reduce_range, integers=None):
    """Return the quantized copy of an inferred model.

    The layers named in `float_layers` stay float32, and so does the last layer, because its
    output is the result, and the limits, because distances do not survive 8 bits.
    `reduce_range` gives weights 7 bits: processors without VNNI add pairs of products in 16
    bits, and 8 bits can overflow them. Depthwise layers keep 8 bits, because their kernels add
    in 32 bits. `integers` are weights from `rounding.integers`; all others are rounded to the
    nearest integer.
    """
    kept = {*float_layers, *_last_nodes(model), *onnx_graphs.verdict_nodes(model)}
    overrides = _depthwise_overrides(model, kept) if reduce_range else {}
    # The quantizer writes its remarks to the root logger.
    with logs.at_level(None, logging.ERROR):
        quantizer = QDQQuantizer(
            onnx_graphs.copy(model),
            True,  # Per channel.
            reduce_range,
            QuantType.QInt8,
            QuantType.QUInt8,
            ranges,
            [],
            sorted(kept),
            list(_OPERATIONS),
            {'TensorQuantOverrides': overrides},
        )
        quantizer.quantize_model()
    result = quantizer.model.model
    rounding.replace(result, integers or {})
    _protect(result, kept)
    return result


def _last_nodes(model):
    """Return the names of the last layer and of what follows it."""
    names = [node.name for node in model.graph.node]
    found = onnx_graphs.layers(model)
    return names[names.index(found[-1].name) :] if found else names


def _depthwise_overrides(model, kept):
    constants, overrides = onnx_graphs.constants(model), {}
    for node in onnx_graphs.layers(model):
        groups = onnx_graphs.groups(node)
        shape = constants[node.input[1]].dims
        if node.name not in kept and groups > 1 and list(shape[:2]) == [groups, 1]:
            whole = {'quant_type': QuantType.QInt8, 'reduce_range': False, 'axis': 0}
            overrides[node.input[1]] = [whole]
    return overrides


def _protect(model, kept):
    """Insert an operation that changes nothing before each float32 layer between quantized ones.

    ONNX Runtime's WeightBiasQuantization would quantize such a layer after all, with one scale for
    all of its channels.
    """
    quantized_tensors = {
        node.output[0] for node in model.graph.node if node.op_type == 'DequantizeLinear'
    }
    nodes = []
    for node in model.graph.node:
        is_layer = node.op_type in onnx_graphs.LAYERS and node.name in kept
        if is_layer and node.input[0] in quantized_tensors:
            unchanged = f'{node.name}/unchanged'
            nodes.append(onnx.helper.make_node('Max', [node.input[0], _LOWEST], [unchanged]))
            node.input[0] = unchanged
        nodes.append(node)
    if len(nodes) > len(model.graph.node):
        lowest = np.array(np.finfo(np.float32).min, np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(lowest, _LOWEST))
        onnx_graphs.set_fields(model.graph, node=nodes)
