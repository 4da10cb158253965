"""Find the inputs and outputs of a GraphDef."""

import dataclasses

import tensorflow.compat.v1 as tf

from common.errors import UserError
from nets import model_specs
from serving.graphdef import graph_edits, proto_files, variables

_INPUTS = ('Placeholder', 'PlaceholderV2', 'PlaceholderWithDefault')
_DECODING = ('DecodeBmp', 'DecodeGif', 'DecodeImage', 'DecodeJpeg', 'DecodePng')
_LEARNT = (
    'BatchMatMul',
    'BatchMatMulV2',
    'Conv2D',
    'DepthwiseConv2dNative',
    'Einsum',
    'MatMul',
)
_NEVER_AN_OUTPUT = (
    *_INPUTS,
    *variables.KINDS,
    'Assert',
    'Assign',
    'AssignVariableOp',
    'Const',
    'NoOp',
    'Print',
    'RestoreV2',
    'SaveV2',
    'Shape',
)


@dataclasses.dataclass(frozen=True)
class Input:
    """A node that can be fed; a shape of None has unknown rank."""

    name: str
    dtype: tf.DType
    shape: tuple | None


def read_graph_def(path):
    """Read a GraphDef in binary or text form; raise a UserError for other files."""
    graph_def = proto_files.read(path, tf.GraphDef)
    if not graph_def.node:
        raise UserError(f'{path}: holds no graph: a GraphDef (.pb) is needed')
    return graph_def


def read_meta_graph(path):
    """Read a MetaGraphDef in binary or text form; raise a UserError for other files."""
    meta_graph = proto_files.read(path, tf.MetaGraphDef)
    if not meta_graph.graph_def.node:
        raise UserError(f'{path}: holds no graph: a MetaGraph (.meta) is needed')
    return meta_graph


def inputs(graph_def):
    """List the nodes that can be fed, as `Input`s."""
    return [
        Input(
            node.name, tf.as_dtype(node.attr[_type_attribute(node)].type), _shape(graph_def, node)
        )
        for node in graph_def.node
        if node.op in _INPUTS
    ]


def _type_attribute(node):
    return 'dtype' if 'dtype' in node.attr else 'T'


def _shape(graph_def, node):
    shape = node.attr['shape'].shape if 'shape' in node.attr else None
    if shape is None or shape.unknown_rank:
        return None
    # Before version 24 a missing shape was stored as that of a scalar.
    if not shape.dim and node.op == 'Placeholder' and graph_def.versions.producer < 24:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in shape.dim)


def likely_outputs(graph_def):
    """List nodes that depend on weights and that nothing reads; else all that nothing reads."""
    readers = graph_edits.readers(graph_def)
    unread = [
        node.name
        for node in graph_def.node
        if not readers[node.name] and node.op not in _NEVER_AN_OUTPUT
    ]
    learnt = {node.name for node in graph_def.node if node.op in _LEARNT}
    learnt.update([later.name for later in _behind(learnt, readers)])
    return [name for name in unread if name in learnt] or unread


def softmax_outputs(graph_def):
    """List the softmaxes without weights after them: they give classes and are no attention."""
    readers = graph_edits.readers(graph_def)
    return [
        node.name
        for node in graph_def.node
        if node.op == 'Softmax'
        and not any(later.op in _LEARNT for later in _behind([node.name], readers))
    ]


def sources(graph_def, output, fed=None):
    """Return the names of the nodes that `output` depends on, without those behind `fed`."""
    nodes = graph_edits.nodes_by_name(graph_def)
    found, stack = {fed}, [output]
    while stack:
        name = stack.pop()
        if name not in found and name in nodes:
            found.add(name)
            stack += [graph_edits.node_name(edge) for edge in nodes[name].input]
    return found - {fed}


def needed_inputs(graph_def, output, fed=None):
    """List the placeholders without a default that `output` needs when `fed` is fed."""
    depends_on = sources(graph_def, output, fed)
    return sorted(
        node.name
        for node in graph_def.node
        if node.name in depends_on and node.op in ('Placeholder', 'PlaceholderV2')
    )


def decoded_constants(graph_def, output):
    """List the constants that `output` needs and that are decoded as pictures."""
    depends_on = sources(graph_def, output)
    decoded = {
        graph_edits.node_name(node.input[0])
        for node in graph_def.node
        if node.name in depends_on and node.op in _DECODING and node.input
    }
    return sorted(decoded & graph_edits.constants(graph_def).keys())


def networks(graph_def):
    """List the networks of `nets` whose scopes the graph's nodes have."""
    return model_specs.networks_of({_scope(node.name) for node in graph_def.node})


def _scope(name):
    parts = name.split('/')
    return parts[1] if parts[0] == 'import' and len(parts) > 1 else parts[0]


def _behind(names, readers):
    """Yield every node that depends on one of the nodes `names`."""
    seen, stack = set(), list(names)
    while stack:
        for node in readers[stack.pop()]:
            if node.name not in seen:
                seen.add(node.name)
                stack.append(node.name)
                yield node
