"""export_inference_graph: a network's graph, or a trained classifier in another format."""

import dataclasses
import os

import tensorflow.compat.v1 as tf

from classifiers import build, resolve, watch
from classifiers.model_request import ModelRequest, StoredModel
from common import imagenet
from common.errors import UserError
from datasets import class_names
from serving.export import completion, formats, freeze, onnx_model

# Format -> how its file is called where no name was given.
_SUFFIXES = {
    'graph_def': '.pb',
    'frozen': '_frozen.pb',
    'saved_model': '_saved_model',
    'tflite': '.tflite',
    'onnx': '.onnx',
}


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """What to export; None stands for what was not given."""

    output_file: str | None = None
    checkpoint_path: str | None = None
    format: str = 'graph_def'
    model_name: str | None = None
    dataset_name: str | None = None
    dataset_dir: str | None = None
    image_size: int | None = None
    preprocessing_name: str | None = None
    labels_offset: int | None = None
    use_grayscale: bool | None = None
    use_moving_averages: bool | None = None
    batch_size: int | None = None
    is_training: bool = False
    for_app: bool = False
    write_text_graphdef: bool = False
    tflite_precision: str = 'float32'
    num_calibration_pictures: int = 100
    num_check_pictures: int = 10


def export(options, report=print):
    """Write what `options` ask for; report the names of inputs and outputs."""
    _check(options)
    info, checkpoint = _describe(options)
    path = options.output_file or _default_path(options, info, checkpoint)
    if options.format == 'graph_def':
        info = _write_architecture(path, options, info)
    else:
        graph, info, lines = completion.from_checkpoint(
            info, checkpoint, not options.for_app, options.batch_size
        )
        for line in (f'Restoring parameters from {checkpoint}', *lines, graph.line()):
            tf.logging.info('%s', line)
        info, check = formats.write(path, options, info, graph.graph_def)
        if check:
            report(check)
    report(f'{path}: {info.model_name}, {info.num_classes} classes')
    inputs = [name for kind, name in info.nodes.items() if kind in ('image_bytes', 'input')]
    outputs = [name for name in info.nodes.values() if name not in inputs]
    report(f'inputs: {", ".join(inputs)}')
    report(f'outputs: {", ".join(dict.fromkeys(outputs))}')


def _check(options):
    for name in ('image_size', 'batch_size', 'num_calibration_pictures', 'num_check_pictures'):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UserError(f'--{name}={value}: at least 1 is valid')
    if (options.labels_offset or 0) < 0:
        raise UserError(f'--labels_offset={options.labels_offset}: at least 0 is valid')
    if options.tflite_precision != 'float32' and options.format != 'tflite':
        raise UserError(
            f'--tflite_precision={options.tflite_precision}: belongs to --format=tflite,'
            f' not to {options.format}'
        )
    if not options.output_file and not options.checkpoint_path:
        raise UserError('--output_file is missing: name the file to write the graph to')
    if options.output_file and options.format != 'saved_model':
        freeze.require_place('output_file', options.output_file)
    if options.format == 'graph_def':
        return
    if not options.checkpoint_path:
        raise UserError(f'--format={options.format}: needs weights; name them: --checkpoint_path')
    for name in ('is_training', 'write_text_graphdef'):
        if getattr(options, name):
            raise UserError(f'--{name}: belongs to --format=graph_def, not to {options.format}')
    if options.format == 'saved_model' and options.for_app:
        raise UserError('--for_app: leaves out the pictures that --format=saved_model takes')
    if options.tflite_precision == 'int8' and not options.dataset_dir:
        raise UserError(
            '--tflite_precision=int8: is fitted to pictures like those that the model will see;'
            ' name the directory of its records with --dataset_dir'
        )
    if options.format == 'onnx':
        onnx_model.require()


def _describe(options):
    """Return (ModelInfo, path of the checkpoint or None), and log what was chosen."""
    stored = StoredModel()
    if options.checkpoint_path:
        stored = StoredModel.beside(watch.find(options.checkpoint_path).path)
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
