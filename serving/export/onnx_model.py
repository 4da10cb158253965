"""An ONNX model: preprocessed pixels in, probabilities out."""

import tensorflow.compat.v1 as tf

from common.errors import UserError
from serving.graphdef import graph_edits

_OPSET = 17
_LARGE_BYTES = 2**16  # Larger constants are kept away from tf2onnx.
# Operations that tf2onnx inserts to change the layout of a weight.
_LAYOUT_OPS = frozenset(('Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity'))


def require():
    """Raise a UserError unless the packages for ONNX are installed."""
    try:
        import onnxruntime  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise UserError(
            f'--format=onnx: the package {error.name} is not installed; run scripts/setup_env.sh'
        ) from None


def convert(graph_def, info):
    """Return the bytes of an ONNX model of a frozen graph.

    tf2onnx copies every constant in each of its passes and keeps the copies: 23 GB for VGG. So it
    converts a graph whose weights are inputs, and they are put in afterwards.
    """
    require()
    import tf2onnx

    fed, fetched = info.nodes['input'], info.nodes['probabilities']
    graph_def, weights = _without_weights(_fed_only(graph_def, fed, fetched))
    model, _ = tf2onnx.convert.from_graph_def(
        graph_def,
        input_names=[f'{fed}:0', *weights],
        output_names=[f'{fetched}:0'],
        opset=_OPSET,
    )
    _put_in(model.graph, weights)
    return model.SerializeToString()


def _fed_only(graph_def, fed, fetched):
    """Make the input a placeholder, and remove the decoding of pictures before it."""
    nodes = [
        _placeholder(fed, tf.float32.as_datatype_enum, node.attr['shape'].shape)
        if node.name == fed
        else node
        for node in graph_def.node
    ]
    return graph_edits.needed_for(graph_edits.with_nodes(graph_def, nodes), [fetched])


def _without_weights(graph_def):
    """Return the graph with a placeholder for each large constant, and {tensor name: value}."""
    nodes, weights = [], {}
    for node in graph_def.node:
        value = node.attr['value'].tensor if node.op == 'Const' else None
        if value and value.ByteSize() >= _LARGE_BYTES:
            weights[f'{node.name}:0'] = graph_edits.value_of(node)
            node = _placeholder(node.name, value.dtype, value.tensor_shape)
        nodes.append(node)
    return graph_edits.with_nodes(graph_def, nodes), weights


def _placeholder(name, dtype, shape):
    node = tf.NodeDef(name=name, op='Placeholder')
    node.attr['dtype'].type = dtype
    node.attr['shape'].shape.CopyFrom(shape)
    return node


def _put_in(graph, weights):
    """Replace the inputs for weights by constants in the layout that their readers need."""
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator

    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    values.update(weights)
    laid_out = dict(weights)
    nodes = []
    for node in graph.node:
        is_of_weight = bool(node.input) and node.input[0] in laid_out
        if is_of_weight and node.op_type in _LAYOUT_OPS and values.keys() >= set(node.input):
            feeds = {name: values[name] for name in node.input}
            (value,) = ReferenceEvaluator(node).run(None, feeds)
            laid_out[node.output[0]] = values[node.output[0]] = value
        else:
            nodes.append(node)
    read = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    kept += [numpy_helper.from_array(laid_out[name], name) for name in laid_out if name in read]
    inputs = [each for each in graph.input if each.name not in weights]
    for field, content in (('node', nodes), ('initializer', kept), ('input', inputs)):
        graph.ClearField(field)
        getattr(graph, field).extend(content)


def probabilities(model, images):
    """Run an ONNX model on preprocessed pictures."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    return session.run(None, {session.get_inputs()[0].name: images})[0]
