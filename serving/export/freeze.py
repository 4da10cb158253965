"""Combine an exported graph and a checkpoint into one file with a description."""

import hashlib

import tensorflow.compat.v1 as tf
from google.protobuf import text_format

from classifiers import model_info, watch
from common import checks, files, labels
from common.errors import UserError
from serving.export import completion, descriptions, limits_outputs
from serving.export.onnx import onnx_files
from serving.graphdef import (
    graph_edits,
    graph_nodes,
    graph_safety,
    proto_files,
    saver_places,
    variables,
)

_PIPELINES = ('Queue', 'Iterator')  # In the names of operations.


def freeze(options):
    """Write `output_graph` with its label file and description; return the Frozen."""
    options.check_files()
    for line in options.notices:
        tf.logging.info('%s', line)
    graph_def, places = _read(options)
    _require_nodes(graph_def, options)
    checkpoint = watch.find_checkpoint(options.input_checkpoint).path
    limits = limits_outputs.find(options, checkpoint)
    info, lines = descriptions.describe(
        options.graph_path,
        graph_def,
        checkpoint,
        options.output_node_names,
        options.model_name,
        options.use_moving_averages,
    )
    for line in lines:
        tf.logging.info('%s', line)
    outputs = _outputs(options, info)
    prepared = completion.prune(graph_def, outputs)
    _require_no_pipeline(prepared, options)
    _require_safe(prepared, options)  # Freezing runs the parts that depend only on constants.
    _require_variables(prepared, graph_def, options)
    values = _values(options, graph_def, prepared, checkpoint, info, places)
    result = completion.freeze(prepared, values, outputs, options.clear_devices)
    tf.logging.info('%s', result.line())
    result, info = completion.with_limits(result, graph_def, info, limits)
    onnx = onnx_files.make(options, result.graph_def, info, limits)
    onnx, refusal = onnx_files.with_int8(options, onnx, info)
    write(options.output_graph, result.graph_def, info, onnx=onnx)
    if refusal:
        raise refusal
    return result


def _read(options):
    """Return (GraphDef, {variable: Place} of those that the graph's saver reads elsewhere)."""
    if not options.input_meta_graph:
        return graph_nodes.read_graph_def(options.input_graph), {}
    meta_graph = graph_nodes.read_meta_graph(options.input_meta_graph)
    return meta_graph.graph_def, saver_places.find_places(
        options.input_meta_graph, meta_graph.graph_def, meta_graph.saver_def
    )


def _require_nodes(graph_def, options):
    """Raise a UserError unless the graph has the requested nodes."""
    present = graph_edits.nodes_by_name(graph_def)
    for name in (*options.output_node_names, *options.initializer_nodes):
        if name not in present:
            near = ', '.join(checks.nearest(name, present)[:5])
            raise UserError(
                f'{options.graph_path} has no node {name!r}; nearest: {near}; likely outputs:'
                f' {", ".join(graph_nodes.likely_outputs(graph_def)[:5])}'
            )


def _require_variables(prepared, graph_def, options):
    """Raise a UserError unless the graph has variables for the checkpoint's weights."""
    if variables.find_variables(prepared):
        return
    if variables.find_variables(graph_def):
        raise UserError(
            f'--output_node_names={",".join(options.output_node_names)}: depend on no variable of'
            f' {options.graph_path}; name its outputs'
        )
    flag = 'input_graph' if options.input_graph else 'input_meta_graph'
    raise UserError(
        f'--{flag}={options.graph_path}: holds no variables, it is frozen already; name the'
        ' graph of export_inference_graph.py'
    )


def _require_no_pipeline(prepared, options):
    """Refuse outputs that read pictures from the input pipeline of the training."""
    found = [node for node in prepared.node if any(word in node.op for word in _PIPELINES)]
    if found and not options.allow_unsafe_graph:
        last = found[-1]
        raise UserError(
            f'--output_node_names={",".join(options.output_node_names)}: read their pictures from'
            f' the input pipeline of the training ({last.name}, {last.op}); freeze the graph of'
            ' export_inference_graph.py with this checkpoint, or pass --allow_unsafe_graph to keep'
            ' the pipeline'
        )


def _require_safe(graph_def, options):
    """Refuse operations that can read or change files."""
    for line in graph_safety.check(
        options.graph_path, graph_def, options.allow_unsafe_graph, graph_safety.WITH_VARIABLES
    ):
        tf.logging.info('%s', line)


def _outputs(options, info):
    """List the nodes to keep: the requested ones and those with stable names."""
    stable = info.nodes.values() if info else ()
    return list(dict.fromkeys([*options.output_node_names, *stable]))


def _values(options, graph_def, prepared, checkpoint, info, places):
    """Return {name of a variable: value} from the checkpoint."""
    wanted = variables.find_variables(prepared)
    values = {}
    if options.input_saver or options.initializer_nodes:
        saver = _read_saver(options.input_saver) if options.input_saver else None
        run = [*options.initializer_nodes, *([saver.restore_op_name] if saver else [])]
        _require_safe(graph_edits.needed_for(graph_def, run), options)
        values = variables.run(graph_def, wanted, checkpoint, saver, options.initializer_nodes)
    averages = options.use_moving_averages
    if averages is None:
        averages = bool(info and info.moving_average_decay)
    rest = [v for v in wanted if v.op.name not in values or (averages and options.input_saver)]
    if rest:
        tf.logging.info('Restoring parameters from %s', checkpoint)
        is_whole = len(rest) == len(wanted)
        name = info.model_name if info and is_whole else None
        read, lines = variables.read(checkpoint, rest, name, averages, places)
        values.update(read)
        for line in lines:
            tf.logging.info('%s', line)
    return values


def _read_saver(path):
    saver = proto_files.read(path, tf.train.SaverDef)
    if not saver.restore_op_name:
        raise UserError(f'{path}: a SaverDef without the name of its restore operation')
    return saver


def write(path, graph_def, info, as_text=False, has_labels=True, onnx=None):
    """Write a graph with its description and its ONNX files; return the description."""
    if as_text:
        data = text_format.MessageToString(graph_def).encode('utf-8')
    else:
        data = graph_def.SerializeToString(deterministic=True)
    return write_described(path, data, info, has_labels, onnx)


def write_described(path, data, info, has_labels=True, onnx=None):
    """Write NAME.json, NAME.label and NAME.pb (or a model of another format), or none of them.

    `onnx` has the bytes of the ONNX files by precision. The model comes last, so that a program
    that waits for it finds its description. Return that.
    """
    old = onnx_files.listed(path)
    texts, models = {}, onnx_files.paths(path, onnx or {})
    if info is not None:
        digest = _sha256(data)
        hashes = {precision: _sha256(model) for precision, model in (onnx or {}).items()}
        if precision := model_info.onnx_precision(path):
            hashes = {precision: digest}
        info = info.replace(graph_sha256=digest, onnx=hashes, versions=descriptions.versions())
        texts[descriptions.path_for(path)] = model_info.as_text(info)
        if info.class_names and has_labels:
            label_path = model_info.beside_graph(path, model_info.LABEL_SUFFIX)
            texts[label_path] = labels.as_text(info.class_names)
    parts = {beside: text.encode('utf-8') for beside, text in texts.items()}
    try:
        files.write_together({**parts, **models, path: data})
        onnx_files.remove(old - models.keys() - {path})
    except OSError as error:
        raise UserError(f'{path}: cannot be written ({error.strerror})') from None
    return info


def _sha256(data):
    return hashlib.sha256(data).hexdigest()
