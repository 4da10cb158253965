"""Find the variables of a GraphDef, read their values, and make them constants."""

import collections
import dataclasses

import tensorflow.compat.v1 as tf

from classifiers import checkpoints, mismatches, restore
from common.errors import UserError
from serving.graphdef import graph_edits

KINDS = ('Variable', 'VariableV2', 'VarHandleOp')
# Operations that return the variable, or the handle, that they read.
_HAND_ON = {'Identity', 'Switch', 'Merge', 'Enter', 'Exit', 'NextIteration'}
_REFERENCES = {f'Ref{name}': name for name in _HAND_ON}
_Operation = collections.namedtuple('_Operation', 'name')


@dataclasses.dataclass(frozen=True)
class GraphVariable:
    """The properties of a variable that `classifiers.restore` uses."""

    op: _Operation
    shape: tf.TensorShape
    dtype: tf.DType


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a checkpoint stores a variable: the name of a tensor and the part of it."""

    name: str
    part: tuple[slice, ...] = ()  # Empty for the whole tensor.

    def shape_in(self, shape):
        """Return the shape of this part of a tensor."""
        sizes = [len(range(n)[part]) for part, n in zip(self.part, shape, strict=False)]
        return (*sizes, *shape[len(sizes) :])

    def read(self, reader):
        """Read the variable's value."""
        value = reader.get_tensor(self.name)
        return value[self.part] if self.part else value


def find_variables(graph_def):
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


def read(path, variables, model_name=None, use_averages=False, places=None):
    """Return ({name of a variable: value}, lines for the log) from a checkpoint.

    `places` are those of variables that are stored in parts or under other names. The error
    messages for variables that do not fit are better if the network is known.
    """
    is_defined = all(variable.shape.is_fully_defined() for variable in variables)
    places = {v.op.name: places[v.op.name] for v in variables if v.op.name in (places or {})}
    if model_name and is_defined and not places:
        plan = restore.inference(path, model_name, variables, use_averages)
        sources = {v.op.name: Place(name) for name, v in plan.sources.items()}
        lines = plan.lines()
    else:
        sources, lines = _sources(path, variables, use_averages, places)
    reader = tf.train.NewCheckpointReader(path)
    try:
        values = {name: place.read(reader) for name, place in sources.items()}
    except (tf.errors.OpError, RuntimeError) as error:
        raise checkpoints.unreadable(path, checkpoints.reason(error)) from None
    return values, lines


def _sources(path, variables, use_averages, places):
    """Return ({name of a variable: Place}, lines for the log) for a graph of any program."""
    held = checkpoints.read_variables(path)
    averages = {name for name in held if name.endswith(checkpoints.AVERAGE_SUFFIX)}
    if use_averages and not averages:
        mismatches.refuse_without_averages(path)
    sources = {}
    for variable in variables:
        name = variable.op.name
        place = places.get(name) or Place(name)
        averaged = place.name + checkpoints.AVERAGE_SUFFIX
        if use_averages and averaged in held:
            place = Place(averaged, place.part)
        if place.name not in held:
            raise UserError(
                f'{path}: has no {place.name}; name the checkpoint that belongs to the graph'
            )
        shape, dtype = held[place.name]
        shape = place.shape_in(shape)
        if not variable.shape.is_compatible_with(shape) or dtype != variable.dtype:
            raise UserError(
                f'{path}: {name} is {list(shape)} {dtype.name} in the checkpoint and'
                f' {variable.shape} {variable.dtype.name} in the graph'
            )
        sources[name] = place
    lines = [f'{len(sources)} of {len(sources)} variables come from the checkpoint']
    if averages and not use_averages:
        lines.append('The checkpoint holds moving averages; they are not used')
    return sources, lines


def run(graph_def, variables, checkpoint, saver=None, initializers=()):
    """Restore with a graph's own saver, run its initializers, and return the variables' values."""
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
    """Return two tensors: whether the variable has a value, and the value."""
    tensor = graph.get_tensor_by_name(f'{variable.op.name}:0')
    if tensor.dtype == tf.resource:
        is_set = tf.raw_ops.VarIsInitializedOp(resource=tensor)
        return is_set, tf.raw_ops.ReadVariableOp(resource=tensor, dtype=variable.dtype)
    return tf.is_variable_initialized(tensor), tensor


def without_references(graph_def):
    """Replace operations on variables by operations on values."""
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
    """Give nodes that return a variable's handle the type of its value: {variable: type}."""
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
    """Replace variables by constants."""
    return graph_edits.with_nodes(
        graph_def,
        [
            graph_edits.constant(node.name, values[node.name]) if node.op in KINDS else node
            for node in graph_def.node
        ],
    )
