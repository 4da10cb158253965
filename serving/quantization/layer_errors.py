"""Measure how much error the quantization of each layer adds, and remove its mean."""

import collections
import dataclasses

import numpy as np
import onnx

from serving.quantization import onnx_graphs

_PREFIX = 'int8/'
# The quantizer gives an output of the graph to its integers, and the float32 tensor this ending.
_OUTPUT_ENDING = '_QuantizeLinear_Input'


@dataclasses.dataclass
class LayerError:
    """The error of a layer's output, over some pictures."""

    difference: np.ndarray | float = 0.0  # Sum for each channel.
    squared_difference: float = 0.0
    squared_output: float = 0.0
    values: int = 0  # For each channel.

    def add(self, expected, found):
        """Add the outputs for a batch: [pictures, channels, ...]."""
        difference = expected - found
        others = tuple(axis for axis in range(difference.ndim) if axis != 1)
        self.difference = self.difference + difference.sum(axis=others, dtype=np.float64)
        self.squared_difference += float(np.square(difference).sum())
        self.squared_output += float(np.square(expected).sum())
        self.values += difference.size // difference.shape[1]

    @property
    def mean(self):
        """Return the mean error of each channel."""
        return (self.difference / self.values).astype(np.float32)

    @property
    def relative(self):
        """Return what remains of the error without its mean, relative to the output."""
        remaining = self.squared_difference - float(np.square(self.difference).sum()) / self.values
        return max(remaining, 0.0) / max(self.squared_output, 1e-12)


def measure(model, quantized, batches):
    """Return {layer: LayerError} of the quantized layers, given correct inputs.

    One pass measures all layers: each quantized layer computes its output from the tensors of the
    float32 model.
    """
    alone, fed, found_outputs = _separated(quantized)
    outputs = {n.name: n.output[0] for n in onnx_graphs.layers(model) if n.name in found_outputs}
    pixels = model.graph.input[0].name
    sources = {name: name.removesuffix(_OUTPUT_ENDING) for name in fed}
    wanted = sorted({*sources.values(), *outputs.values()} - {pixels})
    whole = onnx_graphs.session(onnx_graphs.with_outputs(model, wanted))
    separate = onnx_graphs.session(alone)
    errors = collections.defaultdict(LayerError)
    for batch in batches:
        values = dict(zip(wanted, whole.run(None, {pixels: batch}), strict=True))
        values[pixels] = batch
        names = [found_outputs[layer] for layer in outputs]
        found = separate.run(names, {name: values[sources[name]] for name in fed})
        for layer, value in zip(outputs, found, strict=True):
            errors[layer].add(values[outputs[layer]], value)
    return dict(errors)


def corrected(model, errors, float_layers):
    """Return a copy of a model with biases that remove the mean errors of its quantized layers.

    Rounded weights shift the mean of each channel. In the thin layers of MobileNet this is most of
    the error. Nagel et al. 2019, "Data-Free Quantization", section 4.2.
    """
    result = onnx_graphs.copy(model)
    constants = onnx_graphs.constants(model)
    for node in onnx_graphs.layers(result):
        has_bias = len(node.input) > 2 and node.input[2] in constants
        if has_bias and node.name in errors and node.name not in float_layers:
            bias = onnx.numpy_helper.to_array(constants[node.input[2]]) + errors[node.name].mean
            # Another layer may use the same bias.
            node.input[2] = f'{node.input[2]}/{node.name}'
            result.graph.initializer.append(onnx.numpy_helper.from_array(bias, node.input[2]))
    return result


def output_error(expected, found):
    """Return the error of results relative to the results."""
    return float(np.square(found - expected).sum() / max(np.square(expected).sum(), 1e-12))


def _separated(quantized):
    """Return (model whose quantized layers are separate, its inputs, {layer: its output})."""
    constants = onnx_graphs.constants(quantized)
    conversions = [
        node
        for node in quantized.graph.node
        if node.op_type in ('QuantizeLinear', 'DequantizeLinear')
    ]
    dequantized = {n.output[0] for n in conversions if n.op_type == 'DequantizeLinear'}
    quantizing = [n.input[0] for n in conversions if n.op_type == 'QuantizeLinear']
    fed = [name for name in quantizing if name not in constants]
    layers, outputs = [], {}
    for node in quantized.graph.node:
        if node.op_type in onnx_graphs.LAYERS and dequantized >= set(node.input[:2]):
            layer = onnx.NodeProto()
            layer.CopyFrom(node)
            layer.output[0] = outputs[node.name] = f'{_PREFIX}{node.output[0]}'
            layers.append(layer)
    alone = onnx_graphs.copy(quantized)
    onnx_graphs.set_fields(
        alone.graph,
        node=[*conversions, *layers],
        input=[onnx_graphs.float_output(name) for name in fed],
        output=[onnx_graphs.float_output(name) for name in outputs.values()],
        value_info=[],
    )
    return alone, fed, outputs
