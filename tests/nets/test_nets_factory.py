import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from common.errors import UserError
from nets import layers, model_specs, nets_factory
from support import reference


def pictures(name, batch=2, size=None):
    spec = nets_factory.get_spec(name)
    size = size or spec.image_size
    return tf.placeholder(tf.float32, [batch, size, size, spec.channels])


def test_unknown_name_lists_the_known_ones_nearest_first():
    with pytest.raises(
        ValueError, match=r"unknown network 'inception_v5'.*: inception_v1, "
    ) as info:
        nets_factory.get_network_fn('inception_v5', 10)
    assert all(name in str(info.value) for name in nets_factory.networks_map)
    assert isinstance(info.value, UserError)


def test_maps_agree_with_the_table():
    assert nets_factory.networks_map.keys() == nets_factory.arg_scopes_map.keys()
    assert nets_factory.networks_map.keys() == nets_factory.MODELS.keys()


@pytest.mark.parametrize(
    ('name', 'preprocessing', 'channels'),
    [
        ('inception_v4', 'inception', 3),
        ('inception_resnet_v2', 'inception', 3),
        ('mobilenet_v1_050', 'inception', 3),
        ('mobilenet_v2_140', 'inception', 3),
        ('mobilenet_edgetpu', 'inception', 3),
        ('mobilenet_v2b', 'torch', 3),
        ('resnet_v1_50', 'vgg', 3),
        ('resnet_v2_152', 'vgg', 3),
        ('resnet_v1b_101', 'torch', 3),
        ('resnet_v2b_50', 'inception', 3),
        ('inception_v3b', 'inception', 3),
        ('inception_v4b', 'inception', 3),
        ('vgg_19', 'vgg', 3),
        ('alexnet_v2', 'vgg', 3),
        ('overfeat', 'vgg', 3),
        ('cifarnet', 'cifarnet', 3),
        ('lenet', 'lenet', 1),
    ],
)
def test_spec_says_how_pictures_are_prepared(name, preprocessing, channels):
    spec = nets_factory.get_spec(name)
    assert (spec.preprocessing, spec.channels) == (preprocessing, channels)


def test_users_may_add_networks_of_their_own(graph, monkeypatch):
    def network(images, num_classes, is_training):
        return slim.fully_connected(slim.flatten(images), num_classes), {'mode': is_training}

    def arg_scope(weight_decay):
        with slim.arg_scope([slim.fully_connected], scope=f'decay_{weight_decay}') as scope:
            return scope

    monkeypatch.setitem(nets_factory.networks_map, 'mine', network)
    monkeypatch.setitem(nets_factory.arg_scopes_map, 'mine', arg_scope)
    logits, end_points = nets_factory.get_network_fn('mine', 3, 0.5)(tf.zeros([2, 4]))
    assert logits.op.name == 'decay_0.5/Relu'
    assert end_points == {'mode': False}


def test_no_network_talks_of_a_decay_that_is_not_wanted(monkeypatch):
    messages = []
    monkeypatch.setattr(slim.l2_regularizer.__globals__['logging'], 'info', messages.append)
    for arg_scope in nets_factory.arg_scopes_map.values():
        arg_scope(weight_decay=0.0)
    assert messages == []


def test_spec_names_the_heads_of_other_classes():
    assert nets_factory.get_spec('inception_v3').head_scopes == [
        'InceptionV3/Logits',
        'InceptionV3/AuxLogits',
    ]
    assert nets_factory.get_spec('vgg_16').head_scopes == ['vgg_16/fc8']


OF_CELLS = [name for name in nets_factory.MODELS if 'nasnet' in name]


class TestScopes:
    """Which network the variables of a checkpoint, or the nodes of a graph, belong to."""

    @pytest.mark.parametrize('name', OF_CELLS)
    @pytest.mark.parametrize('has_auxiliary_head', [True, False])
    def test_networks_of_cells_are_told_apart(self, name, has_auxiliary_head):
        spec = nets_factory.get_spec(name)
        scopes = {variable.split('/')[0] for variable in reference.facts(name)['model_variables']}
        if not has_auxiliary_head:
            scopes.remove(spec.auxiliary_head)
        found = model_specs.networks_of([*scopes, 'global_step', 'save'])
        assert name in found
        assert model_specs.without_padded_forms(found) == [spec.padded_form_of or name]

    @pytest.mark.parametrize('name', OF_CELLS)
    def test_part_of_a_network_of_cells_is_none(self, name):
        scopes = nets_factory.get_spec(name).scopes - {'cell_0'}
        assert model_specs.networks_of(scopes) == []

    def test_network_with_one_scope(self):
        assert model_specs.networks_of(['VGG', 'vgg_16', 'x']) == ['vgg_16']
        assert 'mobilenet_v1_025' in model_specs.networks_of(['MobilenetV1'])
        assert model_specs.networks_of(['vgg_16', 'resnet_v1_50']) == ['vgg_16', 'resnet_v1_50']

    def test_variables_are_in_the_scopes(self):
        spec = nets_factory.get_spec('nasnet_mobile')
        names = ('conv0_bn/beta', 'cell_11/1x1/weights', 'aux_7/aux_logits/FC/biases')
        assert all(spec.owns(name) for name in names)
        assert not any(spec.owns(name) for name in ('cell_12/x', 'aux_11/x', 'global_step', 'cell'))
        assert nets_factory.get_spec('lenet').owns('LeNet/conv1/weights')
        assert not nets_factory.get_spec('lenet').owns('LeNet5/conv1/weights')


def test_network_fn_has_the_image_size_and_takes_the_networks_options(graph):
    network_fn = nets_factory.get_network_fn('overfeat', 7)
    assert network_fn.default_image_size == 231
    logits, end_points = network_fn(pictures('overfeat', None, 263), global_pool=True, scope='mine')
    assert logits.shape.as_list() == [None, 7]
    assert end_points['global_pool'].shape.as_list() == [None, 1, 1, 4096]
    assert 'mine/fc7' in end_points


@pytest.mark.parametrize('num_classes', [None, 0])
@pytest.mark.parametrize(
    ('name', 'shape'),
    [
        ('alexnet_v2', [2, 1, 1, 4096]),
        ('cifarnet', [2, 192]),
        ('lenet', [2, 1024]),
        ('mobilenet_v1_025', [2, 1, 1, 256]),
        ('vgg_a', [2, 1, 1, 4096]),
    ],
)
def test_no_classes_give_features(graph, name, shape, num_classes):
    net, end_points = nets_factory.get_network_fn(name, num_classes)(pictures(name))
    assert net.shape.as_list() == shape
    assert net.op.name == end_points[nets_factory.get_spec(name).features].op.name
    assert not [key for key in end_points if 'logits' in key.lower() or 'fc8' in key]


class TestArgScopes:
    """Which of the scopes around a network, and the network's own, has the last word."""

    def updates(self):
        return tf.get_collection(tf.GraphKeys.UPDATE_OPS)

    def test_one_around_the_call_is_not_lost(self, graph):
        network_fn = nets_factory.get_network_fn('mobilenet_v1_025', 3, is_training=True)
        with slim.arg_scope([slim.conv2d], variables_collections=['seen']):
            network_fn(pictures('mobilenet_v1_025'))
        assert 'MobilenetV1/Conv2d_0/weights' in {v.op.name for v in tf.get_collection('seen')}

    @pytest.mark.parametrize(
        'name', ['inception_v1', pytest.param('resnet_v1_50', marks=pytest.mark.soak)]
    )
    def test_one_around_the_call_wins(self, graph, name):
        network_fn = nets_factory.get_network_fn(name, 3, is_training=True)
        with slim.arg_scope([slim.batch_norm], updates_collections='mine'):
            network_fn(pictures(name))
        assert tf.get_collection('mine')
        assert self.updates() == []

    def test_one_around_everything_wins_too(self, graph):
        with slim.arg_scope([slim.conv2d], activation_fn=tf.nn.elu):
            network_fn = nets_factory.get_network_fn('mobilenet_v1_025', 3)
            _, end_points = network_fn(pictures('mobilenet_v1_025'))
        assert end_points['Conv2d_0'].op.type == 'Elu'
        assert end_points['Conv2d_1_depthwise'].op.type == 'Relu6'

    def test_one_that_has_ended_is_kept_where_the_network_leaves_it_open(self, graph):
        with slim.arg_scope([slim.conv2d], activation_fn=None, variables_collections=['seen']):
            network_fn = nets_factory.get_network_fn('mobilenet_v1_025', 3)
        _, end_points = network_fn(pictures('mobilenet_v1_025'))
        assert end_points['Conv2d_0'].op.type == 'Relu6'
        assert tf.get_collection('seen')

    def test_nothing_is_left_behind(self, graph):
        before = slim.current_arg_scope()
        nets_factory.get_network_fn('lenet', 3)(pictures('lenet'))
        assert slim.current_arg_scope() is before


class TestTrainingOptions:
    """What training adds to TF-Slim's signature."""

    def frozen(self, scope):
        return 'Conv2d_13' not in scope

    def test_frozen_batch_norms_stand_still(self, graph):
        network_fn = nets_factory.get_network_fn(
            'mobilenet_v1_025', 3, is_training=True, frozen=self.frozen
        )
        images = pictures('mobilenet_v1_025', None, 32)
        logits, end_points = network_fn(images)
        with tf.variable_scope(tf.get_variable_scope(), reuse=True):
            _, at_inference = nets_factory.get_network_fn('mobilenet_v1_025', 3)(images)
        loss = tf.reduce_mean(logits**2)
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        assert len(updates) == 4
        moving = [v for v in slim.get_model_variables() if 'moving' in v.op.name]
        with tf.Session() as session:
            reference.load_weights(session)
            feed = {images: reference.network_input(4, 32, 3)}
            before = session.run(moving)
            keys = ['Conv2d_12_pointwise', 'Conv2d_13_pointwise']
            trained, tested = session.run(
                [[points[key] for key in keys] for points in (end_points, at_inference)], feed
            )
            session.run([loss, updates], feed)
            after = session.run(moving)
        np.testing.assert_array_equal(trained[0], tested[0])
        assert np.abs(trained[1] - tested[1]).max() > 0
        changed = {
            v.op.name
            for v, old, new in zip(moving, before, after, strict=True)
            if not np.array_equal(old, new)
        }
        assert changed == {v.op.name for v in moving if not self.frozen(v.op.name)}

    def test_dropout_seed_fixes_the_mask(self, graph):
        images = pictures('lenet')
        network_fn = nets_factory.get_network_fn('lenet', 3, is_training=True, dropout_seed=5)
        _, end_points = network_fn(images)
        assert end_points['dropout3'].op.name == 'LeNet/dropout3/dropout/SelectV2'
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            feed = {images: reference.network_input(2, 28, 1)}
            first, second = (session.run(end_points['dropout3'], feed) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert (first == 0).any()

    @pytest.mark.parametrize('name', ['inception_v1', 'mobilenet_v1_025'])
    def test_batch_norm_decay_replaces_the_default(self, graph, name):
        images = pictures(name, None, 32)
        nets_factory.get_network_fn(name, 3, is_training=True, batch_norm_decay=0.25)(images)
        average = slim.get_model_variables()[2]
        update = tf.get_collection(tf.GraphKeys.UPDATE_OPS)[0]
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            feed = {images: reference.network_input(4, 32, 3)}
            session.run(update, feed)
            once = session.run(average)
            session.run(update, feed)
            twice = session.run(average)
        # From zero: m, then m * decay + m, with m what one batch adds.
        np.testing.assert_allclose(twice, 1.25 * once, rtol=1e-4, atol=1e-7)

    def test_network_without_batch_norm_has_no_use_for_a_decay(self, graph):
        network_fn = nets_factory.get_network_fn('lenet', 3, batch_norm_decay=0.5)
        assert network_fn(pictures('lenet'))[0].shape.as_list() == [2, 3]

    def test_mode_may_be_a_tensor(self, graph):
        mode = tf.placeholder_with_default(False, [])
        images = pictures('lenet')
        _, end_points = nets_factory.get_network_fn('lenet', 3, is_training=mode)(images)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            feed = {images: reference.network_input(2, 28, 1)}
            hidden, kept = session.run([end_points['fc3'], end_points['dropout3']], feed)
        np.testing.assert_array_equal(hidden, kept)


def test_layers_of_all_networks_answer_to_slims_keys():
    assert slim.arg_scope_func_key(layers.batch_norm) == slim.arg_scope_func_key(slim.batch_norm)
