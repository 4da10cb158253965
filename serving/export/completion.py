"""Turn a graph with variables into a frozen graph, and make it as fast as possible."""

import dataclasses

import tensorflow.compat.v1 as tf

from classifiers import build
from serving.export import limits_outputs
from serving.graphdef import batch_norm_folding, constant_folding, graph_edits, variables


@dataclasses.dataclass(frozen=True)
class Frozen:
    """A graph without variables, and how it was made."""

    graph_def: tf.GraphDef
    num_variables: int
    num_batch_norms: int

    def line(self):
        """Return a line for the log."""
        return (
            f'Converted {self.num_variables} variables to constants, folded'
            f' {self.num_batch_norms} batch norms: {len(self.graph_def.node)} operations remain'
        )


def prune(graph_def, outputs):
    """Return the part of a graph that computes the nodes `outputs`, with its variables."""
    graph_def = graph_edits.without_writes(graph_def)
    graph_def = variables.without_references(graph_edits.needed_for(graph_def, outputs))
    return graph_edits.without_aliases(graph_def, outputs)


def freeze(prepared, values, outputs, clear_devices=True):
    """Make the variables of a pruned graph constants, and fold constants and batch norms."""
    found = variables.find_variables(prepared)
    graph_def = graph_edits.without_devices(prepared) if clear_devices else prepared
    graph_def = variables.to_constants(graph_def, values)
    graph_def = constant_folding.fold(graph_def, outputs)
    graph_def, folded = batch_norm_folding.fold(graph_def, outputs)
    return Frozen(graph_def, len(found), folded)


def from_checkpoint(info, checkpoint, with_bytes=True, batch_size=None, limits=None):
    """Return (Frozen, ModelInfo with its nodes, lines for the log) of a trained classifier.

    Append the outputs of `limits` from `limits_outputs.find`.
    """
    with tf.Graph().as_default() as graph:
        classifier = build.build(info, with_bytes, batch_size)
        graph_def = graph.as_graph_def()
    outputs = list(classifier.nodes.values())
    prepared = prune(graph_def, outputs)
    values, lines = variables.read(
        checkpoint,
        variables.find_variables(prepared),
        info.model_name,
        bool(info.moving_average_decay),
    )
    frozen, info = freeze(prepared, values, outputs), info.replace(nodes=classifier.nodes)
    return *with_limits(frozen, graph_def, info, limits), lines


def with_limits(frozen, source, info, limits):
    """Return (Frozen, ModelInfo) with the outputs of limits, if there are limits."""
    if limits is None or info is None:  # Without a description no program would find them.
        return frozen, info
    graph_def, info = limits_outputs.append(limits, frozen.graph_def, source, info)
    return dataclasses.replace(frozen, graph_def=graph_def), info
