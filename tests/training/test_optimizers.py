"""Schedules count pictures; optimizers step by their definition and keep TF 1.x's slot names."""

import math

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from training import optimizers
from training.options import OPTIMIZERS, TrainOptions

SAMPLES = 320
# Slots of a variable w, and what stands beside them in a checkpoint of TF 1.x.
SLOTS = {
    'adadelta': ['w/Adadelta', 'w/Adadelta_1'],
    'adagrad': ['w/Adagrad'],
    'adam': ['beta1_power', 'beta2_power', 'w/Adam', 'w/Adam_1'],
    'adamw': ['beta1_power', 'beta2_power', 'w/Adam', 'w/Adam_1'],
    'ftrl': ['w/Ftrl', 'w/Ftrl_1'],
    'momentum': ['w/Momentum'],
    'rmsprop': ['w/RMSProp', 'w/RMSProp_1'],
    'sgd': [],
}


def rates(options, steps, num_workers=1):
    """Return the learning rate at each of `steps`."""
    batch = optimizers.images_per_step(options, num_workers)
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.placeholder(tf.int64, [])
        rate = optimizers.learning_rate(options, step, SAMPLES, batch)
        assert rate.dtype == tf.float32
        return np.array([session.run(rate, {step: value}) for value in steps])


def decay(kind, **values):
    return TrainOptions(learning_rate_decay_type=kind, learning_rate=0.1, **values)


# 320 pictures in batches of 32 over 2 epochs: a period of 20 steps.
@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        (decay('fixed'), [0.1, 0.1, 0.1, 0.1, 0.1]),
        (decay('exponential'), [0.1, 0.1, 0.094, 0.094, 0.1 * 0.94**2]),
        (decay('polynomial', end_learning_rate=0.05), [0.1, 0.0525, 0.05, 0.05, 0.05]),
        (
            decay('cosine', max_number_of_steps=40, end_learning_rate=0.0),
            [0.05 * (1 + math.cos(math.pi * step / 40)) for step in (0, 19, 20, 39, 40)],
        ),
        (decay('fixed', warmup_epochs=4.0), [0.0, 0.0475, 0.05, 0.0975, 0.1]),
        (
            decay('exponential', warmup_epochs=3.0),
            [0.0, 0.1 * 19 / 30, 0.1 * 20 / 30, 0.094, 0.1 * 0.94**2],
        ),
    ],
)
def test_a_schedule_has_its_values(options, expected):
    np.testing.assert_allclose(rates(options, [0, 19, 20, 39, 40]), expected, rtol=1e-6)


@pytest.mark.parametrize('kind', ['exponential', 'polynomial', 'cosine'])
@pytest.mark.parametrize(
    ('many', 'num_workers', 'speed'),
    [
        ({'num_clones': 2}, 1, 2),
        ({'num_clones': 2, 'batch_size': 16}, 1, 1),
        ({'sync_replicas': True, 'replicas_to_aggregate': 4}, 5, 4),
        ({'sync_replicas': True, 'replicas_to_aggregate': -1}, 2, 2),
        ({}, 4, 1),
    ],
)
def test_clones_and_workers_follow_the_schedule_of_one_device(kind, many, num_workers, speed):
    shared = {'num_epochs': 6.0, 'warmup_epochs': 0.5, 'num_epochs_per_decay': 0.7}
    steps = np.arange(0, 60, 4)
    alone = rates(decay(kind, **shared), steps)
    together = rates(decay(kind, **shared, **many), steps // speed, num_workers)
    np.testing.assert_allclose(together, alone, rtol=1e-6)


def test_the_count_of_pictures_stays_exact_in_a_long_run():
    options = decay('exponential', num_epochs_per_decay=2e6)
    before, after = rates(options, [19_999_999, 20_000_000])
    assert (before, after) == (np.float32(0.1), np.float32(0.1 * 0.94))


@pytest.mark.parametrize(
    ('values', 'last'),
    [
        ({}, None),
        ({'max_number_of_steps': 7}, 7),
        ({'num_epochs': 2.0}, 20),
        ({'num_epochs': 2.01}, 21),
        ({'num_epochs': 2.0, 'num_clones': 2}, 10),
        ({'num_epochs': 2.0, 'max_number_of_steps': 7}, 7),
        ({'num_epochs': 2.0, 'max_number_of_steps': 70}, 20),
        ({'num_epochs': 0.001}, 1),
    ],
)
def test_the_shorter_of_epochs_and_steps_ends_the_run(values, last):
    options = TrainOptions(**values)
    batch = optimizers.images_per_step(options)
    assert optimizers.last_step(options, SAMPLES, batch) == last


def step_once(optimizer_of, start, gradient, clip=None, steps=1):
    """Apply `gradient` to variables that start at `start`; return values and variable names."""
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {name: tf.get_variable(name, initializer=start) for name in ('w', 'bias')}
        global_step = tf.train.get_or_create_global_step()
        optimizer = optimizer_of()
        pairs = [(tf.constant(gradient), variable) for variable in variables.values()]
        pairs, norm = optimizers.clip_gradients(pairs, clip)
        train_op = optimizer.apply_gradients(pairs, global_step)
        session.run(tf.global_variables_initializer())
        for _ in range(steps):
            session.run(train_op)
        names = sorted(variable.op.name for variable in tf.global_variables())
        return session.run((variables, norm, global_step)), names


def adam(lr, g):
    corrected = lr * np.sqrt(1 - 0.999) / (1 - 0.9)
    return corrected * 0.1 * g / (np.sqrt(0.001 * g * g) + 1.0)


def rmsprop(lr, g):
    mean_square = 0.9 + 0.1 * g * g
    return lr * g / np.sqrt(mean_square + 1.0)


# The first step from 1 with gradient g, by each optimizer's definition and TF-Slim's defaults.
FIRST_STEPS = {
    'adadelta': lambda lr, g: lr * g * np.sqrt(1.0) / np.sqrt(0.05 * g * g + 1.0),
    'adagrad': lambda lr, g: lr * g / np.sqrt(0.1 + g * g),
    'adam': adam,
    'adamw': lambda lr, g: lr * 4e-05 + lr * g / np.abs(g),
    'momentum': lambda lr, g: lr * g,
    'rmsprop': rmsprop,
    'sgd': lambda lr, g: lr * g,
}


@pytest.mark.parametrize('name', OPTIMIZERS)
def test_an_optimizer_steps_by_its_definition_under_the_names_of_tf_1(name):
    gradient = np.full([2, 2], 3.0, np.float32)
    options = TrainOptions(optimizer=name)
    (values, _, step), names = step_once(
        lambda: optimizers.create(options, tf.constant(0.1)), np.ones([2, 2], np.float32), gradient
    )
    assert step == 1
    beside = [other for other in names if other.startswith(('w/', 'beta'))]
    assert beside == SLOTS[name]
    if name in FIRST_STEPS:
        moved = FIRST_STEPS[name](0.1, gradient)
        np.testing.assert_allclose(values['w'], 1 - moved, rtol=1e-5)
    else:
        assert np.all(values['w'] < 1.0)


@pytest.mark.parametrize(
    ('options', 'epsilon'),
    [
        ({'optimizer': 'adam'}, "1 (TF-Slim's default)"),
        ({'optimizer': 'adam', 'opt_epsilon': 0.001}, '0.001'),
        ({'optimizer': 'adamw', 'opt_epsilon': 0.1}, '0.1'),
        ({'optimizer': 'adam', 'opt_epsilon': 1e-4}, None),
        ({'optimizer': 'adamw'}, None),
        ({'optimizer': 'rmsprop'}, None),
    ],
)
def test_a_large_epsilon_for_adam_is_mentioned_with_one_that_works(options, epsilon):
    lines = optimizers.remarks(TrainOptions(**options))
    if epsilon is None:
        assert lines == []
        return
    (line,) = lines
    assert f'an epsilon of {epsilon}: pass --opt_epsilon=1e-08' in line
    assert '--learning_rate=0.01 ' in line


@pytest.mark.parametrize(
    ('options', 'attributes'),
    [
        (
            {'optimizer': 'ftrl', 'ftrl_l1': 0.5, 'ftrl_l2': 0.25, 'ftrl_learning_rate_power': -1},
            {
                '_l1_regularization_strength': 0.5,
                '_l2_regularization_strength': 0.25,
                '_learning_rate_power': -1,
                '_initial_accumulator_value': 0.1,
            },
        ),
        (
            {'optimizer': 'rmsprop', 'momentum': 0.1, 'rmsprop_momentum': 0.2, 'opt_epsilon': 0.3},
            {'_momentum': 0.2, '_epsilon': 0.3, '_decay': 0.9},
        ),
        ({'optimizer': 'adam', 'adam_beta1': 0.5, 'adam_beta2': 0.6}, {'_beta1': 0.5}),
        ({'optimizer': 'momentum', 'momentum': 0.3}, {'_momentum': 0.3}),
        ({'optimizer': 'adadelta', 'adadelta_rho': 0.7}, {'_rho': 0.7, '_epsilon': 1.0}),
        (
            {'optimizer': 'adagrad', 'adagrad_initial_accumulator_value': 0.2},
            {'_initial_accumulator_value': 0.2},
        ),
    ],
)
def test_every_parameter_arrives(options, attributes):
    with tf.Graph().as_default():
        optimizer = optimizers.create(TrainOptions(**options), tf.constant(0.1))
    assert {name: getattr(optimizer, name) for name in attributes} == attributes


def test_adamw_decays_kernels_alone_and_leaves_the_loss_to_the_data():
    options = TrainOptions(optimizer='adamw', weight_decay=0.5, learning_rate=0.1)
    assert optimizers.network_weight_decay(options) == 0.0
    assert optimizers.network_weight_decay(TrainOptions(weight_decay=0.5)) == 0.5
    with tf.Graph().as_default(), tf.Session() as session:
        shapes = {'weights': [2, 2], 'depthwise_weights': [3, 3, 2, 1], 'biases': [2]}
        variables = {
            name: tf.get_variable(f'scope/{name}', initializer=np.ones(shape, np.float32))
            for name, shape in shapes.items()
        }
        pairs = [(tf.zeros_like(variable), variable) for variable in variables.values()]
        train_op = optimizers.create(options, tf.constant(0.1)).apply_gradients(pairs)
        session.run(tf.global_variables_initializer())
        session.run(train_op)
        values = session.run(variables)
    np.testing.assert_allclose(values['weights'], 0.95)
    np.testing.assert_array_equal(values['depthwise_weights'], 1.0)
    np.testing.assert_array_equal(values['biases'], 1.0)


@pytest.mark.parametrize(('clip', 'moved'), [(None, 3.0), (100.0, 3.0), (1.0, 1 / math.sqrt(8))])
def test_gradients_are_scaled_down_to_the_global_norm(clip, moved):
    gradient = np.full([2, 2], 3.0, np.float32)
    (values, norm, _), _ = step_once(
        lambda: tf.train.GradientDescentOptimizer(1.0), np.zeros([2, 2], np.float32), gradient, clip
    )
    np.testing.assert_allclose(norm, 3 * math.sqrt(8), rtol=1e-6)
    np.testing.assert_allclose(values['w'], -moved, rtol=1e-6)
    np.testing.assert_allclose(values['bias'], -moved, rtol=1e-6)


def test_a_variable_without_a_gradient_is_left_out_when_clipping():
    with tf.Graph().as_default():
        used, unused = tf.get_variable('used', [2]), tf.get_variable('unused', [2])
        pairs, _ = optimizers.clip_gradients([(tf.ones([2]), used), (None, unused)], 1.0)
    assert [variable for _, variable in pairs] == [used]


def test_an_overflow_under_loss_scaling_counts_the_step_and_spares_the_weights():
    with tf.Graph().as_default(), tf.Session() as session:
        weight = tf.get_variable('w', initializer=1.0)
        factor = tf.placeholder(tf.float32, [])
        global_step = tf.train.get_or_create_global_step()
        optimizer = optimizers.loss_scaled(tf.train.GradientDescentOptimizer(0.5))
        train_op = optimizer.minimize(weight * factor, global_step)
        [scale] = [v for v in tf.global_variables() if v.op.name == 'current_loss_scale']
        session.run(tf.global_variables_initializer())
        before = session.run(scale)
        session.run(train_op, {factor: np.inf})
        assert session.run((weight, global_step)) == (1.0, 1)
        assert session.run(scale) == before / 2
        session.run(train_op, {factor: 1.0})
        assert session.run((weight, global_step)) == (0.5, 2)
