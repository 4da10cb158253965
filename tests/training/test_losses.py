"""Losses by hand."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from training import losses

LOGITS = np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]], np.float32)
LABELS = [0, 0, 1]


def cross_entropy(smoothing=0.0, weights=(1.0, 1.0)):
    shifted = LOGITS - np.log(np.exp(LOGITS).sum(axis=1, keepdims=True))
    targets = np.eye(2)[LABELS] * (1 - smoothing) + smoothing / 2
    return float(np.mean(-(targets * shifted).sum(axis=1) * np.take(weights, LABELS)))


def total(end_points=None, **options):
    with tf.Graph().as_default(), tf.Session() as session:
        found = {name: tf.constant(value) for name, value in (end_points or {}).items()}
        losses.add_losses(tf.constant(LOGITS), found, tf.constant(LABELS), **options)
        return session.run(losses.parts()), session.run(tf.losses.get_total_loss())


@pytest.mark.parametrize('smoothing', [0.0, 0.1])
@pytest.mark.parametrize('weights', [None, (0.75, 1.5)])
def test_the_loss_is_the_mean_cross_entropy(smoothing, weights):
    _, found = total(
        label_smoothing=smoothing,
        class_weights=None if weights is None else np.array(weights, np.float32),
    )
    assert found == pytest.approx(cross_entropy(smoothing, weights or (1, 1)), rel=1e-5)


def test_an_auxiliary_head_counts_four_tenths():
    parts, found = total({'AuxLogits': LOGITS})
    assert found == pytest.approx(1.4 * cross_entropy(), rel=1e-5)
    assert set(parts) == {'losses/aux_loss', 'losses/softmax_cross_entropy_loss'}


def test_balanced_classes_count_alike_and_one_on_average():
    weights = losses.balanced_weights([1, 3, 0])
    assert weights.tolist() == pytest.approx([2, 2 / 3, 1])
    assert losses.balanced_weights([5, 5]).tolist() == [1, 1]
