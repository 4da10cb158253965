"""Write a SavedModel that takes encoded pictures and returns classes and scores."""

import os
import shutil

import tensorflow.compat.v1 as tf

from classifiers import model_info
from classifiers.verdicts import KINDS
from common import files
from common.errors import UserError, reason
from serving.export import descriptions
from serving.graphdef import graph_edits

# TensorFlow Serving ignores this folder.
_EXTRA = 'assets.extra'


def nodes(info):
    """Return {kind: key of the signature}."""
    return {'image_bytes': 'image_bytes', 'output': 'scores', 'classes': 'classes', **_keys(info)}


def _keys(info):
    """Return {kind of an output of the graph: its key in the signature}."""
    verdicts = {kind: kind for kind in KINDS if kind in info.nodes}
    return {'probabilities': 'scores', **verdicts}


def write(path, graph_def, info, check):
    """Write a SavedModel into the new directory `path`; return the result of `check`.

    `check` takes a function from encoded pictures to {kind: array}.
    """
    if os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise UserError(
            f'--output_file={path}: already exists; a SavedModel needs a new directory'
            ' (TensorFlow Serving needs one per version: NAME/1, NAME/2)'
        )
    parent = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(parent, exist_ok=True)
        with files.part_directory(path) as temporary:
            written = os.path.join(temporary, 'model')
            _build(written, graph_def, info)
            line = check(lambda pictures: outputs(written, info, pictures))
            if os.path.isdir(path):
                os.rmdir(path)
            shutil.move(written, path)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f'{path}: cannot be written ({reason(error)})') from None
    return line


def _build(path, graph_def, info):
    with tf.Graph().as_default() as graph, graph_edits.session(graph) as session:
        tf.import_graph_def(graph_def, name='')
        pictures = graph.get_tensor_by_name(f'{info.nodes["image_bytes"]}:0')
        found = {
            key: graph.get_tensor_by_name(info.tensor(kind)) for kind, key in _keys(info).items()
        }
        names = tf.constant([info.names()], name='class_names')
        found['classes'] = tf.tile(names, [tf.shape(found['scores'])[0], 1], name='classes')
        # Not :classify, which takes serialized Examples.
        signature = tf.saved_model.signature_def_utils.build_signature_def(
            inputs={'image_bytes': tf.saved_model.utils.build_tensor_info(pictures)},
            outputs={
                key: tf.saved_model.utils.build_tensor_info(tensor) for key, tensor in found.items()
            },
            method_name=tf.saved_model.signature_constants.PREDICT_METHOD_NAME,
        )
        builder = tf.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.tag_constants.SERVING],
            {tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY: signature},
            strip_default_attrs=True,
            clear_devices=True,
        )
        builder.save()
    extra = os.path.join(path, _EXTRA)
    os.makedirs(extra)
    model_info.write(extra, info.replace(versions=descriptions.versions()))


def outputs(path, info, pictures):
    """Run the default signature of a SavedModel on encoded pictures; return {kind: array}."""
    with tf.Graph().as_default() as graph, graph_edits.session(graph) as session:
        tags = [tf.saved_model.tag_constants.SERVING]
        loaded = tf.saved_model.load(session, tags, path)
        signature = loaded.signature_def['serving_default']
        fed = signature.inputs['image_bytes'].name
        fetched = {kind: signature.outputs[key].name for kind, key in _keys(info).items()}
        return session.run(fetched, {fed: pictures})
