"""An ONNX model: preprocessed pixels in, probabilities out."""

import os

import tensorflow.compat.v1 as tf

from common.errors import UserError
from serving import graph_edits

_OPSET = 17
# What tf2onnx takes at its peak for each byte of weights: 8 GB for AlexNet v2, 11 for
# Inception-ResNet v2, more than 23 for VGG.
_MEMORY_PER_BYTE = 45


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


def _require_memory(graph_def):
    """Raise a UserError where the system would kill the program in the middle of it."""
    needed, free = _MEMORY_PER_BYTE * graph_def.ByteSize(), _free_memory()
    if free is not None and needed > free:
        raise UserError(
            f'--format=onnx: this network takes about {needed / 1e9:.0f} GB of memory to convert, '
            f'and {free / 1e9:.0f} GB are free; free some, or convert on a larger machine'
        )


def _free_memory():
    """Return how many bytes programs can still have, or None where the system does not say."""
    try:
        with open('/proc/meminfo', encoding='ascii') as stream:
            line = next(line for line in stream if line.startswith('MemAvailable:'))
    except (OSError, StopIteration):
        return None
    return 1024 * int(line.split()[1])


def convert(graph_def, info):
    """Return the bytes of an ONNX model of a frozen graph."""
    # Otherwise tf2onnx copies the graph before each of its passes, to have it back should one fail:
    # twice the memory, which for AlexNet's 185 MB was 16 GB, and twice the time.
    os.environ.setdefault('TF2ONNX_CATCH_ERRORS', 'FALSE')
    require()
    _require_memory(graph_def)
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
