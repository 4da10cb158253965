"""The ONNX files that freeze_graph.py writes beside a frozen graph.

Each is compared with the graph before it is written. The graph is complete without them: if one
cannot be made, a line in the log says why.
"""

import os

import tensorflow.compat.v1 as tf

from classifiers import model_info, verdicts
from common import imagenet
from common.errors import UserError, one_line
from serving import memory
from serving.export import parity
from serving.export.onnx import onnx_model

# Of the outputs, in this order.
KINDS = ('logits', 'probabilities', 'features', *verdicts.KINDS)
TOLERANCE = 1e-4  # Of a probability.
NUM_PICTURES = 10
_LONGEST_REASON = 300
# Memory for the conversion and the check, measured with VGG-16: a multiple of the graph's size, and
# bytes for the libraries.
_GRAPHS_IN_MEMORY, _LIBRARIES = 6, 300 * 2**20


def make(options, graph_def, info, limits=None):
    """Return {precision: bytes of the ONNX file} of a frozen graph, and log a line about it.

    `limits` from `limits_outputs.find` are those whose outputs the graph has.
    """
    if not options.onnx:
        return {}
    path = model_info.onnx_path(options.output_graph)
    reason = _obstacle(path, options.output_graph, graph_def, info)
    if not reason:
        # Outside the `try`: a wrong --dataset_dir is a mistake of the user.
        pictures = parity.pictures_for(options, info, NUM_PICTURES)
        try:
            model, line = _checked(graph_def, info, pictures, limits and limits.limits)
            tf.logging.info('%s', line)
            return {'float32': model}
        except Exception as error:  # Both libraries raise errors of many kinds.
            reason = one_line(error, _LONGEST_REASON)
    tf.logging.warning('%s is not written: %s', path, reason)
    return {}


def with_int8(options, models, info):
    """Return ({precision: bytes} with the int8 model if it is accepted, error or None).

    The error is for after the graph and the float32 model are written.
    """
    if not options.int8:
        return models, None
    path = model_info.onnx_path(options.output_graph, 'int8')
    reason = _occupied(path, options.output_graph)
    if 'float32' not in models:
        reason = 'it is made from the float32 ONNX file, which could not be made'
    if not reason:
        from serving.export.onnx import int8_model  # Late: only --int8 needs the package onnx.

        name = options.dataset_name or info.dataset_name or imagenet.DATASET_NAME
        dataset = (name, options.dataset_dir)
        try:
            model = int8_model.make(path, models['float32'], info, dataset, options.int8_max_drop)
            return {**models, 'int8': model}, None
        except UserError as error:
            return models, error
        except Exception as error:  # ONNX Runtime's errors and those of its quantizer.
            reason = one_line(error, _LONGEST_REASON)
    return models, UserError(f'{path} is not written: {reason}')


def _occupied(path, graph):
    """Return that a file which does not belong to a graph has the name of an ONNX file, or ''."""
    if os.path.lexists(path) and path not in listed(graph):
        description = model_info.beside_graph(graph)
        return f'there is a file of that name that {description} does not list; move it away'
    return ''


def _obstacle(path, graph, graph_def, info):
    """Return why a graph cannot be converted, or ''."""
    if info is None:
        return 'its network is not known'
    for kind, what in (('input', 'takes pixels'), ('probabilities', 'returns probabilities')):
        if kind not in info.nodes:
            return f'the graph has no node that {what}'
    if problem := _occupied(path, graph):
        return problem
    if problem := onnx_model.missing_package():
        return problem
    needed, free = _GRAPHS_IN_MEMORY * graph_def.ByteSize() + _LIBRARIES, memory.free_bytes()
    if needed > free:
        return f'it takes {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free'
    return ''


def _checked(graph_def, info, pictures, limits):
    """Return (bytes of an ONNX model, line about how well it agrees with the graph)."""
    kinds = [kind for kind in KINDS if kind in info.nodes]
    pixel_graph = onnx_model.PixelGraph.of(graph_def, info, kinds)
    if size := pixel_graph.batch_size:
        pictures = (pictures * size)[:size]
    images = parity.pixels(info, pictures)
    compared = parity.compared(info)
    expected = pixel_graph.run(images, {kind: info.tensor(kind) for kind in compared})
    model = onnx_model.convert(pixel_graph)
    del pixel_graph  # Its memory is needed for the check.
    found = onnx_model.outputs(model, info, compared, images)
    return model, parity.Check(pictures, images, expected, limits).compare('onnx', found, TOLERANCE)


def paths(graph, models):
    """Return {path beside the graph: bytes} of {precision: bytes}."""
    return {model_info.onnx_path(graph, each): model for each, model in models.items()}


def listed(graph):
    """Return the paths of the ONNX files that are made from the graph at a path now."""
    description = model_info.beside_graph(graph)
    try:
        info = model_info.read(description) if os.path.lexists(description) else None
    except UserError:  # It belongs to another program, or is damaged.
        info = None
    found = (model_info.find_onnx(graph, info, each)[0] for each in model_info.ONNX_ENDINGS)
    return set(found) - {None}


def remove(outdated):
    """Remove the ONNX files of a graph that was replaced."""
    for path in sorted(outdated):
        os.unlink(path)
        tf.logging.info('Removed %s, which was made from the graph before', path)
