"""What is learnt about the known pictures, whatever they are."""

import dataclasses

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf_shrinkage
from threadpoolctl import threadpool_limits

from heads.limits import candidates, fitting, measures, scores
from heads.limits.known_pictures import Head
from heads.limits.limits import FEATURES
from heads.limits.scores import Pictures

EARLIER = ('before', 'middle')
CANDIDATE = candidates.all_of(EARLIER)[0]
WIDTH = 24


def draw(outputs, seed=0):
    """Return Pictures of classes that are clouds."""
    means = np.abs(np.random.default_rng(1).normal(0, 1, [max(outputs) + 1, WIDTH]))
    noise = np.random.default_rng(seed).normal(0, 0.3, [3, len(outputs), WIDTH])
    rows = means[outputs] + noise
    return Pictures(dict(zip((FEATURES, *EARLIER), rows, strict=True)), np.asarray(outputs))


def head_of(classes):
    return Head(np.random.default_rng(2).normal(0, 1, [WIDTH, classes]), np.zeros(classes))


def fit(train, validation, classes=3, **changes):
    settings = {'train_is_usable': False, 'accept_known': 0.95, 'tensors': {}, **changes}
    return fitting.fit(CANDIDATE, train, validation, head_of(classes), **settings)


@pytest.mark.parametrize('shape', [(50, 200), (200, 50), (60, 60), (30, 1)])
def test_the_shrinkage_is_that_of_scikit_learn(shape):
    rows = np.random.default_rng(0).normal(0, 1, shape) * np.linspace(0.1, 3, shape[1])
    expected = ledoit_wolf_shrinkage(rows, assume_centered=True)
    assert measures.shrinkage_of(rows) == pytest.approx(expected, abs=1e-12)


def test_pictures_that_are_all_the_same_are_an_error():
    train = draw([0] * 10 + [1] * 10)
    for rows in train.layers.values():
        rows[:] = rows[0]
    with pytest.raises(ValueError, match='the pictures of each class have the same features'):
        fit(train, draw([0, 1] * 10), 2)


def test_a_picture_of_each_class_is_an_error():
    with pytest.raises(ValueError, match='the pictures of each class have the same features'):
        fit(draw([0, 1, 2]), draw([0, 1, 2] * 10))


@pytest.mark.parametrize('count', [1, 2, 5])
def test_a_few_held_out_pictures_do_not_make_all_others_unknown(count):
    train, new = draw([0, 1, 2] * 20), draw([0, 1, 2] * 30, seed=3)
    limits, held_out = fit(train, draw([0, 1, 2] * 2, seed=5).part(np.arange(count)))
    assert len(held_out) == count
    verdicts = limits.apply(head_of(3).logits(new), new.layers)
    assert verdicts.is_known.any()
    assert abs(verdicts.unknown_scores).max() < 100


def test_two_classes_with_the_same_pictures_are_calibrated():
    train = draw([0] * 20 + [2] * 20)
    train.outputs[::2] = 1
    limits, _ = fit(train, draw([0, 2] * 20, seed=3))
    assert np.isfinite(limits.threshold)


def test_the_result_does_not_depend_on_the_number_of_threads():
    train, validation = draw([0, 1, 2] * 60), draw([0, 1, 2] * 10, seed=3)
    found = []
    for threads in (1, 2, 3):
        with threadpool_limits(threads):
            limits, _ = fit(train, validation, train_is_usable=True)
        found.append(limits)
    for other in found[1:]:
        assert other.threshold == found[0].threshold
        for one, two in zip(found[0].terms, other.terms, strict=True):
            assert {k: v.tobytes() for k, v in one.arrays.items()} == {
                k: v.tobytes() for k, v in two.arrays.items()
            }
        assert (
            dataclasses.replace(other, terms=()).described()
            == dataclasses.replace(found[0], terms=()).described()
        )


def test_a_part_of_many_pictures_has_all_classes():
    outputs = np.array([2] * 5 + [0] * 90 + [1] * 5)
    numbers = scores.evenly(outputs, 20)
    assert list(numbers) == sorted(set(numbers))
    assert len(numbers) == 20
    assert np.bincount(outputs[numbers]).tolist() == [18, 1, 1]
    assert scores.evenly(outputs, 100).tolist() == list(range(100))
