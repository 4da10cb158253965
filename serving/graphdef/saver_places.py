"""Find where a graph's own saver reads each variable in a checkpoint, from the saver's nodes.

The saver does not run, so a checkpoint with only the weights works too.
"""

from common.errors import UserError
from serving.graphdef import graph_edits
from serving.graphdef.variables import Place

_ASSIGNMENTS = ('Assign', 'AssignVariableOp')
_RESTORES = ('Restore', 'RestoreSlice', 'RestoreV2')  # Their inputs: file, names, parts.
_HAND_ON = ('Identity', 'Reshape')


def find_places(path, graph_def, saver_def):
    """Return {variable: Place} of the variables that are stored in parts or under other names."""
    if not saver_def.restore_op_name:
        return {}
    name = graph_edits.node_name(saver_def.restore_op_name)
    nodes = graph_edits.nodes_by_name(graph_edits.needed_for(graph_def, [name]))
    found = {}
    for node in nodes.values():
        if node.op in _ASSIGNMENTS:
            try:
                place = _place(nodes, node.input[1])
            # TensorFlow has not checked this graph.
            except (IndexError, KeyError, TypeError, ValueError):
                raise UserError(f'{path}: damaged (its saver, at {node.name[:80]!r})') from None
            variable = graph_edits.node_name(node.input[0])
            if place not in (None, Place(variable)):
                found[variable] = place
    return found


def _place(nodes, edge):
    """Return the Place that a restored value comes from, or None."""
    node = nodes[graph_edits.node_name(edge)]
    for _ in nodes:
        if node.op not in _HAND_ON:
            break
        edge = node.input[0]
        node = nodes[graph_edits.node_name(edge)]
    if node.op not in _RESTORES:
        return None
    names, *parts = [
        graph_edits.value_of(nodes[graph_edits.node_name(source)]).reshape(-1)
        for source in node.input[1:3]
    ]
    number = int(edge.partition(':')[2] or 0)
    part = parts[0][number].decode() if parts else ''
    return Place(names[number].decode(), _slices(part))


def _slices(text):
    """Parse a part as savers write it: `10 4 0,5:-` is 5 rows of a 10 x 4 matrix."""
    if not text:
        return ()
    spans = [span.split(',') for span in text.rpartition(' ')[2].split(':')]
    return tuple(
        slice(int(span[0]), int(span[0]) + int(span[1])) if len(span) == 2 else slice(None)
        for span in spans
    )
