"""An ONNX model: preprocessed pixels in, probabilities out."""

import os

import tensorflow.compat.v1 as tf

from common.errors import UserError
from serving import graph_edits

_OPSET = 17


def require():
    """Raise a UserError unless the optional packages for ONNX are installed."""
    try:
        import onnxruntime  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise UserError(
            f'--format=onnx: the package {error.name} is not installed:'
            ' pip install "slim-image-classifier[onnx]"'
        ) from None


def convert(graph_def, info):
    """Return the bytes of an ONNX model of a frozen graph."""
    # Otherwise tf2onnx copies the graph before each of its passes, to have it back should one fail:
    # twice the memory, which for AlexNet's 185 MB was 16 GB, and twice the time.
    os.environ.setdefault('TF2ONNX_CATCH_ERRORS', 'FALSE')
    require()
    import tf2onnx

    fed, fetched = info.nodes['input'], info.nodes['probabilities']
    graph_def = _fed_only(graph_def, fed, fetched)
    model, _ = tf2onnx.convert.from_graph_def(
        graph_def, input_names=[f'{fed}:0'], output_names=[f'{fetched}:0'], opset=_OPSET
    )
    return model.SerializeToString()


def _fed_only(graph_def, fed, fetched):
    """Make the input a plain placeholder, without the pictures that it is computed from."""
    nodes = []
    for node in graph_def.node:
        if node.name == fed:
            placeholder = tf.NodeDef(name=fed, op='Placeholder')
            placeholder.attr['dtype'].type = tf.float32.as_datatype_enum
            placeholder.attr['shape'].CopyFrom(node.attr['shape'])
            node = placeholder
        nodes.append(node)
    return graph_edits.needed_for(graph_edits.with_nodes(graph_def, nodes), [fetched])


def probabilities(model, images):
    """Return what an ONNX model makes of preprocessed pictures."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    return session.run(None, {session.get_inputs()[0].name: images})[0]
