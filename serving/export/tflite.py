"""Convert a graph to TensorFlow Lite, from preprocessed pixels to probabilities."""

import os
import tempfile
import warnings

import numpy as np
import tensorflow.compat.v1 as tf

from common import startup
from common.errors import UserError, one_line


def convert(graph_def, info, kinds, precision, representative=None, batch_size=1):
    """Return the bytes of a TensorFlow Lite model of a frozen graph with outputs of these kinds.

    For int8 `representative` holds preprocessed pictures [pictures, side, side, channels], from
    which the range of every tensor is read, `batch_size` at a time. Inputs and outputs stay
    float32.
    """
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, 'frozen.pb')
        with open(path, 'wb') as stream:
            stream.write(graph_def.SerializeToString())
        converter = tf.lite.TFLiteConverter.from_frozen_graph(
            path, [info.nodes['input']], [info.nodes[kind] for kind in kinds]
        )
        _set_precision(converter, precision, representative, batch_size)
        try:
            return converter.convert()
        except Exception as error:  # The converter's errors have no common class.
            reason = one_line(error, 300)
            raise UserError(
                f'--format=tflite: {info.model_name} cannot be converted: {reason}'
            ) from None


def _set_precision(converter, precision, representative, batch_size):
    if precision == 'float32':
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == 'float16':
        converter.target_spec.supported_types = [tf.float16]
        return
    converter.representative_dataset = lambda: _batches(representative, batch_size)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]


def _batches(images, size):
    """Yield full batches; the last one is filled up with the first pictures."""
    for start in range(0, len(images), size):
        yield [images.take(range(start, start + size), axis=0, mode='wrap')]


def outputs(model, kinds, images):
    """Run a TensorFlow Lite model on preprocessed pictures; return {kind: array}."""
    interpreter = _interpreter(model)
    fed, fetched = interpreter.get_input_details()[0], interpreter.get_output_details()
    batch = max(int(fed['shape_signature'][0]), 1)  # -1 means any size.
    interpreter.resize_tensor_input(fed['index'], [batch, *images.shape[1:]])
    with startup.without_noise():
        interpreter.allocate_tensors()
    results = {kind: [] for kind in kinds}
    for start in range(0, len(images), batch):
        interpreter.set_tensor(fed['index'], images[start : start + batch])
        interpreter.invoke()
        for kind, output in zip(kinds, fetched, strict=True):
            results[kind].append(interpreter.get_tensor(output['index']))
    return {kind: np.concatenate(found) for kind, found in results.items()}


def _interpreter(model):
    """Return LiteRT's interpreter if it is installed, else TensorFlow's."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # It moves to LiteRT.
            return tf.lite.Interpreter(model_content=model)
    return Interpreter(model_content=model)
