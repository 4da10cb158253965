"""Write a frozen graph in other formats, after checking that they give the same results."""

from serving.export import freeze, parity, saved_model, tflite
from serving.export.onnx import onnx_model
from weights import checkpoint_values, keras_export, safetensors_export

_CALIBRATION_SPLITS = ('train', 'validation', 'test')


def write(path, options, info, graph_def, limits=None, checkpoint=None):
    """Write the requested format; return (its ModelInfo, line about the check or '').

    `limits` from `limits_outputs.find` are those whose outputs the graph has, whose weights are
    those of `checkpoint`.
    """
    if options.format == 'frozen':
        return freeze.write(path, graph_def, info), ''
    pictures = parity.pictures_for(options, info, options.num_check_pictures)
    if options.batch_size:
        pictures = (pictures * options.batch_size)[: options.batch_size]
    check = parity.check_of(graph_def, info, pictures, limits and limits.limits)
    if options.format == 'keras':
        return _write_keras(path, info, checkpoint, check)
    return _WRITERS[options.format](path, options, info, graph_def, check)


def write_weights(path, options, info, checkpoint):
    """Write a format that contains weights and no graph; return lines for the user."""
    return _WEIGHTS_WRITERS[options.format](path, info, checkpoint)


def _write_saved_model(path, options, info, graph_def, check):
    del options
    line = saved_model.write(
        path,
        graph_def,
        info,
        lambda outputs: check.compare('saved_model', outputs(check.pictures)),
    )
    return info.replace(nodes=saved_model.nodes(info)), line


def _write_tflite(path, options, info, graph_def, check):
    precision = options.tflite_precision
    representative = None
    if precision == 'int8':
        count = options.num_calibration_pictures
        pictures = parity.pictures_for(options, info, count, _CALIBRATION_SPLITS)
        representative = parity.pixels(info, pictures)
    kinds, batch_size = parity.compared(info), options.batch_size or 1
    data = tflite.convert(graph_def, info, kinds, precision, representative, batch_size)
    found = tflite.outputs(data, kinds, check.images)
    tolerance = parity.FLOAT_TOLERANCE if precision == 'float32' else None
    line = check.compare(f'tflite ({precision})', found, tolerance)
    return _write_file(path, data, info, ''), line


def _write_onnx(path, options, info, graph_def, check):
    del options
    kinds = parity.compared(info)
    data = onnx_model.convert(onnx_model.PixelGraph.of(graph_def, info, kinds))
    line = check.compare('onnx', onnx_model.outputs(data, info, kinds, check.images))
    return _write_file(path, data, info, ':0'), line


def _write_keras(path, info, checkpoint, check):
    values, _ = checkpoint_values.read(info, checkpoint)
    data, outputs, pixels = keras_export.convert(info, values)
    line = check.compare('keras', {'probabilities': outputs(check.images)})
    described = info.replace(
        nodes=keras_export.NODES,
        moving_average_decay=None,
        unknown={**info.unknown, 'pixels': pixels},
    )
    return freeze.write_described(path, data, described), f'{line}; {pixels}'


def _write_file(path, data, info, suffix):
    """Write a model with pixels as input, and as outputs the probabilities and any verdicts."""
    kinds = {kind: kind for kind in ('input', *parity.compared(info))}
    kinds['output'] = 'probabilities'
    nodes = {kind: info.nodes[source] + suffix for kind, source in kinds.items()}
    return freeze.write_described(path, data, info.replace(nodes=nodes))


_WRITERS = {'saved_model': _write_saved_model, 'tflite': _write_tflite, 'onnx': _write_onnx}
_WEIGHTS_WRITERS = {'safetensors': safetensors_export.write}
