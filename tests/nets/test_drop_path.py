import zlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets.drop_path import drop_path, scheduled_keep_prob

PICTURES = 64


def run(tensor, feed=None, at=0):
    """Return the value of a tensor at a global step."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(tf.train.get_global_step().assign(at))
        return session.run(tensor, feed)


@pytest.fixture
def maps(graph):
    tf.train.get_or_create_global_step()
    return tf.ones([PICTURES, 2, 3, 4])


@pytest.mark.parametrize('seed', [None, 7])
def test_whole_maps_are_dropped_and_the_others_scaled(maps, seed):
    values = run(drop_path(maps, tf.constant(0.75), seed=seed))
    assert set(values[:, 0, 0, 0]) == {0, np.float32(1 / 0.75)}
    assert (values == values[:, :1, :1, :1]).all()


def test_batch_of_unknown_size(graph):
    tf.train.get_or_create_global_step()
    inputs = tf.placeholder(tf.float32, [None, 2, 3, 4])
    outputs = drop_path(inputs, 0.5, seed=1)
    assert outputs.shape.as_list() == [None, 2, 3, 4]
    values = run(outputs, {inputs: np.ones([PICTURES, 2, 3, 4])})
    assert set(values.ravel()) == {0, 2}


def test_share_of_the_maps_is_the_probability(graph):
    tf.train.get_or_create_global_step()
    values = run(drop_path(tf.ones([20_000, 1]), 0.7, seed=3))
    assert (values > 0).mean() == pytest.approx(0.7, abs=0.015)
    assert values.mean() == pytest.approx(1, abs=0.03)


def test_seed_name_and_step_decide(maps):
    same, named, seeded = (
        drop_path(maps, 0.5, seed=seed, scope=scope)[:, 0, 0, 0]
        for seed, scope in ((7, 'one'), (7, 'other'), (8, 'third'))
    )
    first, *others = run([same, named, seeded], at=3)
    np.testing.assert_array_equal(first, run(same, at=3))
    for other in (*others, run(same, at=4), run(same, at=2**40)):
        assert 16 < (first != other).sum() < 48


def test_the_seed_is_the_documented_one(maps):
    actual = run(drop_path(maps, 0.5, seed=9, scope='path')[:, 0, 0, 0], at=5)
    uniform = tf.raw_ops.StatelessRandomUniformV2(
        shape=[PICTURES], key=[zlib.crc32(b'path') ^ 9], counter=[0, 5], alg=1
    )
    np.testing.assert_array_equal(actual > 0, run(uniform) >= 0.5)


def test_branches_and_clones_share_no_choice(maps):
    first, second = (drop_path(maps, 0.5, seed=7)[:, 0, 0, 0] for _ in range(2))
    with tf.name_scope('clone_1'):
        third = drop_path(maps, 0.5, seed=7)[:, 0, 0, 0]
    values = run([first, second, third])
    assert len({value.tobytes() for value in values}) == 3


@pytest.mark.parametrize('is_training', [False, 'tensor'])
def test_nothing_is_dropped_at_inference(maps, is_training):
    flag = tf.placeholder_with_default(False, []) if is_training == 'tensor' else False
    outputs = drop_path(maps, 0.1, is_training=flag, seed=1)
    assert (run(outputs) == 1).all()
    if is_training == 'tensor':
        assert set(run(outputs, {flag: True}).ravel()) == {0, 10}


def test_nothing_is_dropped_in_a_frozen_branch(maps):
    asked = []

    def frozen(scope):
        asked.append(scope)
        return scope.startswith('cell_0/')

    with slim.arg_scope([drop_path], frozen=frozen):
        with tf.variable_scope('cell_0'):
            assert drop_path(maps, 0.5) is maps
        with tf.variable_scope('cell_1'):
            assert (run(drop_path(maps, 0.5)) == 0).any()
    assert asked == ['cell_0/drop_path', 'cell_1/drop_path']


@pytest.mark.parametrize(
    ('depth', 'step', 'expected'),
    [(1.0, 0, 1.0), (1.0, 50, 0.8), (1.0, 100, 0.6), (1.0, 500, 0.6), (0.25, 100, 0.9)],
)
def test_probability_to_keep_decreases_with_depth_and_steps(maps, depth, step, expected):
    step = tf.constant(step, tf.int64)
    now = scheduled_keep_prob(0.6, depth, step, total_training_steps=100)
    assert run(now) == pytest.approx(expected)
