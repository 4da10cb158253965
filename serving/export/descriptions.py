"""Describe a frozen graph from the descriptions of its graph and of its checkpoint."""

import contextlib
import importlib.metadata
import os

import tensorflow.compat.v1 as tf

from classifiers import model_info
from classifiers.model_request import ModelRequest, StoredModel
from classifiers.resolve import resolve
from common import labels
from common.errors import UserError
from nets import model_specs
from serving.graphdef import graph_edits, graph_nodes

_IDENTITY = ('model_name', 'num_classes', 'labels_offset', 'channels')
_PRESENTATION = ('image_size', 'preprocessing_name')


def describe(graph_path, graph_def, checkpoint, outputs, model_name=None, use_moving_averages=None):
    """Return (ModelInfo with nodes, lines for the log) of a graph and its checkpoint.

    The ModelInfo is None if the network is not known.
    """
    # The description beside a MetaGraph is that of its training, which names no nodes.
    is_graph = model_info.is_graph(graph_path)
    of_graph = model_info.read_beside(graph_path) if is_graph else None
    of_weights = model_info.read_beside(checkpoint)
    stored, path = _merged(of_graph, graph_path, of_weights, checkpoint)
    name = model_name or (stored.model_name if stored else _network(graph_def))
    if not name:
        return None, [
            f'{graph_path}: its network is not known, so no description is written; pass'
            ' --model_name'
        ]
    request = ModelRequest(
        model_name=name,
        # True is checked against the checkpoint itself, when its weights are read.
        use_moving_averages=None if use_moving_averages else use_moving_averages,
    )
    info, lines = resolve(request, StoredModel(stored, path, checkpoint))
    if of_graph is None:
        info = _as_in_graph(info, graph_def)
    _warn_of_differences(of_graph, of_weights, graph_path)
    nodes = _nodes(info, graph_def, outputs, of_graph)
    info = info if stored else info.with_imagenet_names()
    return info.replace(nodes=nodes, limits={}), lines


def _merged(of_graph, graph_path, of_weights, checkpoint):
    """Return (ModelInfo or None, its path): the graph's presentation, the weights' identity."""
    if of_graph is None or of_weights is None:
        path = graph_path if of_graph else checkpoint
        return of_graph or of_weights, model_info.path_beside(path)
    ours, theirs = model_info.path_beside(graph_path), model_info.path_beside(checkpoint)
    for name in _IDENTITY:
        _require_same(name, getattr(of_graph, name), ours, getattr(of_weights, name), theirs)
    if of_graph.class_names and of_weights.class_names:
        for a, b in zip(of_graph.class_names, of_weights.class_names, strict=True):
            _require_same('a class', labels.normalised(a), ours, labels.normalised(b), theirs)
    info = of_weights.replace(**{name: getattr(of_graph, name) for name in _PRESENTATION})
    return info.replace(class_names=info.class_names or of_graph.class_names), theirs


def _require_same(name, here, ours, there, theirs):
    if here != there:
        raise UserError(
            f'{name} is {here} in {ours} and {there} in {theirs}: export the graph again with'
            f' --checkpoint_path={os.path.dirname(theirs) or "."}'
        )


def _warn_of_differences(of_graph, of_weights, graph_path):
    """Warn if a graph prepares pictures in another way than the training of its weights."""
    for name in _PRESENTATION if of_graph and of_weights else ():
        here, there = getattr(of_graph, name), getattr(of_weights, name)
        if here != there:
            tf.logging.warning(
                '%s was exported with %s %s, the network was trained with %s; export it with'
                ' --checkpoint_path unless that is meant',
                *(graph_path, name, here, there),
            )


def _network(graph_def):
    """Return the one network whose output node the graph has, or None."""
    present = {node.name for node in graph_def.node}
    found = [
        name
        for name in graph_nodes.networks(graph_def)
        if model_specs.get_spec(name).output_node in present
    ]
    found = model_specs.without_padded_forms(found)
    return found[0] if len(found) == 1 else None


def _as_in_graph(info, graph_def):
    """Return `info` with the size and the channels of the graph's input."""
    fed = _pixels(graph_def)
    shape = fed.shape if fed else None
    if not shape or len(shape) != 4:
        return info
    return info.replace(image_size=shape[1] or info.image_size, channels=shape[3] or info.channels)


def _pixels(graph_def):
    """Return the graph's input for pixels: the one named `input`, or the only one."""
    found = [fed for fed in graph_nodes.inputs(graph_def) if fed.dtype == tf.float32]
    named = [fed for fed in found if fed.name == 'input']
    return (named or (found if len(found) == 1 else [None]))[0]


def _nodes(info, graph_def, outputs, of_graph):
    """Return the nodes for the description that the graph has."""
    present = graph_edits.nodes_by_name(graph_def)
    spec = model_specs.get_spec(info.model_name)
    fed = _pixels(graph_def)
    own = spec.output_node if spec.predictions else ''
    by_custom = {
        'image_bytes': 'image_bytes',
        'input': fed.name if fed else '',
        'logits': 'logits',
        'probabilities': 'probabilities' if 'probabilities' in present else own,
        'features': 'features',
    }
    nodes = {**(of_graph.nodes if of_graph else by_custom), 'output': outputs[0]}
    return {kind: name for kind, name in nodes.items() if name in present}


def path_for(graph_path):
    """Return the path of a graph's description; refuse to replace that of a training."""
    path = model_info.beside_graph(graph_path)
    is_taken = os.path.basename(path) == model_info.FILE_NAME and os.path.exists(path)
    if is_taken and not model_info.read(path).graph_sha256:
        raise UserError(
            f'{graph_path}: its description would replace {path}, that of a training directory;'
            ' choose another name for the graph'
        )
    return path


def versions():
    """Return the versions of TensorFlow and of this package."""
    found = {'tensorflow': tf.__version__}
    # Run from its source, it is not an installed package.
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found['slim-image-classifier'] = importlib.metadata.version('slim-image-classifier')
    return found
