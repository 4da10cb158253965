"""List the inputs, outputs and sizes of a model."""

import collections
import math
import os

import tensorflow.compat.v1 as tf
from tensorflow.core.protobuf import saved_model_pb2

from classifiers import checkpoint_paths, checkpoints, file_kinds, model_info, watch
from common import text
from common.errors import UserError
from serving.graphdef import graph_edits, graph_nodes, proto_files, variables

_MOST_NAMES = 20  # A line with all names of ImageNet is not useful.


def summarize(path):
    """Describe a graph, a MetaGraph, a checkpoint, a training directory or a SavedModel."""
    path = os.fspath(path)
    if os.path.isdir(path):
        found = [os.path.join(path, name) for name in file_kinds.SAVED_MODEL_FILES]
        found = [file for file in found if os.path.exists(file)]
        return _saved_model(path, found[0]) if found else _training(path)
    kind = file_kinds.tensorflow_kind(path) if os.path.isfile(path) else file_kinds.CHECKPOINT
    if kind == file_kinds.SAVED_MODEL:
        return _saved_model(os.path.dirname(path), path)
    if kind == file_kinds.META_GRAPH or (path.endswith('.meta') and os.path.isfile(path)):
        return _meta_graph(path)
    prefix = checkpoint_paths.prefix_of(path)
    if kind == file_kinds.CHECKPOINT or prefix != path:
        return _checkpoint(watch.find_checkpoint(prefix))
    return _graph(path, graph_nodes.read_graph_def(path))


def _graph(path, graph_def):
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


def _meta_graph(path):
    meta_graph = graph_nodes.read_meta_graph(path)
    version = meta_graph.meta_info_def.tensorflow_version or 'an unknown version'
    collections_ = [
        f'{name} ({len(getattr(held, held.WhichOneof("kind")).value)})'
        for name, held in sorted(meta_graph.collection_def.items())
        if held.WhichOneof('kind')
    ]
    return [
        f'{path}: a MetaGraph of TensorFlow {version}; freeze_graph.py --input_meta_graph takes it',
        'Collections: ' + (', '.join(collections_) or 'none'),
        *_signatures(meta_graph),
        *_graph('Its graph', meta_graph.graph_def),
    ]


def _saved_model(directory, path):
    saved = proto_files.read(path, saved_model_pb2.SavedModel)
    if not saved.meta_graphs:
        raise UserError(f'{path}: holds no graph: a SavedModel is needed')
    lines = [f'{directory or os.curdir}: a SavedModel of {len(saved.meta_graphs)} graphs']
    for meta_graph in saved.meta_graphs:
        tags = ', '.join(meta_graph.meta_info_def.tags)
        lines += [*_signatures(meta_graph), *_graph(f'Graph {tags}', meta_graph.graph_def)]
    prefix = os.path.join(directory, 'variables', 'variables')
    return [
        *lines,
        *(_checkpoint(watch.find_checkpoint(prefix)) if checkpoints.files_of(prefix) else []),
    ]


def _signatures(meta_graph):
    lines = []
    for name, signature in sorted(meta_graph.signature_def.items()):
        lines.append(f'Signature {name} ({signature.method_name or "without a method"}):')
        for direction, tensors in (('input', signature.inputs), ('output', signature.outputs)):
            lines += _listed(
                [
                    f'{direction} {key}: {tensor.name} ({_typed(tensor.dtype, tensor.tensor_shape)}'
                    ')'
                    for key, tensor in sorted(tensors.items())
                ]
            )
    return lines


def _typed(dtype, shape):
    return f'{tf.as_dtype(dtype).name} {_spelt(tf.TensorShape(shape))}'


def _training(directory):
    newest = watch.find_checkpoint(directory)
    info = model_info.read_beside(directory)
    if info is None:
        described = [f'{directory}: a directory of checkpoints, without {model_info.FILE_NAME}']
    else:
        decay = info.moving_average_decay
        described = [
            f'{directory}: {info.model_name}, trained on {info.dataset_name or "pictures"}',
            f'Classes: {info.num_classes} ({_first(info.names())})',
            f'Pictures: {info.image_size} x {info.image_size}, {info.channels} channels,'
            f' preprocessing {info.preprocessing_name}',
            f'Moving averages: {f"with decay {decay:g}" if decay else "none"}',
        ]
    return [*described, *_checkpoint(newest)]


def _checkpoint(checkpoint):
    held = checkpoints.read_variables(checkpoint.path)
    numbers = {
        name: math.prod(shape) for name, (shape, dtype) in held.items() if dtype != tf.string
    }
    size = sum(count * held[name][1].size for name, count in numbers.items())
    return [
        f'{checkpoint.path}: a checkpoint of step {checkpoint.step}',
        f'Variables: {len(held)}, {sum(numbers.values()):,} numbers in {size:,} bytes:',
        *_listed(
            [
                f'{name} ({dtype.name} {_spelt(tf.TensorShape(shape))})'
                for name, (shape, dtype) in sorted(held.items())
            ]
        ),
    ]


def _input(fed):
    return f'{fed.name} ({fed.dtype.name} {_spelt(tf.TensorShape(fed.shape))})'


def _spelt(shape):
    if shape.ndims is None:
        return 'of any rank'
    return '[' + ', '.join('?' if size is None else str(size) for size in shape.as_list()) + ']'


def _first(names):
    shown = text.listed(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f'{shown}, ...'


def _listed(lines):
    return [f'  {line}' for line in lines] or ['  none']


def _parameters(graph_def):
    found = variables.find_variables(graph_def)
    values = [node.attr['value'].tensor for node in graph_edits.constants(graph_def).values()]
    in_constants = sum(_size(tf.TensorShape(value.tensor_shape)) for value in values)
    unfrozen = f'{len(found)}, {sum(_size(v.shape) for v in found):,} numbers in them'
    return [
        f'Variables: {unfrozen if found else "none, the graph is frozen"}',
        f'Constants: {len(values)}, {in_constants:,} numbers in them',
    ]


def _size(shape):
    return math.prod(size or 0 for size in shape.as_list()) if shape.ndims is not None else 0
