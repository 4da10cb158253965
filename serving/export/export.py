"""Export a network's graph, or a trained classifier in one of several formats."""

import os

import tensorflow.compat.v1 as tf

from classifiers import build, resolve, watch
from classifiers.model_request import ModelRequest, StoredModel
from common import imagenet
from datasets import class_names
from serving.export import completion, export_options, formats, freeze, limits_outputs
from serving.export.onnx import onnx_model
from weights import keras_export

# Format -> the end of the default file name.
_SUFFIXES = {
    'graph_def': '.pb',
    'frozen': '_frozen.pb',
    'saved_model': '_saved_model',
    'tflite': '.tflite',
    'onnx': '.onnx',
    'safetensors': '.safetensors',
    'keras': '.keras',
}


def export(options, report=print):
    """Write the requested file, and report the names of its inputs and outputs."""
    options.check_files()
    if options.format == 'onnx':
        onnx_model.require()
    for line in options.notices:
        tf.logging.info('%s', line)
    info, checkpoint = _describe(options)
    path = options.output_file or _default_path(options, info, checkpoint)
    if options.format == 'keras':
        keras_export.architecture_for(info)  # Refuses networks that Keras has not.
    if options.format in export_options.WEIGHTS:
        for line in formats.write_weights(path, options, info, checkpoint):
            report(line)
        report(f'{path}: {info.model_name}, {info.num_classes} classes')
        return
    if options.format == 'graph_def':
        info = _write_architecture(path, options, info)
    else:
        limits = _limits(options, checkpoint)
        graph, info, lines = completion.from_checkpoint(
            info, checkpoint, not options.for_app, options.batch_size, limits
        )
        for line in (f'Restoring parameters from {checkpoint}', *lines, graph.line()):
            tf.logging.info('%s', line)
        graph_def = graph.graph_def
        info, check = formats.write(path, options, info, graph_def, limits, checkpoint)
        if check:
            report(check)
    report(f'{path}: {info.model_name}, {info.num_classes} classes')
    inputs = [name for kind, name in info.nodes.items() if kind in ('image_bytes', 'input')]
    outputs = [name for name in info.nodes.values() if name not in inputs]
    report(f'inputs: {", ".join(inputs)}')
    report(f'outputs: {", ".join(dict.fromkeys(outputs))}')


def _describe(options):
    """Return (ModelInfo, path of the checkpoint or None), and log what was chosen."""
    stored = StoredModel()
    if options.checkpoint_path:
        stored = StoredModel.beside(watch.find_checkpoint(options.checkpoint_path).path)
    count, names = _classes(options, stored)
    info, lines = resolve.resolve(
        ModelRequest.of(options),
        stored,
        dataset_classes=count,
        dataset_labels=dict(enumerate(names)) if names else None,
    )
    for line in lines:
        tf.logging.info('%s', line)
    return (info if stored.info else info.with_imagenet_names()), stored.checkpoint


def _classes(options, stored):
    """Return the data set's (number of classes, names); (None, None) takes the checkpoint's."""
    name = options.dataset_name or (stored.info.dataset_name if stored.info else '')
    is_known = stored.info or not options.dataset_name
    if stored.checkpoint and not options.dataset_dir and is_known:
        return None, None
    name = name or imagenet.DATASET_NAME
    return class_names.read(name, options.dataset_dir)


def _limits(options, checkpoint):
    """Return the limits to append from `limits_outputs.find`, or None."""
    found = limits_outputs.find(options, checkpoint)
    if found and options.tflite_precision == 'int8':
        tf.logging.info('%s: left out, distances do not survive 8 bits', found.path)
        return None
    if found and options.format == 'keras':
        tf.logging.info('%s: left out, a network of Keras has only its probabilities', found.path)
        return None
    return found


def _default_path(options, info, checkpoint):
    name = info.model_name + _SUFFIXES[options.format]
    return os.path.join(os.path.dirname(checkpoint), name)


def _write_architecture(path, options, info):
    with tf.Graph().as_default() as graph:
        classifier = build.build(
            info, not options.for_app, options.batch_size, is_training=options.is_training
        )
    info = info.replace(nodes=classifier.nodes)
    return freeze.write(
        path, graph.as_graph_def(), info, options.write_text_graphdef, has_labels=False
    )
