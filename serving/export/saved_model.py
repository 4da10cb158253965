"""Write a SavedModel that takes encoded pictures and returns classes and scores."""

import os
import shutil

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import model_info
from common import files
from common.errors import UserError, reason
from serving.export import descriptions
from serving.graphdef import graph_edits

# The keys of the signature.
NODES = {'image_bytes': 'image_bytes', 'output': 'scores', 'classes': 'classes'}
# TensorFlow Serving ignores this folder.
_EXTRA = 'assets.extra'


def write(path, graph_def, info, check):
    """Write a SavedModel into the new directory `path`; return the result of `check`.

    `check` takes a function from encoded pictures to scores.
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
            line = check(lambda pictures: scores(written, pictures))
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
        found = graph.get_tensor_by_name(f'{info.nodes["probabilities"]}:0')
        names = tf.constant([info.names()], name='class_names')
        classes = tf.tile(names, [tf.shape(found)[0], 1], name='classes')
        # Not :classify, which takes serialized Examples.
        signature = tf.saved_model.signature_def_utils.build_signature_def(
            inputs={'image_bytes': tf.saved_model.utils.build_tensor_info(pictures)},
            outputs={
                'classes': tf.saved_model.utils.build_tensor_info(classes),
                'scores': tf.saved_model.utils.build_tensor_info(found),
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


def scores(path, pictures):
    """Run the default signature of a SavedModel on encoded pictures."""
    with tf.Graph().as_default() as graph, graph_edits.session(graph) as session:
        tags = [tf.saved_model.tag_constants.SERVING]
        loaded = tf.saved_model.load(session, tags, path)
        signature = loaded.signature_def['serving_default']
        fed, fetched = signature.inputs['image_bytes'].name, signature.outputs['scores'].name
        return np.asarray(session.run(fetched, {fed: pictures}))
