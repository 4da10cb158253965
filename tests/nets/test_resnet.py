"""What the residual networks take beyond what the registry tests show."""

import re

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import resnet_utils, resnet_v1, resnet_v2
from support import reference

pytestmark = pytest.mark.usefixtures('graph')


def pictures(size, batch=2, channels=3):
    return tf.constant(reference.network_input(batch, size, channels))


def small_v1(inputs, scope='tiny', **options):
    blocks = [
        resnet_v1.resnet_v1_block(f'block{number}', base_depth=number, num_units=2, stride=stride)
        for number, stride in enumerate((2, 2, 2, 1), start=1)
    ]
    return resnet_v1.resnet_v1(inputs, blocks, is_training=False, scope=scope, **options)


def small_v2(inputs, scope='tiny', **options):
    blocks = [
        resnet_v2.resnet_v2_block(f'block{number}', base_depth=number, num_units=2, stride=stride)
        for number, stride in enumerate((2, 2, 2, 1), start=1)
    ]
    return resnet_v2.resnet_v2(inputs, blocks, is_training=False, scope=scope, **options)


def small_v1b(inputs, scope='tiny', **options):
    blocks = [
        resnet_v1.resnet_v1_block(f'block{number}', number, 2, stride, strides_first=True)
        for number, stride in enumerate((1, 2, 2, 2), start=1)
    ]
    options.setdefault('pads_equally', True)
    return resnet_v1.resnet_v1(inputs, blocks, is_training=False, scope=scope, **options)


forms = pytest.mark.parametrize('small', [small_v1, small_v1b, small_v2])
DENSE = {'global_pool': False, 'spatial_squeeze': False}


def evaluate(*tensors):
    with tf.Session() as session:
        reference.load_weights(session, weight_gain=0.7)
        return session.run(list(tensors))


VARIANTS = {**resnet_v1.VARIANTS, **resnet_v2.VARIANTS}


@pytest.mark.parametrize('name', VARIANTS)
def test_table_has_as_many_units_as_the_facts(name):
    units = VARIANTS[name].units
    scopes = {tuple(path.split('/')[1:3]) for path in reference.facts(name)['model_variables']}
    counts = [sum(block == f'block{number}' for block, _ in scopes) for number in (1, 2, 3, 4)]
    assert counts == list(units)


@pytest.mark.parametrize('name', VARIANTS)
def test_a_form_of_another_network_has_its_variables(name):
    original = name.replace('b_', '_')
    variables = reference.facts(original)['model_variables']
    renamed = {path.replace(f'{original}/', f'{name}/'): path for path in variables}
    found = reference.facts(name)['model_variables']
    assert list(found) == list(renamed)
    assert all(found[path][:-1] == variables[renamed[path]][:-1] for path in found)


@pytest.mark.parametrize('name', VARIANTS)
def test_the_facts_have_each_stride_where_the_table_has_it(name):
    variant = VARIANTS[name]
    sides = {}
    for path, (_, *shape) in reference.facts(name)['end_points_inference'].items():
        parts = re.fullmatch(rf'{name}/block(.)/unit_(\d+)/bottleneck_v./conv([12])', path)
        if parts:
            block, unit, layer = map(int, parts.groups())
            sides[block, unit, layer] = shape[1]
    strided = {(b, u) for b, u, _ in sides if sides[b, u, 2] < sides[b, u, 1]}
    last = {(block, variant.units[block - 1]) for block in (1, 2, 3)}
    assert strided == ({(2, 1), (3, 1), (4, 1)} if variant.strides_first else last)


def test_pool1_sees_zeros_on_all_sides_if_it_is_padded_equally():
    images = pictures(9, batch=1) - 5.0
    # Without an activation, all values of a window may be below zero.
    with slim.arg_scope([slim.conv2d], activation_fn=None):
        padded, _ = resnet_utils.root_block(images, None, pads_equally=True)
        tf.get_variable_scope().reuse_variables()
        before = resnet_utils.conv2d_same(images, 64, 7, stride=2, scope='conv1')
    found, values = evaluate(padded, before)
    framed = np.pad(values, [(0, 0), (1, 1), (1, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(framed, (3, 3), axis=(1, 2))[:, ::2, ::2]
    np.testing.assert_array_equal(found, windows.max((-2, -1)))
    assert found.shape[1:3] == (3, 3)
    assert (values < 0).any()


class TestStrides:
    """Convolutions and subsampling that agree at every image size."""

    @pytest.mark.parametrize('size', [4, 5])
    @pytest.mark.parametrize('rate', [1, 2])
    def test_strided_convolution_is_a_subsampled_one(self, size, rate):
        options = {'activation_fn': None, 'biases_initializer': None}
        images = pictures(size, channels=1)
        with slim.arg_scope([slim.conv2d], **options):
            dense = slim.conv2d(images, 1, [3, 3], scope='conv')
            tf.get_variable_scope().reuse_variables()
            strided = resnet_utils.conv2d_same(images, 1, 3, stride=2, scope='conv')
            padded = resnet_utils.conv2d_same(images, 1, 3, stride=1, rate=rate, scope='conv')
            dilated = slim.conv2d(images, 1, [3, 3], rate=rate, scope='conv')
        expected, actual, same, also = evaluate(
            resnet_utils.subsample(dense, 2), strided, padded, dilated
        )
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(same, also, rtol=1e-5, atol=1e-6)

    def test_subsample_by_one_is_nothing(self):
        images = pictures(3)
        assert resnet_utils.subsample(images, 1) is images

    @forms
    @pytest.mark.parametrize(
        ('output_stride', 'size'),
        [
            (8, 65),
            *(pytest.param(stride, 64, marks=pytest.mark.soak) for stride in (4, 8, 16, 32)),
            *(pytest.param(stride, 65, marks=pytest.mark.soak) for stride in (4, 16, 32)),
        ],
    )
    def test_dense_features_contain_the_strided_ones(self, small, output_stride, size):
        with slim.arg_scope(resnet_utils.resnet_arg_scope()):
            dense, _ = small(pictures(size), output_stride=output_stride, **DENSE)
            tf.get_variable_scope().reuse_variables()
            nominal, _ = small(pictures(size), **DENSE)
        assert dense.shape.as_list()[1] == -(-size // output_stride)
        actual, expected = evaluate(resnet_utils.subsample(dense, 32 // output_stride), nominal)
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)

    @forms
    @pytest.mark.parametrize('output_stride', [64, 12])
    def test_stride_out_of_reach_is_an_error(self, small, output_stride):
        with pytest.raises(ValueError, match='output_stride cannot be reached'):
            small(pictures(64), output_stride=output_stride)

    @forms
    def test_root_takes_four_of_the_stride(self, small):
        with pytest.raises(ValueError, match='output_stride=6: must be a multiple of 4'):
            small(pictures(64), output_stride=6)

    def test_activations_before_the_stride_are_stored(self):
        with slim.arg_scope(resnet_utils.resnet_arg_scope()):
            late, stored = small_v1(pictures(64), store_non_strided_activations=True, **DENSE)
            tf.get_variable_scope().reuse_variables()
            early, plain = small_v1(pictures(64), **DENSE)
        sides = [stored[f'tiny/block{number}'].shape.as_list()[1] for number in range(1, 5)]
        assert sides == [16, 8, 4, 2]
        assert plain['tiny/block1'].shape.as_list()[1] == 8
        actual, expected = evaluate(late, early)
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-4)


@forms
def test_blocks_stand_alone_without_a_root(small):
    net, end_points = small(pictures(32, channels=16), include_root_block=False, **DENSE)
    assert net.shape.as_list()[1:3] == [4, 4]
    assert 'tiny/conv1' not in end_points


@forms
def test_pooled_features_and_class_maps(small):
    features, _ = small(pictures(64), scope='features')
    assert features.shape.as_list()[1:3] == [1, 1]
    scores, end_points = small(pictures(96), num_classes=5, scope='map', **DENSE)
    assert scores.shape.as_list() == [2, 3, 3, 5]
    assert end_points['predictions'].shape.as_list() == [2, 3, 3, 5]
    assert 'map/spatial_squeeze' not in end_points


@forms
def test_any_size_known_or_not(small):
    images = tf.placeholder(tf.float32, [None, None, None, 3])
    with slim.arg_scope(resnet_utils.resnet_arg_scope()):
        logits, _ = small(images, num_classes=5)
    assert logits.shape.as_list() == [None, 5]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(logits, {images: np.zeros([1, 1, 45, 3])}).shape == (1, 5)


@forms
def test_second_tower_has_end_points_of_its_own(small):
    _, first = small(pictures(32), num_classes=5)
    tf.get_variable_scope().reuse_variables()
    _, second = small(pictures(32), num_classes=5)
    assert first.keys() == second.keys()
    assert all(first[key] is not second[key] for key in first)


def test_bounded_activations_stay_within_six():
    images = 1000 * pictures(8, channels=4)
    with slim.arg_scope([slim.conv2d], activation_fn=tf.nn.relu6):
        unit = resnet_v1.bottleneck(images, 8, 2, stride=1, use_bounded_activations=True)
    values = evaluate(unit)[0]
    assert values.min() >= 0
    assert values.max() <= 6


def test_mode_is_left_to_the_scopes_outside():
    with slim.arg_scope(resnet_utils.resnet_arg_scope()):
        with slim.arg_scope([slim.batch_norm], is_training=False):
            blocks = [resnet_v2.resnet_v2_block('block1', 2, 1, 1)]
            resnet_v2.resnet_v2(pictures(16), blocks, is_training=None)
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []


def test_depth_multiplier_narrows_down_to_a_minimum():
    with slim.arg_scope(resnet_utils.resnet_arg_scope()):
        _, end_points = resnet_v1.resnet_v1_50(
            pictures(32), depth_multiplier=0.05, min_base_depth=16
        )
    depths = [end_points[f'resnet_v1_50/block{n}'].shape.as_list()[3] for n in (1, 2, 3, 4)]
    assert depths == [64, 64, 64, 100]


def test_network_without_batch_norm_has_biases():
    with slim.arg_scope(resnet_utils.resnet_arg_scope(use_batch_norm=False)):
        resnet_v1.bottleneck(pictures(8, channels=4), 8, 2, stride=1, scope='unit')
    names = {variable.op.name.split('/')[-1] for variable in slim.get_model_variables()}
    assert names == {'weights', 'biases'}
