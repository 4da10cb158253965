"""What MobileNet v3 and EdgeTPU take beyond what the registry tests show."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets.mobilenet import mobilenet_v3
from support import reference

pytestmark = pytest.mark.usefixtures('graph')


def pictures(size):
    return tf.constant(reference.network_input(2, size, 3))


def evaluate(*tensors):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(tensors)


def test_hard_swish_and_the_mean_of_a_map():
    values = np.array([[-4.0, -3.0, -1.0, 0.0, 1.0, 3.0, 5.0]], np.float32)
    images = tf.constant(np.arange(24, dtype=np.float32).reshape([1, 4, 6, 1]))
    unknown = tf.placeholder_with_default(images[:, :3, :3], [None, None, None, 1])
    found = evaluate(
        mobilenet_v3.hard_swish(tf.constant(values)),
        mobilenet_v3.reduce_to_1x1(images, stride=1),
        mobilenet_v3.reduce_to_1x1(unknown, default_size=3),
    )
    expected = values * np.clip(values + 3, 0, 6) / 6
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)
    assert found[1].tolist() == [[[[11.5]]]]
    assert found[2].tolist() == [[[[7.0]]]]


class TestMobileNetV3:
    @pytest.mark.parametrize(
        ('network', 'full'),
        [
            pytest.param('large_minimalistic', 'large', marks=pytest.mark.soak),
            ('small_minimalistic', 'small'),
        ],
    )
    def test_minimalistic_forms_have_simpler_layers(self, graph, network, full):
        getattr(mobilenet_v3, network)(pictures(32), 5)
        names = [variable.op.name for variable in slim.get_model_variables()]
        assert not [name for name in names if 'squeeze_excite' in name]
        assert not [op for op in graph.get_operations() if 'hard_swish' in op.name]
        kernels = {variable.shape.as_list()[0] for variable in slim.get_variables_by_suffix('ts')}
        assert kernels == {1, 3}
        with tf.Graph().as_default():
            getattr(mobilenet_v3, full)(pictures(32), 5)
            full_names = [variable.op.name for variable in slim.get_model_variables()]
        assert [name for name in full_names if 'squeeze_excite' not in name] == names

    def test_group_norm_replaces_batch_norm(self):
        with slim.arg_scope(mobilenet_v3.training_scope()):
            logits, _ = mobilenet_v3.small(pictures(32), 5, use_groupnorm=True)
        names = [variable.op.name for variable in slim.get_model_variables()]
        assert not [name for name in names if 'BatchNorm' in name]
        assert 'MobilenetV3/expanded_conv/depthwise/GroupNorm/gamma' in names
        assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []
        gradients = tf.gradients(logits, tf.trainable_variables())
        assert all(gradient is not None for gradient in gradients)
        assert np.isfinite(evaluate(logits)[0]).all()

    @pytest.mark.parametrize(('fine', 'depth'), [(True, 1280), (False, 960)])
    def test_last_layer_may_keep_its_width(self, fine, depth):
        rows = [mobilenet_v3.V3_LARGE[0], *mobilenet_v3.V3_LARGE[-3:]]
        _, end_points = mobilenet_v3.mobilenet(
            pictures(32), 5, 0.75, conv_defs=rows, finegrain_classification_mode=fine
        )
        assert end_points['layer_4'].shape.as_list() == [2, 1, 1, depth]
        assert end_points['layer_2'].shape.as_list()[3] == 720

    def test_tables_have_the_names_of_tf_slim(self):
        _, end_points = mobilenet_v3.mobilenet(
            pictures(32), 5, 0.75, conv_defs=mobilenet_v3.V3_SMALL, scope='mine'
        )
        assert end_points['layer_13'].op.name == 'mine/Conv_1/hard_swish/mul_1'
        assert end_points['layer_13'].shape.as_list() == [2, 1, 1, 432]

    def test_output_stride_replaces_the_strides_of_fused_rows(self):
        net, end_points = mobilenet_v3.mobilenet_base(
            pictures(64), conv_defs=mobilenet_v3.V3_EDGETPU, output_stride=4
        )
        assert net.shape.as_list() == [2, 16, 16, 1280]
        assert end_points['layer_2'].shape.as_list()[1] == 32

    @pytest.mark.parametrize('size', [1, pytest.param(256, marks=pytest.mark.soak)])
    def test_any_size_gives_one_row_of_logits(self, size):
        logits, _ = mobilenet_v3.small(pictures(size), 5)
        assert logits.shape.as_list() == [2, 5]

    def test_sizes_may_be_unknown(self):
        images = tf.placeholder(tf.float32, [None, None, None, 3])
        logits, end_points = mobilenet_v3.small(images, 5)
        assert end_points['layer_15'].shape.as_list() == [None, 1, 1, 1024]
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            assert session.run(logits, {images: np.ones([3, 40, 24, 3])}).shape == (3, 5)

    def test_features_without_classes(self):
        net, end_points = mobilenet_v3.small(pictures(32), None)
        assert net is end_points['global_pool']
        assert net.shape.as_list() == [2, 1, 1, 1024]

    def test_base_ends_after_its_last_row(self):
        net, end_points = mobilenet_v3.mobilenet_base(pictures(32), final_endpoint='layer_3')
        assert net is end_points['layer_3']
        assert len(slim.get_variables_by_suffix('weights')) == 6
