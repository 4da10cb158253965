"""The weight decay of frozen layers is computed once, and stays part of the loss."""

import numpy as np
import tensorflow.compat.v1 as tf
import tf_slim as slim

from heads import cuts
from training.head_only import frozen_losses


def test_frozen_variables_are_read_only_once(graph):
    regularizer = slim.l2_regularizer(0.5)
    frozen, trained = (
        slim.model_variable(name, [3], initializer=tf.ones_initializer(), regularizer=regularizer)
        for name in ('frozen', 'trained')
    )
    frozen_losses.compute_once([trained])
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert {v.op.name for v in cuts.variables_behind(losses)} == {'trained'}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(frozen.assign([1.0, 2.0, 3.0]))  # As a checkpoint does.
        session.run(tf.local_variables_initializer())
        np.testing.assert_array_equal(session.run(losses), [0.5 * 14 / 2, 0.5 * 3 / 2])


def test_a_network_without_weight_decay_has_nothing_to_compute(graph):
    variable = slim.model_variable('trained', [3], initializer=tf.ones_initializer())
    frozen_losses.compute_once([variable])
    assert tf.local_variables() == []
