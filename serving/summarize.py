"""What one wants to know of a graph before it is frozen or called: inputs, outputs, sizes."""

import collections
import math

import tensorflow.compat.v1 as tf

from serving import graph_edits, graph_nodes, variables


def summarize(path):
    """Return lines on any GraphDef: inputs, likely outputs, variables, kinds of operations."""
    graph_def = graph_nodes.read_graph_def(path)
    kinds = {node.name: node.op for node in graph_def.node}
    counts = collections.Counter(kinds.values())
    counts.update(n.op for function in graph_def.library.function for n in function.node_def)
    outputs = graph_nodes.likely_outputs(graph_def)
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        f'{path}: {len(graph_def.node)} nodes, {len(graph_def.library.function)} functions',
        'Inputs:',
        *_listed([_input(fed) for fed in graph_nodes.inputs(graph_def)]),
        'Likely outputs:',
        *_listed([f'{name} ({kinds[name]})' for name in outputs]),
        *_parameters(graph_def),
        'Operations: ' + ', '.join(f'{count} {kind}' for kind, count in by_count),
    ]


def _input(fed):
    shape = 'of any rank' if fed.shape is None else _spelt(fed.shape)
    return f'{fed.name} ({fed.dtype.name} {shape})'


def _spelt(shape):
    return '[' + ', '.join('?' if size is None else str(size) for size in shape) + ']'


def _listed(lines):
    return [f'  {line}' for line in lines] or ['  none']


def _parameters(graph_def):
    found = variables.find(graph_def)
    values = [node.attr['value'].tensor for node in graph_edits.constants(graph_def).values()]
    in_constants = sum(_size(tf.TensorShape(value.tensor_shape)) for value in values)
    unfrozen = f'{len(found)}, {sum(_size(v.shape) for v in found):,} numbers in them'
    return [
        f'Variables: {unfrozen if found else "none, the graph is frozen"}',
        f'Constants: {len(values)}, {in_constants:,} numbers in them',
    ]


def _size(shape):
    return math.prod(size or 0 for size in shape.as_list()) if shape.ndims is not None else 0
