"""Small classifiers whose limits are known, in the files that the programs write."""

import dataclasses
import os

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import build, model_info, restore
from classifiers.verdicts import KINDS
from heads.limits import limits_graph
from heads.limits.limits import FEATURES
from serving.model.engines.trial_pictures import trial_pictures
from support import limits
from support.files import pictures

_SEEN = 40  # Pictures that the limits are learnt from.


def outputs_of(directory, encoded, layer=''):
    """Return (logits, features, averaged end point or None) of pictures for a train_dir."""
    info = model_info.read_beside(directory)
    with tf.Graph().as_default(), tf.Session() as session:
        network = build.build(info).network
        checkpoint = tf.train.latest_checkpoint(directory)
        restore.inference(checkpoint, info.model_name, network.variables).init_fn()(None, session)
        fetched = [network.logits, network.features]
        if layer:
            fetched.append(limits_graph.averaged(network.end_points[layer]))
        return session.run(fetched, {'image_bytes:0': encoded})


def learnt(directory, layer=''):
    """Return the Limits of the newest checkpoint of a train_dir; `layer` is a further end point.

    They know two of the four trial pictures.
    """
    generator = np.random.default_rng(7)
    drawn = [generator.integers(0, 256, (28, 28, 3), np.uint8) >> (i % 4) for i in range(_SEEN)]
    encoded = [pictures.encoded(pictures.as_image(each), 'PNG') for each in drawn]
    logits, features, *more = outputs_of(directory, [*encoded, *trial_pictures()], layer)
    rows = {FEATURES: features, **({layer: more[0]} if layer else {})}
    measures = ('neighbours_1', 'max_logit')
    names = {layer: _tensor_name(directory, layer)} if layer else {}
    found = limits.fit_limits(logits, rows, logits.argmax(axis=1), measures, layers=names)
    scores = found.apply(logits, rows).unknown_scores[-4:]
    return dataclasses.replace(found, threshold=float(np.median(scores)))


def _tensor_name(directory, layer):
    with tf.Graph().as_default():
        return build.build(model_info.read_beside(directory)).network.end_points[layer].name


def frozen(path, directory, known):
    """Freeze the newest checkpoint of a train_dir with its Limits to `path`, and return that."""
    info = model_info.read_beside(directory)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        classifier = build.build(info)
        network = classifier.network
        limits_graph.build(known, network.logits, {FEATURES: network.features})
        checkpoint = tf.train.latest_checkpoint(directory)
        restore.inference(checkpoint, info.model_name, network.variables).init_fn()(None, session)
        nodes = {**classifier.nodes, **dict(zip(KINDS, KINDS, strict=True))}
        graph_def = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), list(nodes.values())
        )
    with open(path, 'wb') as stream:
        stream.write(graph_def.SerializeToString())
    describe(path, info.replace(nodes=nodes, limits=known.described()))
    return os.fspath(path)


def describe(path, info):
    """Write the description of a frozen graph."""
    sha256 = model_info.graph_sha256(path)
    model_info.write(model_info.path_beside(path), info.replace(graph_sha256=sha256))
