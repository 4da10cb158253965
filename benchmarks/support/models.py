"""Write networks with random weights as freeze_graph.py does, and replace them.

The weights do not change the speed unless they are zero or one, which TensorFlow optimizes away.
"""

import hashlib
import os
import shutil
import tempfile

from benchmarks.support import programs
from classifiers import model_info
from common import files, processors
from preprocessing import recipe_names

# An empty message that joins a model when its bytes are appended: the function library of a
# GraphDef, the graph of an ONNX model. The file changes, and the model does not.
_EMPTY_PARTS = {'.pb': b'\x12\x00', '.onnx': b'\x3a\x00'}
_CALIBRATION = 4  # Pictures.


def describe(network):
    """Return the ModelInfo of a network for ImageNet."""
    from classifiers.model_request import ModelRequest
    from classifiers.resolve import resolve
    from common import imagenet

    return resolve(ModelRequest(network), dataset_classes=imagenet.NUM_LABELS)[0]


def write_checkpoint(folder, info):
    """Write random weights; return (path, GraphDef as TensorFlow's own tools freeze it)."""
    import tensorflow.compat.v1 as tf

    from classifiers import build

    with tf.Graph().as_default() as graph, tf.Session() as session:
        classifier = build.build(info)
        session.run(tf.global_variables_initializer())
        session.run([variable.assign(_drawn(variable)) for variable in tf.global_variables()])
        path = tf.train.Saver().save(session, os.path.join(folder, f'{info.model_name}.ckpt'))
        nodes = list(classifier.nodes.values())
        unfolded = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), nodes
        )
    return path, unfolded


def _drawn(variable):
    """Return random weights that keep a network's values in a normal range."""
    import numpy as np

    generator = np.random.default_rng(len(variable.op.name))
    shape = variable.shape.as_list()
    if len(shape) > 1:
        return generator.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape).astype(np.float32)
    return generator.uniform(0.5, 1.5, shape).astype(np.float32)


def path_of(folder, network):
    """Return the path of a network's frozen graph."""
    return os.path.join(folder, f'{network}.pb')


def recipe(path):
    """Return the name of a model's preprocessing recipe."""
    return recipe_names.recipe_of(model_info.read_beside(path).preprocessing_name)


def unfolded_path(path):
    """Return the path of the same graph with its batch norm layers."""
    return f'{model_info.stem(path)}_unfolded.pb'


def write(folder, network):
    """Write X.pb, X.json, X.label, X.onnx, and the graph without folded batch norm layers."""
    from serving.export import export, freeze
    from serving.export.export_options import ExportOptions
    from serving.export.freeze_options import FreezeOptions

    path = path_of(folder, network)
    with tempfile.TemporaryDirectory() as parts:
        checkpoint, unfolded = write_checkpoint(parts, describe(network))
        architecture = os.path.join(parts, 'architecture.pb')
        export.export(ExportOptions(model_name=network, output_file=architecture))
        freeze.freeze(
            FreezeOptions(
                input_graph=architecture,
                input_checkpoint=checkpoint,
                output_graph=path,
                output_node_names=('probabilities',),
            )
        )
    with open(unfolded_path(path), 'wb') as stream:
        stream.write(unfolded.SerializeToString())


def provide(folder, network, with_int8=False):
    """Return the path of a network's frozen graph, and write the files that do not exist."""
    path = path_of(folder, network)
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        programs.run(*programs.own(write, folder, network))
    if with_int8 and not os.path.exists(model_info.onnx_path(path, 'int8')):
        programs.run(*programs.own(quantize, path))
    return path


def quantize(path):
    """Write X.int8.onnx as freeze_graph.py does, without the check that refuses random weights."""
    import numpy as np

    from serving.quantization import calibration, quantizer

    info = model_info.read_beside(path)
    with open(model_info.onnx_path(path), 'rb') as stream:
        model = quantizer.inferred(stream.read())
    shape = [1, info.image_size, info.image_size, info.channels]
    images = np.random.default_rng(0).uniform(-1, 1, [_CALIBRATION, *shape]).astype(np.float32)
    ranges = calibration.tensor_ranges(model, images)
    int8 = quantizer.quantized(model, ranges, [], not processors.have('vnni')).SerializeToString()
    info = info.replace(onnx={**info.onnx, 'int8': hashlib.sha256(int8).hexdigest()})
    model_info.write(model_info.path_beside(path), info)
    files.write_bytes(model_info.onnx_path(path, 'int8'), int8)


def copy(path, folder):
    """Copy a model with all of its files into a folder, and return its path there."""
    os.makedirs(folder, exist_ok=True)
    for each in (path, unfolded_path(path), *model_info.files_beside(path)):
        if os.path.exists(each):
            shutil.copy(each, folder)
    return os.path.join(folder, os.path.basename(path))


def write_again(path):
    """Replace a model, X.pb or X.onnx, with another file of the same model, and its description."""
    with open(path, 'rb') as stream:
        data = stream.read() + _EMPTY_PARTS[os.path.splitext(path)[1]]
    info, digest = model_info.read_beside(path), hashlib.sha256(data).hexdigest()
    precision = model_info.onnx_precision(path)
    changes = {'onnx': {**info.onnx, precision: digest}} if precision else {'graph_sha256': digest}
    text = model_info.as_text(info.replace(**changes)).encode()
    files.write_together({model_info.path_beside(path): text, path: data})
