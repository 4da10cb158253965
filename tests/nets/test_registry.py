"""What holds for every registered network, so that none can be forgotten.

All tests of one network stand together (a session-wide parameter), and share its graphs.
"""

import functools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from heads import cuts
from nets import model_specs, nets_factory
from support import reference

# The smallest pictures that leave the shapes of all variables alone (those of an auxiliary head
# depend on the size), of another size than the default where the network accepts it.
SIZES = {
    'alexnet_v2': 195,
    'cifarnet': 32,
    'inception_v1': 64,
    'inception_v2': 64,
    'lenet': 28,
    'nasnet_cifar': 30,
    'nasnet_large': 325,
    'nasnet_large_b': 325,
    'nasnet_large_c': 325,
    'overfeat': 231,
    'pnasnet_large': 325,
}
OTHERS = {
    'inception': 315,
    'mobilenet': 32,
    'nasnet': 211,
    'pnasnet': 211,
    'resnet': 32,
    'vgg': 224,
}
# These train for a step: one of each way to build a network. AlexNet has the convolutional head
# with dropout of OverFeat and VGG; Inception v3 has the auxiliary head; ResNet v2 has the blocks.
TRAINED = {
    'alexnet_v2',
    'cifarnet',
    'inception_v3',
    'lenet',
    'mobilenet_v1_025',
    'mobilenet_v2_035',
    'mobilenet_v3_small',
    'resnet_v2_50',
}
# These take long to build. Some are built once, for training; others differ from those in one row
# of a table, which test_resnet.py compares with the facts.
DEEPEST = {name for name in nets_factory.networks_map if name.endswith(('_101', '_152', '_200'))}
DEEPEST |= {'nasnet_cifar', 'nasnet_large', 'pnasnet_large'}
DEEP = {'inception_resnet_v2', 'inception_v4', 'pnasnet_mobile'}
# These differ from another network in the padding alone, which test_resnet.py, test_inception.py,
# test_mobilenet_v2.py and test_nasnet.py show.
PADDED = {
    'inception_v3b',
    'inception_v4b',
    'mobilenet_v2b',
    'mobilenet_v2b_140',
    'nasnet_large_b',
    'nasnet_large_c',
    'nasnet_mobile_c',
    'resnet_v2b_50',
}
# These differ from a network that is built for inference in the width or depth alone.
OTHER_WIDTHS = {
    'mobilenet_edgetpu_075',
    'mobilenet_v1_050',
    'mobilenet_v1_075',
    'mobilenet_v2_140',
    'mobilenet_v3_large_minimalistic',
    'vgg_16',
    'vgg_19',
}
ALL = nets_factory.networks_map.keys()
# The logits of these are golden, at least one of each family where that is small.
WITH_LOGITS = {
    'alexnet_v2',
    'cifarnet',
    'inception_v1',
    'lenet',
    'mobilenet_v1',
    'mobilenet_v2',
    'mobilenet_v3_large',
    'nasnet_mobile',
    'resnet_v1_50',
    'resnet_v2_50',
}


def for_networks(default):
    """Run a test for every network: now for those in `default`, for the others with --soak."""
    networks = [
        pytest.param(name, marks=() if name in default else pytest.mark.soak)
        for name in nets_factory.networks_map
    ]
    return pytest.mark.parametrize('network', networks, scope='session')


@functools.lru_cache(maxsize=2)
def graph_of(network, is_training):
    """Build a network of its reference's classes; a training graph with weight decay."""
    facts = reference.facts(network)
    network_fn = nets_factory.get_network_fn(
        network,
        facts['num_classes'],
        weight_decay=0.001 if is_training else 0.0,
        is_training=is_training,
    )
    return reference.build(network_fn, facts), facts


@for_networks(ALL - DEEP - DEEPEST - PADDED - OTHER_WIDTHS)
def test_inference_graph_is_the_references(network):
    built, facts = graph_of(network, is_training=False)
    reference.check_variables(built, facts, is_training=False)
    reference.check_end_points(built, facts, is_training=False)
    assert built.graph.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES) == []


@for_networks(WITH_LOGITS)
def test_logits_are_the_references(network):
    if network in WITH_LOGITS:
        assert (reference.GOLDEN / 'logits' / f'{network}.npz').exists()
    expected = reference.known_logits(network)
    built, facts = graph_of(network, is_training=False)
    reference.check_logits(built, facts, expected)


@for_networks(ALL - DEEP - DEEPEST - PADDED - OTHER_WIDTHS)
def test_nothing_is_drawn_at_inference(network):
    built, _ = graph_of(network, is_training=False)
    assert random_operations(built.graph) == []


@for_networks(ALL - DEEPEST - PADDED)
def test_training_graph_is_the_references(network):
    built, facts = graph_of(network, is_training=True)
    reference.check_variables(built, facts)
    reference.check_end_points(built, facts, is_training=True)
    assert len(built.graph.get_collection(tf.GraphKeys.UPDATE_OPS)) == facts['update_ops']


@for_networks(ALL - DEEPEST - PADDED)
def test_weight_decay_reaches_all_dense_weights(network):
    built, facts = graph_of(network, is_training=True)
    losses = built.graph.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    decayed = {loss.op.name.split('/Regularizer/')[0].removesuffix('/kernel') for loss in losses}
    assert len(decayed) == len(losses) == len(expected_to_decay(network, facts))


@for_networks(ALL - DEEPEST - PADDED)
def test_spec_names_what_the_graph_has(network):
    built, facts = graph_of(network, is_training=True)
    spec = nets_factory.get_spec(network)
    assert spec.image_size == facts['default_image_size']
    assert spec.channels == reference.channels(facts)
    assert built.end_points[spec.features].shape.as_list()[0] == 2
    later = built.end_points[spec.features].op
    for earlier in (built.end_points[name].op for name in spec.earlier):
        assert earlier in set(cuts.operations_behind([later]))
        later = earlier
    output = built.graph.get_operation_by_name(spec.output_node).outputs[0]
    assert output is built.end_points.get(spec.predictions, built.logits)
    assert all(spec.owns(name) for name in facts['model_variables'])
    assert network in model_specs.networks_of(
        name.split('/')[0] for name in facts['model_variables']
    )
    for scope in spec.head_scopes:
        assert any(name.startswith(f'{scope}/') for name in facts['model_variables'])
    assert (nets_factory.batch_norm_decay(network) is not None) == (facts['update_ops'] > 0)


@for_networks(TRAINED)
def test_second_build_shares_variables_and_trains(network):
    built, facts = graph_of(network, is_training=True)
    spec = nets_factory.get_spec(network)
    size = SIZES.get(network) or OTHERS[network.split('_')[0]]
    with built.graph.as_default():
        updates_before = len(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        # A batch of unknown size, of pictures of another size.
        images = tf.placeholder(tf.float32, [None, size, size, spec.channels])
        labels = tf.placeholder(tf.int64, [None])
        logits, end_points = build_again(network, facts['num_classes'], images)
        reference.check_variables(built, facts)
        assert logits.shape.as_list() == [None, facts['num_classes']]

        loss = total_loss(labels, logits, end_points)
        trainable = tf.trainable_variables()
        gradients = tf.gradients(loss, trainable)
        missing = [v.op.name for v, g in zip(trainable, gradients, strict=True) if g is None]
        assert missing == []
        finite = [tf.reduce_all(tf.is_finite(gradient)) for gradient in gradients]
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)[updates_before:]
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            # Pictures this small end as one value, or four: a batch norm needs 16 of them.
            count = {30: 16, 32: 16, 64: 4}.get(size, 2)
            pictures = reference.network_input(count, size, spec.channels)
            feed = {images: pictures, labels: np.arange(count) % 2}
            step = session.run([loss, finite, updates], feed)
    assert np.isfinite(step[0])
    assert all(step[1])


def build_again(network, num_classes, images):
    with tf.variable_scope(tf.get_variable_scope(), reuse=True):
        return nets_factory.get_network_fn(network, num_classes, is_training=True)(images)


def total_loss(labels, logits, end_points):
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    if 'AuxLogits' in end_points:
        loss += tf.losses.sparse_softmax_cross_entropy(labels, end_points['AuxLogits'], 0.4)
    return loss + tf.losses.get_regularization_loss()


def random_operations(graph):
    return [
        operation.name
        for operation in graph.get_operations()
        if 'Random' in operation.type and '/Initializer/' not in operation.name
    ]


def expected_to_decay(network, facts):
    if network == 'cifarnet':
        # The convolutions and the last layer are left alone.
        return ['CifarNet/fc3/weights', 'CifarNet/fc4/weights']
    kinds = ['weights']
    if network == 'inception_resnet_v2':
        kinds += ['biases']
    if 'nasnet' in network:
        kinds += ['depthwise_weights', 'pointwise_weights']
    return [name for name in facts['model_variables'] if name.split('/')[-1] in kinds]


@pytest.mark.soak
@pytest.mark.parametrize('network', nets_factory.networks_map)
def test_golden_facts_are_the_shared_references(network):
    path = reference.shared(f'nets/{network}.json')
    assert reference.json.loads(path.read_text()) == reference.facts(network)


def test_missing_golden_facts_fail():
    with pytest.raises(pytest.fail.Exception, match='nothing guards no_such_net'):
        reference.facts('no_such_net')


def test_all_of_a_model_is_restorable_by_name():
    # Model variables are what checkpoints hold; nothing but them may be needed.
    built, _ = graph_of('mobilenet_v1_025', is_training=False)
    with built.graph.as_default():
        assert set(slim.get_model_variables()) == set(tf.global_variables())
