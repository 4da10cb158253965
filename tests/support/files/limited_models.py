"""Small classifiers whose limits are known, in the files that the programs write."""

import dataclasses
import os

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import build, model_info, restore
from classifiers.verdicts import KINDS
from heads.limits import limits_graph, measures
from heads.limits.limits import FEATURES, Limits, PredictionSets, Term
from serving.model.engines.trial_pictures import trial_pictures
from support.files import pictures

_SEEN = 40  # Pictures that the limits are learnt from.


def make_limits(features, logits, layers=()):
    """Return Limits that half of the first four pictures exceed.

    `layers` are (name, rows) pairs.
    """
    outputs = logits.argmax(axis=1)
    terms = []
    rows_of = {FEATURES: features, measures.LOGITS: logits, **dict(layers)}
    for layer, rows in rows_of.items():
        name = 'max_logit' if layer == measures.LOGITS else 'neighbours_1'
        measure = measures.MEASURES[name]
        arrays = measure.fit(rows[::2], outputs[::2])
        arrays = {key: np.asarray(value, np.float32) for key, value in arrays.items()}
        values = measure.score(arrays, rows)
        terms.append(Term(name, layer, arrays, float(values.mean()), float(values.std())))
    limits = Limits(
        temperature=1.5,
        terms=tuple(terms),
        threshold=0.0,
        knots=np.linspace(-3, 3, 7, dtype=np.float32),
        p_values=np.linspace(1, 0, 7, dtype=np.float32),
        accept_known=0.95,
        sets=PredictionSets(1.2, 'lac', {'lac': {'0.9': 0.2}, 'aps': {'0.9': 0.8}}),
        num_held_out=len(features),
        layers={name: f'{name}:0' for name, _ in layers},
    )
    scores = limits.apply(logits, rows_of).unknown_scores
    return dataclasses.replace(limits, threshold=float(np.median(scores[:4])))


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
    """Return the Limits of the newest checkpoint of a train_dir.

    They know two of the four trial pictures.
    """
    generator = np.random.default_rng(7)
    drawn = [generator.integers(0, 256, (28, 28, 3), np.uint8) >> (i % 4) for i in range(_SEEN)]
    encoded = [pictures.encoded(pictures.as_image(each), 'PNG') for each in drawn]
    encoded = [*trial_pictures(), *encoded]
    logits, features, *more = outputs_of(directory, encoded, layer)
    return make_limits(features, logits, [(layer, *more)] if layer else ())


def frozen(path, directory, limits):
    """Freeze the newest checkpoint of a train_dir with its limits to `path`, and return that."""
    info = model_info.read_beside(directory)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        classifier = build.build(info)
        network = classifier.network
        limits_graph.build(limits, network.logits, {FEATURES: network.features})
        checkpoint = tf.train.latest_checkpoint(directory)
        restore.inference(checkpoint, info.model_name, network.variables).init_fn()(None, session)
        nodes = {**classifier.nodes, **dict(zip(KINDS, KINDS, strict=True))}
        graph_def = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), list(nodes.values())
        )
    with open(path, 'wb') as stream:
        stream.write(graph_def.SerializeToString())
    describe(path, info.replace(nodes=nodes, limits=limits.described()))
    return os.fspath(path)


def describe(path, info):
    """Write the description of a frozen graph."""
    sha256 = model_info.graph_sha256(path)
    model_info.write(model_info.path_beside(path), info.replace(graph_sha256=sha256))
