"""Batch norm, dropout and the recording of end points, each against its definition."""

import zlib

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from common.errors import UserError
from nets import layers

RANDOM = np.random.RandomState(7)
IMAGES = RANDOM.normal(3.0, 2.0, size=(4, 3, 5, 2)).astype(np.float32)


def _run(fetches, feed=None):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed)


def _normalised(values, axes, epsilon=0.001):
    mean = values.mean(axes, keepdims=True)
    return (values - mean) / np.sqrt(values.var(axes, keepdims=True) + epsilon)


def _value(name):
    return slim.get_variables(suffix=name)[0]


@pytest.fixture(params=['resource', 'reference'])
def variables(request, graph):
    """Build as TensorFlow does by default, and as it does after `disable_v2_behavior()`."""
    if request.param == 'reference':
        tf.disable_control_flow_v2()
    with tf.variable_scope('', use_resource=request.param == 'resource'):
        yield
    tf.enable_control_flow_v2()


class TestBatchNorm:
    @pytest.mark.parametrize('batch', [4, None])
    def test_training_normalises_with_the_batch_and_updates_by_definition(self, variables, batch):
        images = tf.placeholder(tf.float32, [batch, 3, 5, 2])
        outputs = layers.batch_norm(images, decay=0.9, is_training=True)
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            actual = session.run(outputs, {images: IMAGES})
            session.run(updates, {images: IMAGES})
            mean, variance = session.run([_value('moving_mean'), _value('moving_variance')])
        assert outputs.shape.as_list() == [batch, 3, 5, 2]
        np.testing.assert_allclose(actual, _normalised(IMAGES, (0, 1, 2)), atol=1e-5)
        np.testing.assert_allclose(mean, 0.1 * IMAGES.mean((0, 1, 2)), rtol=1e-5)
        unbiased = IMAGES.reshape(-1, 2).var(0, ddof=1)
        np.testing.assert_allclose(variance, 0.9 + 0.1 * unbiased, rtol=1e-5)

    def test_inference_uses_the_stored_statistics_and_adds_no_update(self, variables):
        initial = {
            'moving_mean': tf.constant_initializer(2.0),
            'moving_variance': tf.constant_initializer(4.0),
            'gamma': tf.constant_initializer(3.0),
            'beta': tf.constant_initializer(0.5),
        }
        outputs = layers.batch_norm(
            tf.constant(IMAGES), scale=True, is_training=False, param_initializers=initial
        )
        expected = (IMAGES - 2.0) / np.sqrt(4.001) * 3.0 + 0.5
        np.testing.assert_allclose(_run(outputs), expected, atol=1e-5)
        assert not tf.get_collection(tf.GraphKeys.UPDATE_OPS)

    @pytest.mark.parametrize('value', [True, False])
    def test_a_tensor_decides_at_run_time(self, variables, value):
        images, is_training = tf.constant(IMAGES), tf.placeholder(tf.bool, [])
        outputs = layers.batch_norm(images, decay=0.9, scale=True, is_training=is_training)
        gradients = tf.gradients(outputs**2, [images, _value('gamma')])
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            feed = {is_training: value}
            actual, by_image, by_gamma = session.run([outputs, *gradients], feed)
            session.run(updates, feed)
            mean = session.run(_value('moving_mean'))
        expected = _normalised(IMAGES, (0, 1, 2)) if value else IMAGES / np.sqrt(1.001)
        np.testing.assert_allclose(actual, expected, atol=1e-5)
        np.testing.assert_allclose(by_gamma, (2 * expected**2).sum((0, 1, 2)), rtol=1e-3)
        assert np.isfinite(by_image).all()
        np.testing.assert_allclose(mean, 0.1 * IMAGES.mean((0, 1, 2)) * value, rtol=1e-5)

    def test_a_constant_tensor_is_as_good_as_a_bool(self, graph):
        layers.batch_norm(tf.constant(IMAGES), is_training=tf.constant(False))
        assert not tf.get_collection(tf.GraphKeys.UPDATE_OPS)

    @pytest.mark.parametrize('is_training', [True, 'tensor'])
    def test_without_a_collection_it_updates_in_place(self, variables, is_training):
        if is_training == 'tensor':
            is_training = tf.placeholder_with_default(True, [])
        images = tf.constant(IMAGES)
        outputs = layers.batch_norm(
            images, decay=0.0, updates_collections=None, is_training=is_training
        )
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(outputs)
            mean = session.run(_value('moving_mean'))
        np.testing.assert_allclose(mean, IMAGES.mean((0, 1, 2)), rtol=1e-5)
        assert not tf.get_collection(tf.GraphKeys.UPDATE_OPS)

    @pytest.mark.parametrize('data_format', ['NHWC', 'NCHW'])
    @pytest.mark.parametrize('batch', [6, None])
    def test_vectors(self, graph, data_format, batch):
        values = RANDOM.normal(size=(6, 3)).astype(np.float32)
        vectors = tf.placeholder(tf.float32, [batch, 3])
        outputs = layers.batch_norm(vectors, data_format=data_format)
        assert outputs.shape.as_list() == [batch, 3]
        np.testing.assert_allclose(
            _run(outputs, {vectors: values}), _normalised(values, 0), atol=1e-5
        )

    def test_channels_first(self, graph):
        outputs = layers.batch_norm(tf.constant(IMAGES.transpose(0, 3, 1, 2)), data_format='NCHW')
        expected = _normalised(IMAGES, (0, 1, 2)).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(_run(outputs), expected, atol=1e-5)
        assert _value('beta').shape == [2]

    @pytest.mark.parametrize('dtype', [tf.float16, tf.bfloat16])
    def test_statistics_are_float32_whatever_the_inputs_are(self, graph, dtype):
        outputs = layers.batch_norm(tf.cast(tf.constant(IMAGES), dtype), scale=True)
        assert outputs.dtype == dtype
        assert {variable.dtype.base_dtype for variable in tf.global_variables()} == {tf.float32}
        actual = _run(outputs).astype(np.float32)
        np.testing.assert_allclose(actual, _normalised(IMAGES, (0, 1, 2)), atol=0.05)

    def test_variables_and_their_collections(self, graph):
        layers.batch_norm(
            tf.constant(IMAGES),
            scale=True,
            variables_collections={'gamma': ['gammas'], 'moving_mean': ['means']},
            outputs_collections='outputs',
            param_regularizers={'gamma': slim.l2_regularizer(0.5)},
        )
        assert [variable.op.name for variable in slim.get_model_variables()] == [
            'BatchNorm/gamma',
            'BatchNorm/beta',
            'BatchNorm/moving_mean',
            'BatchNorm/moving_variance',
        ]
        assert tf.trainable_variables() == slim.get_model_variables()[:2]
        assert tf.get_collection('gammas') == [_value('gamma')]
        assert tf.get_collection('means') == [_value('moving_mean')]
        assert len(tf.get_collection('outputs')) == 1
        assert len(tf.losses.get_regularization_losses()) == 1

    def test_center_scale_and_trainable_decide_which_variables_there_are(self, graph):
        layers.batch_norm(tf.constant(IMAGES), center=False, scope='bare')
        layers.batch_norm(tf.constant(IMAGES), scale=True, trainable=False, scope='fixed')
        assert len(slim.get_model_variables('bare')) == 2
        assert len(slim.get_model_variables('fixed')) == 4
        assert tf.trainable_variables() == []

    def test_reuse(self, graph):
        layers.batch_norm(tf.constant(IMAGES), scope='norm')
        layers.batch_norm(tf.constant(IMAGES), scope='norm', reuse=True)
        assert len(tf.global_variables()) == 3
        assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 4

    def test_updates_are_found_by_the_name_of_the_clone(self, variables):
        with tf.name_scope('clone_0'), tf.variable_scope('net'):
            layers.batch_norm(tf.constant(IMAGES), scope='norm')
        with tf.name_scope('clone_1'), tf.variable_scope('net', reuse=True):
            layers.batch_norm(tf.constant(IMAGES), scope='norm')
        assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS, 'clone_0/')) == 2

    @pytest.mark.parametrize('layer', [slim.batch_norm, layers.batch_norm])
    def test_slim_and_ours_share_one_arg_scope(self, graph, layer):
        with slim.arg_scope([layer], scale=True, is_training=False):
            layers.batch_norm(tf.constant(IMAGES))
        assert _value('gamma') is not None
        assert not tf.get_collection(tf.GraphKeys.UPDATE_OPS)

    def test_as_normalizer_of_slims_layers(self, variables):
        with slim.arg_scope(
            [slim.conv2d, slim.separable_conv2d, slim.fully_connected],
            normalizer_fn=layers.batch_norm,
            normalizer_params={'decay': 0.9},
        ):
            net = slim.conv2d(tf.constant(IMAGES), 3, 3)
            net = slim.separable_conv2d(net, 4, 3, 1)
            net = slim.separable_conv2d(net, None, 3, 1, scope='depthwise')
            net = slim.fully_connected(slim.flatten(net), 2)
        norms = [name for name in slim.get_model_variables() if 'BatchNorm' in name.op.name]
        assert len(norms) == 4 * 3
        gradients = tf.gradients(net, tf.trainable_variables())
        assert all(np.isfinite(value).all() for value in _run(gradients))

    def test_frozen_layers_stand_still_in_training(self, graph):
        images = tf.constant(IMAGES)
        with slim.arg_scope([layers.batch_norm], frozen=lambda name: name.startswith('base/')):
            with tf.variable_scope('base'):
                still = layers.batch_norm(images, is_training=tf.placeholder(tf.bool, []))
            layers.batch_norm(images, scope='head')
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        assert [update.name.split('/')[0] for update in updates] == ['head', 'head']
        np.testing.assert_allclose(_run(still), IMAGES / np.sqrt(1.001), atol=1e-5)

    def test_a_partitioner_around_it_does_not_split_it(self, graph):
        with tf.variable_scope('', partitioner=tf.fixed_size_partitioner(2)):
            layers.batch_norm(tf.constant(IMAGES))
        assert len(tf.global_variables()) == 3

    def test_what_it_cannot_do_is_refused_by_name(self, graph):
        images = tf.constant(IMAGES)
        layers.batch_norm(images, renorm=False, fused=None, batch_weights=None)
        with pytest.raises(ValueError, match='renorm=True'):
            layers.batch_norm(images, renorm=True)
        with pytest.raises(TypeError, match='unexpected keyword argument'):
            layers.batch_norm(images, renrom=True)
        with pytest.raises(ValueError, match='NHWC or NCHW'):
            layers.batch_norm(images, data_format='HWCN')
        with pytest.raises(ValueError, match='rank 2 or 4'):
            layers.batch_norm(tf.zeros([3]))
        with pytest.raises(ValueError, match='known number of channels'):
            layers.batch_norm(tf.placeholder(tf.float32, [2, 3, 3, None]))


class TestDropout:
    def _masks(self, steps, name='Dropout_1b', seed=1):
        with tf.Graph().as_default():
            step = tf.train.get_or_create_global_step()
            outputs = layers.dropout(tf.ones([8, 16]), 0.75, scope=name, seed=seed)
            with tf.Session() as session:
                session.run(tf.global_variables_initializer())
                return [(session.run(step.assign(at)), session.run(outputs))[1] for at in steps]

    def test_a_seed_makes_step_and_name_decide(self):
        first, second, again = self._masks([3, 4, 3])
        np.testing.assert_array_equal(first, again)
        assert (first != second).any()
        (resumed,) = self._masks([3])
        np.testing.assert_array_equal(first, resumed)
        assert (first != self._masks([3], name='other')[0]).any()
        assert (first != self._masks([3], seed=2)[0]).any()
        assert set(np.unique(first)) == {0.0, np.float32(1 / 0.75)}

    def test_the_mask_is_that_of_the_documented_seed(self, graph):
        (actual,) = self._masks([5], seed=9)
        expected = tf.nn.experimental.stateless_dropout(
            tf.ones([8, 16]), 0.25, [zlib.crc32(b'Dropout_1b') ^ 9, 5], rng_alg='philox'
        )
        np.testing.assert_array_equal(actual, _run(expected))

    def test_clones_draw_different_masks(self, graph):
        masks = []
        for clone in ('clone_0', 'clone_1'):
            with tf.name_scope(clone):
                masks.append(layers.dropout(tf.ones([64]), scope='Dropout', seed=1))
        first, second = _run(masks)
        assert (first != second).any()

    @pytest.mark.parametrize('seed', [None, 5])
    @pytest.mark.parametrize('scope', ['Dropout_1b', 'Dropout', 'dropout3', None])
    @pytest.mark.parametrize('is_training', [True, False, 'tensor'])
    def test_operations_are_named_as_slims(self, seed, scope, is_training):
        names = []
        for layer, options in ((slim.dropout, {}), (layers.dropout, {'seed': seed})):
            with tf.Graph().as_default(), tf.variable_scope('Logits'):
                flag = tf.placeholder(tf.bool) if is_training == 'tensor' else is_training
                for _ in range(2):
                    outputs = layer(tf.ones([4]), 0.5, is_training=flag, scope=scope, **options)
                    names.append(outputs.name)
        assert names[:2] == names[2:]

    def test_off_at_inference(self, graph):
        flag = tf.placeholder_with_default(False, [])
        outputs = [
            layers.dropout(tf.ones([64]), is_training=False),
            layers.dropout(tf.ones([64]), is_training=False, seed=1),
            layers.dropout(tf.ones([64]), is_training=flag, seed=1),
            layers.dropout(tf.ones([64]), is_training=flag),
        ]
        assert all((value == 1).all() for value in _run(outputs))

    @pytest.mark.parametrize('layer', [slim.dropout, layers.dropout])
    def test_slim_and_ours_share_one_arg_scope(self, graph, layer):
        with slim.arg_scope([layer], is_training=False, keep_prob=0.1, seed=3):
            outputs = layers.dropout(tf.ones([64]))
        assert (_run(outputs) == 1).all()

    def test_a_missing_global_step_is_made_at_the_root(self, graph):
        with tf.variable_scope('net'):
            layers.dropout(tf.ones([4]), seed=1)
            layers.dropout(tf.ones([4]), seed=1)
        assert [variable.op.name for variable in tf.global_variables()] == ['global_step']


def _double(net, scope):
    return tf.multiply(net, 2, name=scope)


class TestBuild:
    LAYERS = (
        layers.NamedLayer('first', _double),
        layers.NamedLayer(
            'second', lambda net, scope: slim.max_pool2d(net, 3, scope=scope), (3, 2)
        ),
        layers.NamedLayer('third', lambda net, scope: net[:, 3:, 3:], [(3, 1), (2, 1)]),
    )

    def test_every_result_is_recorded_in_order(self, graph):
        net, end_points = layers.build(tf.ones([1, 9, 9, 1]), self.LAYERS, 'Net')
        assert list(end_points) == ['first', 'second', 'third']
        assert end_points['third'] is net
        assert net.shape == [1, 1, 1, 1]

    def test_it_stops_at_the_final_endpoint(self, graph):
        net, end_points = layers.build(tf.ones([1, 3, 3, 1]), self.LAYERS, 'Net', 'second')
        assert list(end_points) == ['first', 'second']
        assert net is end_points['second']

    def test_an_unknown_end_point_lists_the_known_nearest_first(self, graph):
        with pytest.raises(ValueError, match=r"'thrid'.*: third, first, second"):
            layers.build(tf.ones([1, 9, 9, 1]), self.LAYERS, 'Net', 'thrid')

    def test_a_small_picture_is_told_the_minimum(self, graph):
        layers.build(tf.placeholder(tf.float32, [None, None, 9, 1]), self.LAYERS, 'Net')
        with pytest.raises(UserError, match=r'Net needs .* at least 9 x 9 pixels, got 9 x 8'):
            layers.build(tf.ones([1, 9, 8, 1]), self.LAYERS, 'Net')
        with pytest.raises(UserError, match='rank 4'):
            layers.build(tf.ones([9, 9, 1]), self.LAYERS, 'Net')


def test_small_kernel(graph):
    assert layers.small_kernel(tf.ones([1, 3, 9, 1]), [7, 7]) == [3, 7]
    assert layers.small_kernel(tf.placeholder(tf.float32, [1, None, 9, 1]), [7, 7]) == [7, 7]


def test_squeeze_spatial(graph):
    small = layers.squeeze_spatial(tf.ones([2, 1, 1, 3]))
    large = layers.squeeze_spatial(tf.placeholder(tf.float32, [None, None, 2, 3]), 'Mean')
    assert (small.op.type, small.shape.as_list()) == ('Squeeze', [2, 3])
    assert (large.op.type, large.shape.as_list()) == ('Mean', [None, 3])
