"""Names, shapes and logits of the original networks, to compare ours with.

`golden/` holds the facts of all networks and the logits of a few. The whole reference lies in
`../shared/reference`, which a checkout may lack; a test that needs it skips then.
"""

import gzip
import json
import zlib
from collections import namedtuple

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from support.checkout import GOLDEN, SHARED

Built = namedtuple('Built', 'graph images logits end_points')


def facts(network):
    """Return the golden facts of a network; the test fails if there are none."""
    path = GOLDEN / 'nets' / f'{network}.json.gz'
    if not path.exists():
        pytest.fail(f'{path.name} is missing from tests/golden/nets: nothing guards {network}')
    return json.loads(gzip.decompress(path.read_bytes()))


def shared(name):
    """Return the path of a file of the complete reference; skip the test if it is missing."""
    if not (SHARED / name).exists():
        pytest.skip(f'no reference file {name}')
    return SHARED / name


def known_logits(network):
    """Return the logits, and some end points, of the deterministic weights and pictures."""
    path = GOLDEN / 'logits' / f'{network}.npz'
    return np.load(path if path.exists() else shared(f'logits/{network}.npz'))


def channels(facts):
    """Return the number of channels of a network's pictures."""
    return next(iter(facts['model_variables'].values()))[2]


def build(network_fn, facts, batch=2, image_size=None):
    """Build `network_fn`, a function of pictures alone, in a graph of its own."""
    size = image_size or facts['default_image_size']
    with tf.Graph().as_default() as graph:
        images = tf.placeholder(tf.float32, [batch, size, size, channels(facts)])
        logits, end_points = network_fn(images)
    return Built(graph, images, logits, end_points)


def check_variables(built, facts, is_training=True):
    """Compare names, shapes, order and counts of the variables."""
    with built.graph.as_default():
        variables = slim.get_model_variables()
        trainable = tf.trainable_variables()
    actual = {variable.op.name: variable.shape.as_list() for variable in variables}
    assert actual == (facts['model_variables'] if is_training else _at_inference(facts))
    if len(actual) == len(facts['model_variables']):
        assert _count(variables) == facts['num_params']
        assert _count(trainable) == facts['num_trainable_params']


def _at_inference(facts):
    """Return {name: shape} of the variables, without an auxiliary head that only training has."""
    added = facts['end_points_training'].keys() - facts['end_points_inference'].keys()
    scopes = {facts['end_points_training'][key][0].split('/')[0] for key in added}
    variables = facts['model_variables'].items()
    return {name: shape for name, shape in variables if name.split('/')[0] not in scopes}


def _count(variables):
    return sum(variable.shape.num_elements() for variable in variables)


def check_end_points(built, facts, is_training):
    """Compare keys, operations and shapes of the end points, and the operation of the logits."""
    assert (
        describe(built.end_points)
        == facts['end_points_training' if is_training else 'end_points_inference']
    )
    assert built.logits.op.name == facts['logits_op']


def describe(end_points):
    """Return end points the way the facts have them: key to [operation, dimensions...]."""
    return {key: [net.op.name, *net.shape.as_list()] for key, net in end_points.items()}


def check_logits(built, facts, expected):
    """Compare logits and some end points for the deterministic weights and pictures."""
    fetches = {**built.end_points, 'logits': built.logits}
    fetches = {key: fetches[key] for key in expected}
    with tf.Session(graph=built.graph) as session:
        load_weights(session, facts['weight_gain'])
        size = facts['default_image_size']
        actual = session.run(fetches, {built.images: network_input(2, size, channels(facts))})
    for key, value in actual.items():
        difference = np.abs(value - expected[key]).max() / np.abs(expected[key]).max()
        assert difference <= 1e-4, f'{key} differs by {difference:.2g}'


def load_weights(session, weight_gain=1.0):
    """Give every variable of the session's graph its deterministic value."""
    variables = session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
    values = {
        variable.initializer.inputs[1]: weights(
            variable.op.name, variable.shape.as_list(), weight_gain
        )
        for variable in variables
    }
    session.run([variable.initializer for variable in variables], values)


def weights(name, shape, weight_gain=1.0):
    """Return values that depend on a variable's name and shape alone."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    kind = name.split('/')[-1]
    if kind in ('gamma', 'moving_variance'):
        return random.uniform(0.5, 1.5, shape).astype(np.float32)
    normal = random.standard_normal(shape)
    if kind in ('beta', 'biases', 'moving_mean'):
        return (0.1 * normal).astype(np.float32)
    fan_in = np.prod(shape[:2] if kind == 'depthwise_weights' else shape[:-1])
    values = (normal * np.sqrt(2.0 / fan_in)).astype(np.float32)
    return values * np.float32(weight_gain) if kind.endswith('weights') else values


def network_input(batch, size, channels):
    """Return pictures as a network sees them after preprocessing."""
    random = np.random.RandomState(0)
    return random.uniform(-1.0, 1.0, (batch, size, size, channels)).astype(np.float32)
