"""Append the outputs of a classifier's limits to its frozen graph."""

import dataclasses

import tensorflow.compat.v1 as tf

from classifiers.verdicts import KINDS
from common.errors import UserError
from heads.limits import limits_files, limits_graph, measures
from heads.limits.limits import FEATURES, Limits
from serving.graphdef import graph_edits, light_graphs

SCOPE = 'limits'  # Of all appended operations but the outputs.


@dataclasses.dataclass(frozen=True)
class Found:
    """The Limits beside a checkpoint, and the file that describes them."""

    limits: Limits
    path: str


def find(options, checkpoint):
    """Return what is Found beside a checkpoint, or None, and log which."""
    if not options.limits:
        return None
    path, _ = limits_files.paths_beside(checkpoint)
    limits = limits_files.read(checkpoint)
    if limits is None:
        tf.logging.info(
            'No limits beside %s: calibrate_image_classifier.py learns them', checkpoint
        )
        return None
    return Found(limits, path)


def append(found, graph_def, source, info):
    """Return (graph with the outputs, ModelInfo with their nodes), and log what they are.

    `graph_def` is the frozen form of `source`. Its own nodes stay as they are.
    """
    _require_free_names(found, graph_def)
    light, _ = light_graphs.without_weights(graph_def)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(light, name='')
        logits, layers = _tensors(found, graph, graph_def, source, info)
        try:
            limits_graph.build(found.limits, logits, layers)
        except ValueError as error:
            raise _mistake(found, f'do not fit the graph ({str(error).splitlines()[0]})') from None
        present = {node.name for node in graph_def.node}
        added = [node for node in graph.as_graph_def().node if node.name not in present]
    limits = found.limits
    tf.logging.info(
        'Appended the limits of %s: %s, learnt from %d pictures; accepts %g%% of known pictures',
        *(found.path, limits.score_name(), limits.num_held_out, 100 * limits.accept_known),
    )
    nodes = {**info.nodes, **{kind: kind for kind in KINDS}}
    return (
        graph_edits.with_nodes(graph_def, [*graph_def.node, *added]),
        info.replace(nodes=nodes, limits=limits.described()),
    )


def _mistake(found, what):
    return UserError(
        f'{found.path}: the limits {what}; export the graph with export_inference_graph.py, or pass'
        ' --nolimits'
    )


def _require_free_names(found, graph_def):
    for node in graph_def.node:
        if node.name.split('/')[0] in (SCOPE, *KINDS):
            raise _mistake(found, f'need the name {node.name!r}, which the graph has already')


def _tensors(found, graph, graph_def, source, info):
    """Return (logits, {layer: vectors}) of the graph."""
    limits = found.limits
    names = {measures.LOGITS: info.nodes.get('logits', 'logits')}
    for layer in {term.layer for term in limits.terms} - {measures.LOGITS}:
        is_last = layer == FEATURES
        names[layer] = info.nodes.get(layer, layer) if is_last else limits.layers[layer]
    kept, written = graph_edits.nodes_by_name(graph_def), graph_edits.nodes_by_name(source)
    tensors = {}
    for layer, name in names.items():
        node = graph_edits.origin(graph_edits.node_name(name), written, kept)
        # After folding, a convolution returns what its batch norm layer would have returned.
        if node is None or f'{node}/folded_weights' in kept:
            raise _mistake(found, f'read the tensor {name!r}, which the frozen graph does not have')
        with tf.name_scope(f'{SCOPE}/averages/'):  # The last slash: not inside another scope.
            tensors[layer] = limits_graph.averaged(graph.get_tensor_by_name(f'{node}:0'))
    return tensors.pop(measures.LOGITS), tensors
