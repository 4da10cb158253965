"""The variables of a GraphDef: finding them, reading their values, and making them constants."""

import collections
import dataclasses

import tensorflow.compat.v1 as tf

from classifiers import checkpoints, mismatches, restore
from common.errors import UserError
from serving import graph_edits

KINDS = ('Variable', 'VariableV2', 'VarHandleOp')
# What takes a variable, or its handle, and gives it on.
_HAND_ON = {'Identity', 'Switch', 'Merge', 'Enter', 'Exit', 'NextIteration'}
_REFERENCES = {f'Ref{name}': name for name in _HAND_ON}
_Operation = collections.namedtuple('_Operation', 'name')


@dataclasses.dataclass(frozen=True)
class GraphVariable:
    """A variable as far as `classifiers.restore` has to know it."""

    op: _Operation
    shape: tf.TensorShape
    dtype: tf.DType


def find(graph_def):
    """List the variables of a GraphDef."""
    return [
        GraphVariable(
            _Operation(node.name),
            tf.TensorShape(node.attr['shape'].shape),
            tf.as_dtype(node.attr['dtype'].type),
        )
        for node in graph_def.node
        if node.op in KINDS
    ]


def read(path, variables, model_name=None, use_averages=False):
    """Return ({name of a variable: value}, lines for the log) from a checkpoint.

    The messages for what does not fit are better where the network's name is known.
    """
    if model_name and all(variable.shape.is_fully_defined() for variable in variables):
        plan = restore.inference(path, model_name, variables, use_averages)
        sources, lines = plan.sources, plan.lines()
    else:
        sources, lines = _sources(path, variables, use_averages)
    reader = tf.train.NewCheckpointReader(path)
    try:
        values = {v.op.name: reader.get_tensor(name) for name, v in sources.items()}
    except (tf.errors.OpError, RuntimeError) as error:
        raise checkpoints.unreadable(path, checkpoints.reason(error)) from None
    return values, lines


def _sources(path, variables, use_averages):
    """Return ({name in the checkpoint: variable}, lines for the log) for a graph of any program."""
    held = checkpoints.read_variables(path)
    averages = {name for name in held if name.endswith(checkpoints.AVERAGE_SUFFIX)}
    if use_averages and not averages:
        mismatches.refuse_without_averages(path)
    sources = {}
    for variable in variables:
        name = variable.op.name
        averaged = name + checkpoints.AVERAGE_SUFFIX
        source = averaged if use_averages and averaged in held else name
        if source not in held:
            raise UserError(f'{path}: lacks {name}, which the graph has: name the checkpoint of it')
        shape, dtype = held[source]
        if not variable.shape.is_compatible_with(shape) or dtype != variable.dtype:
            raise UserError(
                f'{path}: {name} is {list(shape)} {dtype.name} in the checkpoint and'
                f' {variable.shape} {variable.dtype.name} in the graph'
            )
        sources[source] = variable
    lines = [f'{len(sources)} of {len(sources)} variables come from the checkpoint']
    if averages and not use_averages:
        lines.append('The checkpoint holds moving averages; they are not used')
    return sources, lines


def run(graph_def, variables, checkpoint, saver=None, initializers=()):
    """Restore with a graph's own saver, run its initializers; return what has a value then."""
    needed = [saver.restore_op_name] if saver else []
    needed += [*initializers, *(variable.op.name for variable in variables)]
    names = graph_edits.nodes_by_name(graph_def)
    for name in needed:
        if name not in names:
            raise UserError(f'the graph has no node {name!r}')
    graph_def = graph_edits.needed_for(graph_edits.without_devices(graph_def), needed)
    with tf.Graph().as_default() as graph, graph_edits.session(graph) as session:
        tf.import_graph_def(graph_def, name='')
        _initialize(session, checkpoint, saver, initializers)
        states = {variable.op.name: _state(graph, variable) for variable in variables}
        is_set = session.run({name: state[0] for name, state in states.items()})
        return session.run({name: states[name][1] for name in states if is_set[name]})


def _initialize(session, checkpoint, saver, initializers):
    try:
        running = checkpoint
        if saver:
            session.run(saver.restore_op_name, {saver.filename_tensor_name: checkpoint})
        running = f'--initializer_nodes={",".join(initializers)}'
        session.run(list(initializers))
    except tf.errors.OpError as error:
        raise UserError(f'{running}: {checkpoints.reason(error)}') from None


def _state(graph, variable):
    """Return the tensors (has it a value?, value)."""
    tensor = graph.get_tensor_by_name(f'{variable.op.name}:0')
    if tensor.dtype == tf.resource:
        is_set = tf.raw_ops.VarIsInitializedOp(resource=tensor)
        return is_set, tf.raw_ops.ReadVariableOp(resource=tensor, dtype=variable.dtype)
    return tf.is_variable_initialized(tensor), tensor


def without_references(graph_def):
    """Turn operations on variables into those on values, as if each variable were its value."""
    types = {n.name: n.attr['dtype'].type for n in graph_def.node if n.op == 'VarHandleOp'}
    nodes = []
    for node in graph_def.node:
        node = graph_edits.with_inputs(node, node.input)
        node.op = _REFERENCES.get(node.op, node.op)
        # Placed beside a variable, a node would be lost with it.
        node.attr.pop('_class', None)
        if node.op == 'ReadVariableOp':
            node.op = 'Identity'
            node.attr['T'].type = node.attr.pop('dtype').type
        nodes.append(node)
    _hand_on(types, nodes)
    return graph_edits.with_nodes(graph_def, nodes)


def _hand_on(types, nodes):
    """Give what hands on a variable's handle the type of its value: {name of variable: type}."""
    found = True
    while found:
        found = False
        for node in nodes:
            held = [graph_edits.node_name(edge) for edge in node.input if edge[0] != '^']
            held = [name for name in held if name in types]
            if held and node.op not in _HAND_ON:
                raise UserError(
                    f'the graph reads the variable {held[0]} inside of {node.name} ({node.op}):'
                    ' build it with use_resource=False'
                )
            if held and graph_edits.type_of(node) == tf.resource:
                node.attr['T'].type = types[node.name] = types[held[0]]
                found = True


def to_constants(graph_def, values):
    """Put constants in the place of variables."""
    return graph_edits.with_nodes(
        graph_def,
        [
            graph_edits.constant(node.name, values[node.name]) if node.op in KINDS else node
            for node in graph_def.node
        ],
    )
