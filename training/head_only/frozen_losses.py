"""The weight decay of layers that are not trained is the same in every step."""

import tensorflow.compat.v1 as tf

from heads import cuts

_SQUARES = 'L2Loss'


def compute_once(trained):
    """Compute the sums of squares that no trained variable influences only once.

    They are computed when the session begins, after the variables were restored. What uses them
    stays, so that TensorFlow's optimizer of graphs finds the same additions, and the loss is the
    same to the last bit.
    """
    names = {variable.op.name for variable in trained}
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    sums = [
        op
        for op in {op.name: op for op in cuts.operations_behind(losses)}.values()
        if op.type == _SQUARES and _is_frozen(op, names)
    ]
    if not sums:
        return
    with tf.name_scope('frozen_weight_decay'):
        values = tf.Variable(
            tf.stack([tf.nn.l2_loss(op.inputs[0]) for op in sums]),
            trainable=False,
            collections=[tf.GraphKeys.LOCAL_VARIABLES],
            name='sums',
        )
        for op, value in zip(sums, tf.unstack(values), strict=True):
            cuts.reroute(op.outputs[0], value)


def _is_frozen(op, trained):
    behind = cuts.variables_behind([op.outputs[0]])
    return trained.isdisjoint(variable.op.name for variable in behind)
