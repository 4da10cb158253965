"""Edit a GraphDef: find dependencies and remove nodes that no result needs."""

import collections

import tensorflow.compat.v1 as tf
from tensorflow.python.framework import op_def_registry

# They return their input: remains of training, of debugging and of variables.
_ALIASES = {'Identity', 'StopGradient', 'PreventGradient', 'CheckNumerics', 'Snapshot'}
# After these a node that returns its input marks a branch or an iteration of a loop.
_BRANCHES = {'Switch', 'Enter', 'Exit', 'NextIteration'}
_WRITES = ('Assign', 'Scatter', 'ResourceScatter', 'ResourceApply', 'Apply')


def session(graph):
    """Open a session on the CPU: a training or a server may need the GPU's memory."""
    return tf.Session(graph=graph, config=tf.ConfigProto(device_count={'GPU': 0}))


def operation_definition(name):
    """Return TensorFlow's definition (OpDef) of an operation, or None if there is none.

    The table has no public name: `Operation.op_def` exists only after the graph was imported, which
    must not happen to a graph that was not checked, and `tf.raw_ops` lacks internal operations.
    """
    return op_def_registry.get(name)


def node_name(edge):
    """Return the node that an input like `^node` or `node:1` comes from."""
    return edge.removeprefix('^').split(':')[0]


def nodes_by_name(graph_def):
    """Return {name: NodeDef}."""
    return {node.name: node for node in graph_def.node}


def readers(graph_def):
    """Return {name: nodes that read one of its outputs, once per edge}."""
    found = collections.defaultdict(list)
    for node in graph_def.node:
        for edge in node.input:
            found[node_name(edge)].append(node)
    return found


def constant(name, value):
    """Make a Const node."""
    value_proto = tf.make_tensor_proto(value)
    node = tf.NodeDef(name=name, op='Const')
    node.attr['dtype'].type = value_proto.dtype
    node.attr['value'].tensor.CopyFrom(value_proto)
    return node


def constants(graph_def):
    """Return {name: Const node} of the constants without control inputs."""
    return {node.name: node for node in graph_def.node if node.op == 'Const' and not node.input}


def type_of(node):
    """Return a node's type attribute `T` as an enumerated value, or 0 if it has none."""
    found = node.attr.get('T')  # Indexing would add a missing attribute.
    return found.type if found else 0


def value_of(node):
    """Return a Const node's value as an array."""
    return tf.make_ndarray(node.attr['value'].tensor)


def with_nodes(graph_def, nodes):
    """Return a copy of `graph_def` with other nodes."""
    result = tf.GraphDef()
    result.versions.CopyFrom(graph_def.versions)
    result.library.CopyFrom(graph_def.library)
    result.node.extend(nodes)
    return result


def needed_for(graph_def, outputs):
    """Return the part of a graph that the nodes `outputs` depend on, functions included."""
    nodes = nodes_by_name(graph_def)
    kept, waiting = set(), list(outputs)
    while waiting:
        name = waiting.pop()
        if name not in kept and name in nodes:  # The import names nodes that a damaged graph lacks.
            kept.add(name)
            waiting += [node_name(edge) for edge in nodes[name].input]
    result = with_nodes(graph_def, [node for node in graph_def.node if node.name in kept])
    result.library.CopyFrom(_called(result))
    return result


def _called(graph_def):
    """Return the part of the function library that the graph's nodes call."""
    functions = {function.signature.name: function for function in graph_def.library.function}
    kept, waiting = set(), list(graph_def.node)
    while waiting:
        for name in _function_names(waiting.pop()) & functions.keys() - kept:
            kept.add(name)
            waiting += functions[name].node_def
    library = type(graph_def.library)()
    library.function.extend(f for name, f in functions.items() if name in kept)
    return library


def _function_names(node):
    names = {node.op}
    for attribute in node.attr.values():
        names.add(attribute.func.name)
        names.update(function.name for function in attribute.list.func)
    return names


def without_writes(graph_def):
    """Remove control edges from nodes that change variables."""
    writing = {node.name for node in graph_def.node if node.op.startswith(_WRITES)}
    nodes = []
    for node in graph_def.node:
        edges = [e for e in node.input if not (e[0] == '^' and node_name(e) in writing)]
        nodes.append(with_inputs(node, edges))
    return with_nodes(graph_def, nodes)


def without_aliases(graph_def, keep):
    """Remove nodes that only return their input; nodes named in `keep` stay."""
    nodes = nodes_by_name(graph_def)
    anchors = {node_name(edge) for node in graph_def.node for edge in node.input if edge[0] == '^'}
    stay = anchors.union(keep)
    handed_on = {}
    for node in graph_def.node:
        is_alias = node.op in _ALIASES and len(node.input) == 1 and node.name not in stay
        if is_alias and nodes[node_name(node.input[0])].op not in _BRANCHES:
            handed_on[node.name] = node.input[0]

    def origin(edge):
        while edge in handed_on:
            edge = handed_on[edge].removesuffix(':0')
        return edge

    return with_nodes(
        graph_def,
        [
            with_inputs(node, [origin(edge.removesuffix(':0')) for edge in node.input])
            for node in graph_def.node
            if node.name not in handed_on
        ],
    )


def origin(name, nodes, kept):
    """Return the kept node with the value of a node, which may be an alias, or None."""
    while name not in kept:
        node = nodes.get(name)
        if node is None or node.op not in _ALIASES or len(node.input) != 1:
            return None
        name = node.input[0].removesuffix(':0')
    return name


def without_devices(graph_def):
    """Remove the device of each node."""
    nodes = [with_inputs(node, node.input) for node in graph_def.node]
    for node in nodes:
        node.device = ''
    return with_nodes(graph_def, nodes)


def with_inputs(node, edges):
    """Return a copy of `node` that reads `edges`."""
    copy = tf.NodeDef()
    copy.CopyFrom(node)
    copy.input[:] = edges
    return copy
