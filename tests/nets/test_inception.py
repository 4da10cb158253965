"""What is special to the Inception networks; the registry tests show what all networks promise."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from common.errors import UserError
from nets import inception, inception_resnet_v2, inception_utils, inception_v4, layers
from support import reference

# The base, its smallest picture and an end point on the way.
BASES = {
    'inception_v1': (inception.inception_v1_base, 1, 'Mixed_3b'),
    'inception_v2': (inception.inception_v2_base, 1, 'Mixed_4a'),
    'inception_v3': (inception.inception_v3_base, 75, 'Mixed_5c'),
    'inception_v4': (inception.inception_v4_base, 75, 'Mixed_4a'),
    'inception_resnet_v2': (inception.inception_resnet_v2_base, 75, 'MaxPool_5a_3x3'),
}


def _pictures(size, batch=2, channels=3):
    return tf.placeholder(tf.float32, [batch, size, size, channels])


@pytest.mark.parametrize('network', BASES)
def test_the_base_stops_at_an_end_point(graph, network):
    base, _, final_endpoint = BASES[network]
    net, end_points = base(_pictures(80), final_endpoint)
    assert list(end_points)[-1] == final_endpoint
    assert end_points[final_endpoint] is net
    assert not [op for op in graph.get_operations() if 'Mixed_6' in op.name]


@pytest.mark.parametrize('network', BASES)
def test_an_unknown_end_point_is_answered_with_the_known(graph, network):
    with pytest.raises(ValueError, match=r"unknown end point 'Mixed_5f'.* nearest first: Mixed_"):
        BASES[network][0](_pictures(299), final_endpoint='Mixed_5f')


@pytest.mark.parametrize('network', [name for name in BASES if BASES[name][1] > 1])
def test_a_small_picture_is_told_the_minimum(graph, network):
    base, minimum, _ = BASES[network]
    with pytest.raises(UserError, match=f'at least {minimum} x {minimum} pixels, got 74 x 74'):
        base(_pictures(minimum - 1))


@pytest.mark.soak
@pytest.mark.parametrize('network', BASES)
def test_the_smallest_picture_passes(graph, network):
    base, minimum, _ = BASES[network]
    net, _ = base(_pictures(minimum, None))
    assert net.shape.as_list()[1:3] == [1, 1]


@pytest.mark.parametrize(
    ('end_point', 'minimum'),
    [('Conv2d_1a_3x3', 3), ('MaxPool_3a_3x3', 11), ('Mixed_5b', 27), ('Mixed_6a', 43)],
)
def test_the_minimum_is_that_of_the_part_which_is_built(graph, end_point, minimum):
    with pytest.raises(UserError, match=f'at least {minimum} x {minimum} '):
        inception.inception_v3_base(_pictures(minimum - 1), end_point)
    net, _ = inception.inception_v3_base(_pictures(minimum), end_point)
    assert net.shape.as_list()[1:3] == [1, 1]


class TestHeads:
    def test_without_classes_the_pooled_features_come_back(self, graph):
        for number, num_classes in enumerate((None, 0)):
            net, end_points = inception.inception_v1(
                _pictures(64), num_classes, scope=f'v1_{number}'
            )
            assert net.shape.as_list() == [2, 1, 1, 1024]
            assert 'Logits' not in end_points
        net, end_points = inception.inception_v3(_pictures(80), None, depth_multiplier=0.1)
        assert net is end_points['AvgPool_1a']
        assert 'AuxLogits' not in end_points

    @pytest.mark.soak
    def test_without_classes_the_dense_heads_give_features_too(self, graph):
        for network in (inception.inception_v4, inception.inception_resnet_v2):
            net, end_points = network(_pictures(139), 0)
            assert net is end_points['global_pool']
            assert net.shape.as_list() == [2, 1, 1, 1536]
            assert 'AuxLogits' not in end_points

    def test_global_pool_takes_pictures_of_unknown_size(self, graph):
        images = tf.placeholder(tf.float32, [None, None, None, 3])
        options = {'num_classes': 5, 'is_training': False, 'depth_multiplier': 0.1}
        logits, end_points = inception.inception_v3(images, global_pool=True, **options)
        assert end_points['global_pool'].op.name == 'InceptionV3/Logits/GlobalPool'
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            assert session.run(logits, {images: np.ones([2, 110, 90, 3])}).shape == (2, 5)

    def test_scores_stay_a_map_when_they_are_not_squeezed(self, graph):
        options = {'num_classes': 5, 'depth_multiplier': 0.1, 'spatial_squeeze': False}
        logits, end_points = inception.inception_v2(_pictures(400), **options)
        assert logits.shape.as_list() == [2, 4, 4, 5]
        assert end_points['Predictions'].shape.as_list() == [2, 4, 4, 5]

    def test_larger_pictures_get_the_mean_of_the_scores(self, graph):
        images = _pictures(272)
        options = {'num_classes': 5, 'depth_multiplier': 0.1, 'is_training': False}
        score_map, _ = inception.inception_v2(images, spatial_squeeze=False, **options)
        logits, _ = inception.inception_v2(images, reuse=True, **options)
        with tf.Session() as session:
            reference.load_weights(session)
            both = session.run([score_map, logits], {images: reference.network_input(2, 272, 3)})
        assert both[0].shape == (2, 2, 2, 5)
        np.testing.assert_allclose(both[0].mean((1, 2)), both[1], rtol=1e-4, atol=1e-5)

    def test_kernels_shrink_with_the_map(self, graph):
        logits, end_points = inception.inception_v3(_pictures(112), 5, depth_multiplier=0.1)
        assert logits.shape.as_list() == [2, 5]
        assert end_points['AvgPool_1a'].op.name == 'InceptionV3/Logits/AvgPool_1a_2x2/AvgPool'
        (weights,) = slim.get_variables(scope='InceptionV3/AuxLogits/Conv2d_2a', suffix='weights')
        assert weights.shape.as_list()[:2] == [1, 1]

    def test_the_prediction_function_is_the_callers(self, graph):
        def sigmoid(logits, scope):
            return tf.sigmoid(logits, name=scope)

        _, end_points = inception.inception_v1(_pictures(32), 5, prediction_fn=sigmoid)
        assert end_points['Predictions'].op.name == 'InceptionV1/Logits/Predictions'

    @pytest.mark.soak
    def test_auxiliary_logits_are_optional(self, graph):
        for network in (inception.inception_v4, inception.inception_resnet_v2):
            _, end_points = network(_pictures(139), 5, create_aux_logits=False)
            assert 'AuxLogits' not in end_points
            assert not slim.get_model_variables(f'{network.__name__}/AuxLogits')

    def test_variables_are_reused(self, graph):
        inception.inception_v1(_pictures(32), 5)
        count = len(tf.global_variables())
        inception.inception_v1(_pictures(48, None), 5, is_training=False, reuse=True)
        assert len(tf.global_variables()) == count


class TestDepth:
    def test_the_multiplier_thins_down_to_the_minimum(self, graph):
        _, end_points = inception.inception_v3_base(
            _pictures(80), depth_multiplier=0.5, min_depth=40
        )
        depths = {key: net.shape.as_list()[-1] for key, net in end_points.items()}
        assert depths['Conv2d_1a_3x3'] == 40
        assert depths['Conv2d_4a_3x3'] == 96
        assert depths['Mixed_7c'] == 1024

    @pytest.mark.parametrize('multiplier', [0.0, -1.0])
    @pytest.mark.parametrize('network', [inception.inception_v2, inception.inception_v3])
    def test_a_multiplier_has_to_be_positive(self, graph, network, multiplier):
        with pytest.raises(ValueError, match='depth_multiplier must be greater than zero'):
            network(_pictures(80), 5, depth_multiplier=multiplier)


class TestInceptionV3b:
    def test_averages_count_the_padding_with_zeros(self, graph):
        average = inception_utils.avg_pool(padding='ZEROS')(tf.ones([1, 4, 4, 1]), 'pool', int)
        with tf.Session() as session:
            found = session.run(average)[0, :, :, 0]
        np.testing.assert_allclose(found[0] * 9, [4, 6, 6, 4], rtol=1e-6)
        np.testing.assert_allclose(found[1] * 9, [6, 9, 9, 6], rtol=1e-6)

    def test_all_averages_of_its_blocks_do_so(self, graph):
        inception.inception_v3b(_pictures(80), 5, depth_multiplier=0.1)
        pools = [op for op in graph.get_operations() if op.type == 'AvgPool' and 'Mixed' in op.name]
        assert len(pools) == 9
        assert {op.get_attr('padding') for op in pools} == {b'VALID'}
        assert {op.inputs[0].op.type for op in pools} == {'Pad'}


class TestInceptionV4b:
    def test_the_averages_of_its_last_blocks_count_the_padding(self, graph):
        inception.inception_v4b(_pictures(80), 5, create_aux_logits=False)
        pools = [op for op in graph.get_operations() if op.type == 'AvgPool' and 'Mixed' in op.name]
        counting = {op.name.split('/')[2] for op in pools if op.inputs[0].op.type == 'Pad'}
        assert len(pools) == 14
        assert counting == {'Mixed_7b', 'Mixed_7c', 'Mixed_7d'}


class TestInceptionV1And2:
    @pytest.mark.parametrize('base', [inception.inception_v1_base, inception.inception_v2_base])
    def test_without_the_root_block_a_feature_map_goes_in(self, graph, base):
        net, end_points = base(_pictures(28, channels=192), include_root_block=False)
        assert next(iter(end_points)) == 'Mixed_3b'
        assert net.shape.as_list() == [2, 7, 7, 1024]
        with pytest.raises(ValueError, match='unknown end point'):
            base(_pictures(28, channels=192), 'Conv2d_1a_7x7', include_root_block=False)

    def test_the_first_convolution_may_be_a_plain_one(self, graph):
        inception.inception_v2_base(_pictures(32), 'Conv2d_1a_7x7', use_separable_conv=False)
        names = [variable.op.name for variable in tf.global_variables()]
        assert names == ['InceptionV2/Conv2d_1a_7x7/weights', 'InceptionV2/Conv2d_1a_7x7/biases']

    def test_channels_first(self, graph):
        images = tf.placeholder(tf.float32, [2, 3, 64, 64])
        with slim.arg_scope(inception.inception_v2_arg_scope()):
            net, _ = inception.inception_v2_base(
                images, 'Mixed_4a', use_separable_conv=False, data_format='NCHW'
            )
        assert net.shape.as_list() == [2, 576, 4, 4]
        (beta,) = slim.get_variables(scope='InceptionV2/Conv2d_2c_3x3', suffix='beta')
        assert beta.shape.as_list() == [192]

    def test_data_formats_that_cannot_be(self, graph):
        with pytest.raises(ValueError, match='separable'):
            inception.inception_v2_base(_pictures(32), data_format='NCHW')
        with pytest.raises(ValueError, match='NHWC or NCHW'):
            inception.inception_v2_base(_pictures(32), data_format='NCWH')


V4_BLOCKS = [
    (inception_v4.block_inception_a, 384, 384, 35),
    (inception_v4.block_reduction_a, 384, 1024, 17),
    (inception_v4.block_inception_b, 1024, 1024, 35),
    (inception_v4.block_reduction_b, 1024, 1536, 17),
    (inception_v4.block_inception_c, 1536, 1536, 35),
]


@pytest.mark.parametrize(('block', 'channels', 'depth', 'size'), V4_BLOCKS)
def test_the_blocks_of_v4_stand_alone(graph, block, channels, depth, size):
    images = _pictures(35, None, channels)
    assert block(images, scope='block').shape.as_list() == [None, size, size, depth]
    count = len(tf.global_variables())
    block(images, scope='block', reuse=True)
    assert len(tf.global_variables()) == count


class TestInceptionResnetV2:
    @pytest.mark.parametrize(
        ('block', 'name'),
        [
            (inception_resnet_v2.block35, 'Block35'),
            (inception_resnet_v2.block17, 'Block17'),
            (inception_resnet_v2.block8, 'Block8'),
        ],
    )
    def test_a_block_adds_its_scaled_branches(self, graph, block, name):
        images = _pictures(9, None, 16)
        outputs = block(images, scale=0.5, activation_fn=None)
        again = block(images, scale=1.0, activation_fn=None, scope=name, reuse=True)
        with tf.Session() as session:
            reference.load_weights(session)
            values = reference.network_input(2, 9, 16)
            once, twice = session.run([outputs, again], {images: values})
        np.testing.assert_allclose(2 * (once - values), twice - values, rtol=1e-3, atol=1e-4)
        assert slim.get_variables(f'{name}/Branch_0/Conv2d_1x1')

    def test_relu6_bounds_what_a_block_adds(self, graph):
        images = _pictures(5, None, 8)
        outputs = inception_resnet_v2.block35(images, scale=1e6, activation_fn=tf.nn.relu6)
        with tf.Session() as session:
            reference.load_weights(session)
            actual = session.run(outputs, {images: np.full([1, 5, 5, 8], 9.0)})
        assert actual.min() >= 3.0
        assert actual.max() <= 6.0

    @pytest.mark.parametrize(
        ('stride', 'aligned', 'side'),
        [(16, False, 17), (8, False, 33), pytest.param(8, True, 38, marks=pytest.mark.soak)],
    )
    def test_output_stride_and_alignment(self, graph, stride, aligned, side):
        net, _ = inception_resnet_v2.inception_resnet_v2_base(
            _pictures(299, 1),
            final_endpoint='Mixed_6a',
            output_stride=stride,
            align_feature_maps=aligned,
        )
        assert net.shape.as_list() == [1, side, side, 1088]

    def test_aligned_feature_maps_have_no_smallest_picture(self, graph):
        net, _ = inception_resnet_v2.inception_resnet_v2_base(
            _pictures(2), 'Mixed_6a', align_feature_maps=True
        )
        assert net.shape.as_list() == [2, 1, 1, 1088]

    def test_an_output_stride_of_8_dilates_and_ends_early(self, graph):
        base = inception_resnet_v2.inception_resnet_v2_base
        net, _ = base(_pictures(139, 1), 'PreAuxLogits', output_stride=8)
        assert net.shape.as_list() == [1, 13, 13, 1088]
        # How slim dilates.
        assert any(op.type == 'SpaceToBatchND' for op in graph.get_operations())
        with pytest.raises(ValueError, match='PreAuxLogits'):
            base(_pictures(139, 1), output_stride=8)
        with pytest.raises(ValueError, match='8 or 16, not 32'):
            base(_pictures(139, 1), output_stride=32)


class TestArgScopes:
    def test_weights_decay_and_biases_too_in_resnet(self, graph):
        with slim.arg_scope(inception.inception_v1_arg_scope(weight_decay=0.1)):
            slim.fully_connected(tf.ones([1, 2]), 3, scope='v1')
        with slim.arg_scope(inception.inception_resnet_v2_arg_scope(weight_decay=0.1)):
            slim.fully_connected(tf.ones([1, 2]), 3, scope='resnet')
        losses = [loss.op.name.split('/')[:2] for loss in tf.losses.get_regularization_losses()]
        assert losses == [['v1', 'kernel'], ['resnet', 'kernel'], ['resnet', 'bias']]

    def test_batch_norm_is_optional_and_takes_the_settings(self, graph):
        scopes = inception.inception_v3_arg_scope
        with slim.arg_scope(scopes(use_batch_norm=False)):
            slim.conv2d(_pictures(8), 4, 3, scope='bare')
        with slim.arg_scope(
            scopes(
                batch_norm_scale=True,
                batch_norm_updates_collections='mine',
                activation_fn=tf.nn.relu6,
            )
        ):
            net = slim.conv2d(_pictures(8), 4, 3, scope='norm')
        assert slim.get_variables('bare/biases')
        assert slim.get_variables('norm/BatchNorm/gamma')
        assert net.op.type == 'Relu6'
        assert len(tf.get_collection('mine')) == 2

    def test_a_network_frozen_in_part_trains_the_rest(self, graph):
        images = tf.constant(reference.network_input(2, 48, 3))

        def outside_the_head(scope):
            return 'Mixed_5' not in scope

        with slim.arg_scope(inception.inception_v1_arg_scope()):
            with slim.arg_scope([layers.batch_norm], frozen=outside_the_head):
                _, end_points = inception.inception_v1(images, 5, dropout_keep_prob=1.0)
            _, still = inception.inception_v1(images, 5, is_training=False, reuse=True)
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        head = len(slim.get_variables('InceptionV1/Mixed_5', suffix='beta'))
        assert len(updates) == 2 * head
        assert all('Mixed_5' in update.name for update in updates)
        at = 'MaxPool_5a_2x2'
        with tf.Session() as session:
            reference.load_weights(session)
            pairs = [end_points[at], still[at], end_points['Mixed_5c'], still['Mixed_5c']]
            first, same, second, other = session.run(pairs)
        np.testing.assert_array_equal(first, same)
        assert np.abs(second - other).max() > 1e-3
