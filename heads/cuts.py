"""Find where the frozen part of a network's graph ends, and the layer that computes the logits."""

import dataclasses

import tensorflow.compat.v1 as tf

from common.errors import UserError

# These depend on the shape of a tensor alone, which is known without the pictures.
_SHAPES = ('Shape', 'ShapeN', 'Size', 'Rank')
# These have a state, but give the same value in every step if the variable is frozen.
_VARIABLE_READS = ('VarHandleOp', 'VariableV2', 'Variable', 'ReadVariableOp')
_PLACEHOLDERS = ('Placeholder', 'PlaceholderWithDefault')
_RANDOM = ('Random', 'TruncatedNormal', 'Multinomial')
_BATCH_NORMS = ('FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3')
_VARIABLES = tf.GraphKeys.GLOBAL_VARIABLES
# Between the layer and the logits there may be these ...
_SAME_VALUES = ('Identity', 'Reshape', 'Squeeze')
# ... and the mean over the map, if the pictures are larger than those of the network's design.
_MEAN = 'Mean'
_MULTIPLIES = ('MatMul', 'Conv2D')


@dataclasses.dataclass(frozen=True)
class LinearLayer:
    """A layer that multiplies features by weights."""

    name: str  # The scope of its variables.
    input: tf.Tensor  # Features of the shape [batch, features].
    weights: tf.Variable
    biases: tf.Variable | None


def frontier(outputs, source, trained):
    """List the tensors that have the same value for a picture in every step and every batch.

    `source` are the pictures, `outputs` the losses, updates and metrics of a step. Each tensor of
    the list depends on the pictures and on nothing that is random, that `trained` variables or
    other pictures of the batch influence, and an operation that is not so reads it. The outputs
    depend on the pictures only through these tensors.
    """
    needed = set(operations_behind(outputs, stop=source)) - {source.op}
    trained_names = {variable.op.name for variable in trained}
    starts = {op for op in needed if _changes(op, trained_names)}
    # What comes with the pictures, such as their labels, differs in each batch.
    others = [tensor for tensor in source.op.outputs if tensor is not source]
    starts.update(reader for tensor in others for reader in _readers(tensor, needed))
    changing = _after(starts, needed)
    steady = _after(_readers(source, needed), needed, stop=_SHAPES) - changing
    wanted = {output.name for output in outputs}
    found = {
        tensor.name
        for tensor in [source, *(tensor for op in steady for tensor in op.outputs)]
        if tensor.name in wanted or _is_read_later(tensor, changing, steady, needed)
    }
    return _first_met(source, found, steady)


def is_steady(tensor, source, trained):
    """Return whether a tensor has the same value for a picture in every step and every batch."""
    names = {variable.op.name for variable in trained}
    return not any(_changes(op, names) for op in operations_behind([tensor], stop=source))


def _is_read_later(tensor, changing, steady, needed):
    """Return whether an operation that changes reads the tensor or only its shape."""
    readers = _readers(tensor, needed)
    shapes = {reader for reader in readers if reader.type in _SHAPES}
    of_shapes = _after(shapes, needed - steady)
    return not changing.isdisjoint(readers | of_shapes)


def _first_met(source, found, steady):
    """List the tensors named in `found`, without those that can be computed from the others."""
    met, passed = {}, set()
    waiting = [source]
    while waiting:
        tensor = waiting.pop()
        if tensor.name in found:
            met[tensor.name] = tensor
            continue
        for reader in _readers(tensor, steady) - passed:
            passed.add(reader)
            waiting += reader.outputs
    ordered = [source, *(tensor for op in source.graph.get_operations() for tensor in op.outputs)]
    return list({t.name: t for t in ordered if t.name in met}.values())


def _changes(op, trained):
    """Return whether an operation has another result in each step, or mixes the pictures."""
    if op.type in _VARIABLE_READS:
        step = tf.train.get_global_step(op.graph)
        return op.name in trained or (step is not None and op.name == step.op.name)
    if op.type in _BATCH_NORMS:
        return op.get_attr('is_training')
    is_random = any(word in op.type for word in _RANDOM)
    return is_random or op.type in _PLACEHOLDERS or op.op_def.is_stateful


def operations_behind(outputs, stop=None):
    """Yield every operation whose result the outputs use, but none behind the tensor `stop`."""
    seen = set()
    waiting = [output if isinstance(output, tf.Operation) else output.op for output in outputs]
    while waiting:
        op = waiting.pop()
        if op in seen:
            continue
        seen.add(op)
        yield op
        waiting += [tensor.op for tensor in op.inputs if tensor is not stop]


def _readers(tensor, among):
    return {reader for reader in tensor.consumers() if reader in among}


def _after(starts, among, stop=()):
    """Return the operations that use a result of one of the starts, and the starts themselves."""
    seen = set()
    waiting = [op for op in starts if op.type not in stop]
    while waiting:
        op = waiting.pop()
        if op in seen:
            continue
        seen.add(op)
        for tensor in op.outputs:
            waiting += [reader for reader in _readers(tensor, among) if reader.type not in stop]
    return seen


def reroute(old, new):
    """Make every operation that reads the tensor `old` read `new`, before any session has run."""
    for reader in old.consumers():
        for place, tensor in enumerate(reader.inputs):
            if tensor is old:
                reader._update_input(place, new)


def last_layer(logits):
    """Return the LinearLayer that computes the logits of a network in evaluation mode."""
    tensor, biases, is_mean = logits, None, False
    while tensor.op.type not in _MULTIPLIES:
        if tensor.op.type == 'BiasAdd' and biases is None:
            biases = _variable(tensor.op.inputs[1])
        elif tensor.op.type == _MEAN and _spatial(tensor.op):
            is_mean = True
        elif tensor.op.type not in _SAME_VALUES:
            break
        tensor = tensor.op.inputs[0]
    weights = None
    if tensor.op.type in _MULTIPLIES:
        weights = _variable(tensor.op.inputs[1])
    features = None if weights is None else _features(tensor.op, weights, is_mean)
    if features is None:
        raise UserError(
            f'{logits.op.name}: the network must end with a layer that multiplies features by '
            f'weights, not with {tensor.op.type} ({tensor.op.name})'
        )
    return LinearLayer(_scope(weights), features, weights, biases)


def _scope(variable):
    return variable.op.name.rpartition('/')[0]


def _spatial(op):
    """Return whether a mean is over height and width."""
    axes = tf.get_static_value(op.inputs[1])
    return axes is not None and sorted(axes.ravel().tolist()) == [1, 2]


def _variable(tensor):
    """Return the variable whose value the tensor is, or None."""
    while tensor.op.type in ('Identity', 'ReadVariableOp'):
        tensor = tensor.op.inputs[0]
    named = {variable.op.name: variable for variable in tensor.graph.get_collection(_VARIABLES)}
    return named.get(tensor.op.name)


def _features(op, weights, is_mean):
    """Return what a layer reads as [batch, features], or None if that is not possible."""
    features = op.inputs[0]
    if op.type == 'MatMul':
        return features
    height, width, depth = features.shape.as_list()[1:]
    kernel = weights.shape.as_list()[:2]
    is_whole = kernel == [1, 1] or op.get_attr('padding') == b'VALID'
    with tf.name_scope(None), tf.name_scope(f'{_scope(weights)}/'):
        if kernel == [height, width] and is_whole:
            return tf.reshape(features, [-1, height * width * depth], name='features')
        if kernel == [1, 1] and is_mean:
            # The mean of a layer's results is the layer's result for the mean.
            return tf.reduce_mean(features, [1, 2], name='features')
    return None


def variables_behind(tensors):
    """List the variables of the graph whose values the tensors depend on."""
    names = {op.name for op in operations_behind(tensors)}
    return [v for v in tensors[0].graph.get_collection(_VARIABLES) if v.op.name in names]
