"""Replace the parts of a graph that depend only on constants by their values."""

import tensorflow.compat.v1 as tf

from serving.graphdef import graph_edits

_CONTROL_FLOW = {'Switch', 'Merge', 'Enter', 'Exit', 'NextIteration', 'LoopCond'}
# The default of a placeholder may be replaced by a fed value.
_STAY = {'Const', 'PlaceholderWithDefault', 'NoOp', *_CONTROL_FLOW}
# A larger constant is only folded if it is not larger than its inputs.
_SMALL = 1 << 16


def fold(graph_def, keep):
    """Replace nodes with a constant result by constants; nodes named in `keep` stay."""
    foldable = _foldable(graph_def, keep)
    used = graph_edits.readers(graph_def)
    wanted = [
        name for name in foldable if any(reader.name not in foldable for reader in used[name])
    ]
    if not wanted:
        return graph_def
    try:
        values = _evaluate(graph_edits.needed_for(graph_def, wanted), wanted)
    except tf.errors.OpError:  # It may belong to a branch that is never taken.
        return graph_def
    sizes = _input_sizes(graph_def)
    folded = {
        name: graph_edits.constant(name, value)
        for name, value in zip(wanted, values, strict=True)
        if value.nbytes <= max(_SMALL, sizes[name])
    }
    return graph_edits.with_nodes(
        graph_def, [folded.get(node.name, node) for node in graph_def.node]
    )


def _foldable(graph_def, keep):
    """Return the names of the nodes with one output whose inputs are all constant."""
    nodes = graph_edits.nodes_by_name(graph_def)
    known = set(graph_edits.constants(graph_def))
    folded, waiting = set(), list(known)
    used = graph_edits.readers(graph_def)
    while waiting:
        for reader in used[waiting.pop()]:
            name = reader.name
            if name in folded or name in keep or not _is_pure(nodes[name]):
                continue
            if all(edge in known for edge in reader.input):
                known.add(name)
                folded.add(name)
                waiting.append(name)
    return folded


def _is_pure(node):
    definition = graph_edits.operation_definition(node.op)
    return (
        definition is not None
        and node.op not in _STAY
        and not definition.is_stateful
        and len(definition.output_arg) == 1
        and _gives_values(node, definition.output_arg[0])
        and not any(attribute.HasField('func') for attribute in node.attr.values())
    )


def _gives_values(node, output):
    """Tell whether a node's one output is a tensor that a constant can hold."""
    if output.number_attr or output.type_list_attr:
        return False
    kind = tf.as_dtype(output.type or node.attr[output.type_attr].type)
    return kind not in (tf.resource, tf.variant)


def _evaluate(graph_def, names):
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_edits.without_devices(graph_def), name='')
        with graph_edits.session(graph) as session:
            return session.run([f'{name}:0' for name in names])


def _input_sizes(graph_def):
    """Return {name: size of the constants that a node reads directly}."""
    constants = graph_edits.constants(graph_def)
    sizes = {name: node.ByteSize() for name, node in constants.items()}
    return {
        node.name: sum(sizes.get(graph_edits.node_name(edge), 0) for edge in node.input)
        for node in graph_def.node
    }
