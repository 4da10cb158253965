"""The frozen part and the last layers of every network in the registry."""

import math

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from classifiers import scopes
from common.errors import UserError
from heads import cuts
from nets import model_specs, nets_factory
from training import losses

BATCH, CLASSES = 2, 3
# Small pictures, whose auxiliary heads still have a map.
SIZES = {'alexnet_v2': 195, 'cifarnet': 32, 'lenet': 28, 'overfeat': 231, 'vgg': 224}
WITH_AUXILIARY_HEADS = (
    'inception_v3',
    'inception_v3b',
    'inception_v4',
    'inception_v4b',
    'inception_resnet_v2',
)
# These take long to build, or differ from others in the width or depth alone.
DEEP = {name for name in model_specs.MODELS if name.endswith(('_101', '_152', '_200'))}
DEEP |= {'inception_v3b', 'inception_v4b', 'resnet_v1b_50', 'resnet_v2b_50'}
DEEP |= {'inception_v4', 'inception_resnet_v2', 'inception_v2', 'resnet_v2_50', 'vgg_19'}
QUICK_MOBILENETS = ('mobilenet_v1_025', 'mobilenet_v2_035', 'mobilenet_v3_small')
DEEP |= {
    name
    for name in model_specs.MODELS
    if name.startswith('mobilenet') and name not in QUICK_MOBILENETS
}
DEEP |= {'nasnet_cifar', 'nasnet_large', 'nasnet_large_b', 'nasnet_large_c', 'nasnet_mobile_c'}
DEEP |= {'pnasnet_large', 'pnasnet_mobile'}


def for_networks(function):
    """Run a test for every network; some need --soak."""
    names = [
        pytest.param(name, marks=pytest.mark.soak if name in DEEP else ())
        for name in model_specs.MODELS
    ]
    return pytest.mark.parametrize('network', names)(function)


def pictures_for(network, side=None):
    spec = model_specs.get_spec(network)
    if side is None:
        side = next((size for name, size in SIZES.items() if network.startswith(name)), 64)
        side = 139 if network in WITH_AUXILIARY_HEADS else side
    return tf.placeholder(tf.float32, [None, side, side, spec.channels])


def loss_of(network, images, labels, trainable_scopes):
    """Build the training graph whose losses `training.graph` sums; return the loss."""
    network_fn = nets_factory.get_network_fn(
        network,
        CLASSES,
        1e-3,
        is_training=True,
        frozen=scopes.frozen(trainable_scopes),
        dropout_seed=1,
    )
    losses.add_losses(*network_fn(images), labels)
    return tf.losses.get_total_loss()


def trained_in(trainable_scopes):
    return scopes.trainable(tf.trainable_variables(), trainable_scopes)


@for_networks
def test_loss_is_computed_from_the_frontier_alone(network, graph):
    heads = model_specs.get_spec(network).head_scopes
    images, labels = pictures_for(network), tf.placeholder(tf.int64, [BATCH])
    tf.train.get_or_create_global_step()
    loss = loss_of(network, images, labels, heads)

    found = cuts.frontier([loss], images, trained_in(heads))
    assert len(found) == len(heads)
    behind = {variable.op.name for variable in cuts.variables_behind(found)}
    assert behind
    assert not any(scopes.within(name, heads) for name in behind)
    for tensor in found:
        assert tensor.shape.as_list()[0] is None
        cuts.reroute(tensor, tf.zeros([BATCH, *tensor.shape[1:]]))
    assert images.op not in set(cuts.operations_behind([loss]))


@for_networks
def test_last_layer_is_in_the_head(network, graph):
    spec = model_specs.get_spec(network)
    network_fn = nets_factory.get_network_fn(network, CLASSES)
    logits, end_points = network_fn(pictures_for(network))
    last = [logits, *(end_points[name] for name in ('AuxLogits',) if name in end_points)]
    heads = [scope for scope in spec.head_scopes if slim.get_model_variables(scope)]
    for tensor, scope in zip(last, heads, strict=True):
        layer = cuts.last_layer(tensor)
        assert layer.name.startswith(scope)
        assert layer.weights.shape.as_list()[-1] == CLASSES
        assert layer.biases.shape.as_list() == [CLASSES]
        assert layer.input.shape.as_list()[1:] == [math.prod(layer.weights.shape.as_list()[:-1])]


@pytest.mark.parametrize(
    ('network', 'side'),
    [
        ('lenet', 28),
        ('cifarnet', 32),
        pytest.param('inception_v3', 139, marks=pytest.mark.soak),
        pytest.param('resnet_v2_50', 64, marks=pytest.mark.soak),
        ('mobilenet_v1_025', 64),
        # With larger pictures, the logits are the mean over a map.
        ('alexnet_v2', 259),
    ],
)
def test_last_layer_computes_the_logits(network, side, graph):
    network_fn = nets_factory.get_network_fn(network, CLASSES)
    images = pictures_for(network, side)
    logits, end_points = network_fn(images)
    for tensor in (logits, end_points.get('AuxLogits', logits)):
        layer = cuts.last_layer(tensor)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(layer.biases.assign([1.0, 2.0, 3.0]))
            pictures = (
                np.random.default_rng(5).normal(size=[BATCH, *images.shape[1:]]).astype(np.float32)
            )
            values, features, weights, biases = session.run(
                [tensor, layer.input, layer.weights, layer.biases], {images: pictures}
            )
        computed = features @ weights.reshape(-1, CLASSES) + biases
        np.testing.assert_allclose(computed, values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    'end',
    [
        tf.nn.relu,
        lambda logits: logits * 2,
        lambda logits: tf.constant([[1.0, 2.0]]),
    ],
    ids=['activation', 'arithmetic', 'constant'],
)
def test_other_ends_of_a_network_are_refused(end, graph):
    logits = end(slim.fully_connected(tf.zeros([2, 4]), 3, activation_fn=None))
    with pytest.raises(UserError, match='must end with a layer that multiplies features by weig'):
        cuts.last_layer(logits)


def body(images):
    return tf.reshape(images, [2, 4]) @ tf.get_variable('body', [4, 4])


def head(features):
    return features @ tf.get_variable('head', [4, 3])


@pytest.mark.parametrize(
    ('between', 'cut_before_it'),
    [
        (lambda net: tf.nn.relu(net, name='between'), False),
        (lambda net: tf.nn.dropout(net, rate=0.5), True),
        (lambda net: net + tf.cast(tf.train.get_or_create_global_step(), tf.float32), True),
        (
            lambda net: tf.nn.fused_batch_norm(net[:, None, None], *[tf.ones([4])] * 2)[0][:, 0, 0],
            True,
        ),
        (
            lambda net: tf.nn.fused_batch_norm(
                net[:, None, None], *[tf.ones([4])] * 4, is_training=False
            )[0][:, 0, 0],
            False,
        ),
    ],
    ids=['activation', 'dropout', 'step', 'training batch norm', 'frozen batch norm'],
)
def test_cut_is_before_what_changes(between, cut_before_it, graph):
    images = tf.placeholder(tf.float32, [2, 2, 2, 1])
    normal = between(body(images))
    loss = tf.reduce_sum(head(normal))
    (found,) = cuts.frontier([loss], images, [tf.global_variables()[-1]])
    assert {variable.op.name for variable in cuts.variables_behind([found])} == {'body'}
    assert (found is not normal) == cut_before_it
    trained = tf.global_variables()[-1:]
    assert cuts.is_steady(found, images, trained)
    assert cuts.is_steady(normal, images, trained) != cut_before_it
    assert not cuts.is_steady(loss, images, trained)


def test_whole_network_is_cut_at_its_pictures(graph):
    images = tf.placeholder(tf.float32, [2, 2, 2, 1])
    loss = tf.reduce_sum(head(body(images)))
    (found,) = cuts.frontier([loss], images, tf.trainable_variables())
    assert cuts.variables_behind([found]) == []


def test_logits_that_nothing_trains_meet_the_labels(graph):
    """The labels come from the same operation as the pictures, and differ in each batch."""
    dataset = tf.data.Dataset.from_tensors((tf.zeros([2, 2, 2, 1]), tf.constant([0, 1])))
    images, labels = tf.data.make_one_shot_iterator(dataset).get_next()
    logits = head(body(images))
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    (found,) = cuts.frontier([loss], images, [])
    assert found.shape.as_list() == [2, 3]


def step_of_lenet(pictures, features=None):
    """Return the cut, the loss and its gradients; `features` take the place of the cut."""
    heads = model_specs.get_spec('lenet').head_scopes
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        tf.train.get_or_create_global_step()
        images = pictures_for('lenet')
        loss = loss_of('lenet', images, tf.constant([0, 2]), heads)
        (cut,) = cuts.frontier([loss], images, trained_in(heads))
        feed = {images: pictures}
        if features is not None:
            cuts.reroute(cut, tf.constant(features))
            feed = {}
        gradients = tf.gradients(loss, trained_in(heads))
        session.run(tf.global_variables_initializer())
        return session.run([loss, *gradients], feed), session.run(cut, {images: pictures})


def test_rerouted_loss_has_the_same_value_and_gradients():
    pictures = np.random.default_rng(5).normal(size=(BATCH, 28, 28, 1)).astype(np.float32)
    whole, features = step_of_lenet(pictures)
    rerouted, _ = step_of_lenet(pictures, features)
    assert [value.tobytes() for value in rerouted] == [value.tobytes() for value in whole]
