"""The losses of training: cross entropies and class weights."""

import numpy as np
import tensorflow.compat.v1 as tf

AUXILIARY_WEIGHT = 0.4


def add_losses(logits, end_points, labels, label_smoothing=0.0, class_weights=None):
    """Add the cross entropy of the network and of its auxiliary head to the losses of the graph."""
    one_hot = tf.one_hot(labels, logits.shape.as_list()[-1])
    weights = 1.0 if class_weights is None else tf.gather(tf.constant(class_weights), labels)
    if 'AuxLogits' in end_points:
        tf.losses.softmax_cross_entropy(
            one_hot,
            end_points['AuxLogits'],
            weights=AUXILIARY_WEIGHT * weights,
            label_smoothing=label_smoothing,
            scope='aux_loss',
        )
    tf.losses.softmax_cross_entropy(
        one_hot, logits, weights=weights, label_smoothing=label_smoothing
    )


def balanced_weights(counts):
    """Return a weight per class, inverse to its frequency; the mean over the examples is 1.

    A class without examples gets 1, which is never used.
    """
    counts = np.asarray(counts, np.float64)
    present = counts > 0
    weights = np.ones_like(counts)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights.astype(np.float32)


def parts(scope=None):
    """Return {name: loss} with the parts of the loss of the clone in `scope`."""
    losses = tf.get_collection(tf.GraphKeys.LOSSES, scope)
    named = {f'losses/{_short_name(loss, scope)}': loss for loss in losses}
    regularization = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    if regularization:
        named['regularization_loss'] = tf.add_n(regularization)
    return named


def _short_name(loss, scope):
    return loss.op.name.removeprefix(scope or '').split('/')[0]
