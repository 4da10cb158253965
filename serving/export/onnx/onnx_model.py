"""An ONNX model: preprocessed pixels in, probabilities out."""

import dataclasses
import logging

import numpy as np
import tensorflow.compat.v1 as tf

from common import logs
from common.errors import UserError
from serving.graphdef import graph_edits, light_graphs

_OPSET = 17
# Operations that tf2onnx inserts to change the layout of a weight.
_LAYOUT_OPS = frozenset(('Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity'))


def require():
    """Raise a UserError unless the packages for ONNX are installed."""
    if problem := missing_package():
        raise UserError(f'--format=onnx: {problem}')


def missing_package():
    """Return which package for ONNX is not installed and what to do, or ''."""
    try:
        import onnxruntime  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        return f'the package {error.name} is not installed; run scripts/setup_env.sh'
    return ''


@dataclasses.dataclass(frozen=True)
class PixelGraph:
    """The part of a frozen graph that computes outputs from pixels.

    Its large constants are placeholders. tf2onnx copies every constant in each of its passes and
    keeps the copies, 23 GB for VGG, and TensorFlow copies them several times.
    """

    graph_def: tf.GraphDef
    weights: dict[str, np.ndarray]  # By the names of tensors.
    fed: str  # The names of tensors.
    fetched: tuple[str, ...]

    @classmethod
    def of(cls, graph_def, info, kinds=('probabilities',)):
        """Take the part from a frozen graph that computes outputs of these kinds."""
        light, weights = light_graphs.without_weights(graph_def)
        nodes = [
            light_graphs.placeholder(
                node.name, tf.float32.as_datatype_enum, node.attr['shape'].shape
            )
            if node.name == info.nodes['input']  # Without the decoding of pictures before it.
            else node
            for node in light.node
        ]
        fetched = dict.fromkeys(info.nodes[kind] for kind in kinds)
        needed = graph_edits.needed_for(graph_edits.with_nodes(light, nodes), fetched)
        present = {f'{node.name}:0' for node in needed.node}
        return cls(
            graph_edits.without_devices(needed),
            {name: value for name, value in weights.items() if name in present},
            info.tensor('input'),
            tuple(f'{name}:0' for name in fetched),
        )

    @property
    def batch_size(self):
        """Return the number of pictures that the graph takes, or None if it takes any number."""
        node = graph_edits.nodes_by_name(self.graph_def)[graph_edits.node_name(self.fed)]
        sizes = node.attr['shape'].shape.dim
        return sizes[0].size if sizes and sizes[0].size > 0 else None

    def run(self, images, tensors):
        """Run the graph on preprocessed pictures; `tensors` is their names in any structure."""
        with tf.Graph().as_default() as graph, graph_edits.session(graph) as session:
            tf.import_graph_def(self.graph_def, name='')
            return session.run(tensors, {self.fed: images, **self.weights})


def convert(pixel_graph):
    """Return the bytes of an ONNX model of a PixelGraph."""
    require()
    # What matters in the log of tf2onnx is also raised.
    with logs.at_level('tf2onnx', logging.CRITICAL):
        model = _converted(pixel_graph)
    _put_in(model.graph, pixel_graph.weights)
    return model.SerializeToString()


def _converted(pixel_graph):
    """Run the steps of `tf2onnx.convert.from_graph_def` with its errors and without its copies.

    That function leaves operations in the model for which ONNX has none, and copies the graph
    before each of 24 optimizations, which takes half of its time.
    """
    import tf2onnx

    graph_def, outputs = _with_vectors(pixel_graph.graph_def), list(pixel_graph.fetched)
    inputs = [pixel_graph.fed, *pixel_graph.weights]
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name='')
        graph_def = tf2onnx.tf_loader.tf_optimize(inputs, outputs, graph_def)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name='')
        model = tf2onnx.tfonnx.process_tf_graph(
            graph, opset=_OPSET, input_names=inputs, output_names=outputs
        )
        model = tf2onnx.optimizer.optimize_graph(model, catch_errors=False)
    return model.make_model('a frozen graph')


def _with_vectors(graph_def):
    """Return a graph whose additions of a number add a vector of one number.

    tf2onnx takes what is added to a convolution without biases for its biases, and fails if it has
    no dimension.
    """
    readers = graph_edits.readers(graph_def)
    nodes = []
    for node in graph_def.node:
        read_by = {reader.op for reader in readers[node.name]}
        if node.op == 'Const' and not node.input and {'Add', 'AddV2'} >= read_by > set():
            value = graph_edits.value_of(node)
            if value.dtype == np.float32 and value.ndim == 0:
                node = graph_edits.constant(node.name, value.reshape(1))
        nodes.append(node)
    return graph_edits.with_nodes(graph_def, nodes)


def _put_in(graph, weights):
    """Replace the inputs for weights by constants in the layout that their readers need.

    A weight that is read in two layouts is stored once; ONNX Runtime makes the other one.
    """
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator

    from serving.quantization import onnx_graphs

    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    values.update(weights)
    as_they_are = {
        name for node in graph.node if node.op_type not in _LAYOUT_OPS for name in node.input
    }
    laid_out = dict(weights)
    nodes = []
    for node in graph.node:
        is_of_weight = bool(node.input) and node.input[0] in laid_out.keys() - as_they_are
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
    onnx_graphs.set_fields(graph, node=nodes, initializer=kept, input=inputs)


def outputs(model, info, kinds, images):
    """Run an ONNX model on preprocessed pictures; return {kind: array}."""
    from serving.quantization import onnx_graphs

    fetched = [info.tensor(kind) for kind in kinds]
    found = onnx_graphs.session(model).run(fetched, {info.tensor('input'): images})
    return dict(zip(kinds, found, strict=True))
