"""Checkpoints under the released names fit the networks, in both formats."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import nets_factory
from support import reference


def write_checkpoint(path, facts, write_version):
    """Write a checkpoint as the released ones are: from names and shapes, without our networks."""
    with tf.Graph().as_default():
        for name, shape in facts['model_variables'].items():
            tf.get_variable(name, initializer=reference.weights(name, shape), use_resource=False)
        saver = tf.train.Saver(write_version=write_version)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            return saver.save(session, str(path), write_meta_graph=False)


@pytest.mark.parametrize('network', ['mobilenet_v1', 'lenet'])
@pytest.mark.parametrize(
    ('write_version', 'files'),
    [
        (tf.train.SaverDef.V1, ['net.ckpt']),
        (tf.train.SaverDef.V2, ['net.ckpt.data-00000-of-00001', 'net.ckpt.index']),
    ],
)
def test_released_formats_restore(tmp_path, network, write_version, files):
    facts = reference.facts(network)
    path = write_checkpoint(tmp_path / 'net.ckpt', facts, write_version)
    written = {file.name for file in tmp_path.iterdir()} - {'checkpoint'}
    assert written == set(files)

    network_fn = nets_factory.get_network_fn(network, facts['num_classes'])
    built = reference.build(network_fn, facts)
    expected = reference.known_logits(network)['logits']
    with built.graph.as_default(), tf.Session() as session:
        restore = slim.assign_from_checkpoint_fn(path, slim.get_model_variables())
        restore(session)
        size = facts['default_image_size']
        images = reference.network_input(2, size, reference.channels(facts))
        logits = session.run(built.logits, {built.images: images})
    assert np.abs(logits - expected).max() <= 1e-4 * np.abs(expected).max()
