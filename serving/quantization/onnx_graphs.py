"""Read and change ONNX models, and run them."""

import numpy as np
import onnx
import onnxruntime

from classifiers.verdicts import KINDS

LAYERS = ('Conv', 'Gemm', 'MatMul')
# The last parts of the names of weights, which say nothing about the layer.
_ENDINGS = {
    *('folded_biases', 'folded_weights', 'biases', 'weights'),
    *('Conv2D', 'depthwise', 'BiasAdd'),
}


def session(model):
    """Return a session on the processor for a model."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # Errors.
    data = model if isinstance(model, bytes) else model.SerializeToString()
    return onnxruntime.InferenceSession(data, options, providers=['CPUExecutionProvider'])


def run(model, output, batches):
    """Return one output of a model for batches of pictures."""
    running = session(model)
    fed = running.get_inputs()[0].name
    return np.concatenate([running.run([output], {fed: batch})[0] for batch in batches])


def batch_size(model):
    """Return the number of pictures that a model takes at a time, or 0 for any number."""
    return model.graph.input[0].type.tensor_type.shape.dim[0].dim_value


def copy(model):
    """Return a copy of a model."""
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    return copied


def set_fields(graph, **fields):
    """Replace repeated fields of a graph."""
    for name, content in fields.items():
        content = list(content)
        graph.ClearField(name)
        getattr(graph, name).extend(content)


def float_output(name, shape=None):
    """Return the declaration of a float32 tensor."""
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)


def with_outputs(model, names):
    """Return a copy of a model with float32 outputs of these names instead of its own."""
    changed = copy(model)
    set_fields(changed.graph, output=[float_output(name) for name in names])
    return changed


def float_tensors(model):
    """List the float32 tensors of the network that depend on the input."""
    graph, verdicts = model.graph, verdict_nodes(model)
    values = [*graph.input, *graph.value_info, *graph.output]
    found = {v.name for v in values if v.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
    others = {name for node in graph.node if node.name in verdicts for name in node.output}
    return sorted(found - constants(model).keys() - others)


def constants(model):
    """Return {name: constant} of a model."""
    return {constant.name: constant for constant in model.graph.initializer}


def layers(model):
    """List the nodes of the network that have weights, from the input to the output."""
    known, verdicts = constants(model), verdict_nodes(model)
    return [
        node
        for node in model.graph.node
        if node.op_type in LAYERS and node.input[1] in known and node.name not in verdicts
    ]


def verdict_nodes(model):
    """Return the names of the nodes that only the outputs of the limits need (verdicts.KINDS)."""
    outputs = {output.name for output in model.graph.output}
    verdicts = outputs & {f'{kind}:0' for kind in KINDS}
    return _behind(model, verdicts) - _behind(model, outputs - verdicts)


def _behind(model, tensors):
    """Return the names of the nodes that compute tensors."""
    makers = {name: node for node in model.graph.node for name in node.output}
    found, waiting = set(), list(tensors)
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node.name not in found:
            found.add(node.name)
            waiting += node.input
    return found


def groups(node):
    """Return the number of groups of a convolution."""
    return next((each.i for each in node.attribute if each.name == 'group'), 1)


def label(node):
    """Return the name of a layer for people: its scope in the network if its weights have one."""
    for name in reversed(node.input[1:]):
        parts = name.split(':')[0].split('/')
        while parts[-1] in _ENDINGS and len(parts) > 1:
            parts.pop()
        if len(parts) > 1:
            return '/'.join(parts)
    return node.name
