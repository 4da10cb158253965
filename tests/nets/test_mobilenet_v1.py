"""What MobileNet v1 takes beyond what the registry tests show."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import mobilenet_v1
from support import reference

pytestmark = pytest.mark.usefixtures('graph')


def pictures(size):
    return tf.constant(reference.network_input(2, size, 3))


def sides(end_points):
    return {key: net.shape.as_list()[1] for key, net in end_points.items()}


def test_base_stops_at_an_end_point():
    net, end_points = mobilenet_v1.mobilenet_v1_base(pictures(64), 'Conv2d_3_depthwise')
    assert net is end_points['Conv2d_3_depthwise']
    assert list(end_points)[-2:] == ['Conv2d_2_pointwise', 'Conv2d_3_depthwise']


def test_unknown_end_point_lists_the_known():
    with pytest.raises(ValueError, match=r"unknown end point 'Conv2d_14'.*Conv2d_1"):
        mobilenet_v1.mobilenet_v1_base(pictures(64), 'Conv2d_14')


@pytest.mark.parametrize(('output_stride', 'side'), [(8, 8), (16, 4), (32, 2), (None, 2)])
def test_output_stride_keeps_the_map_dense(output_stride, side):
    net, end_points = mobilenet_v1.mobilenet_v1_base(
        pictures(64), depth_multiplier=0.25, output_stride=output_stride
    )
    assert net.shape.as_list() == [2, side, side, 256]
    assert sides(end_points)['Conv2d_3_pointwise'] == 16


def test_dense_features_contain_the_strided_ones():
    with slim.arg_scope(mobilenet_v1.mobilenet_v1_arg_scope(is_training=False)):
        dense, _ = mobilenet_v1.mobilenet_v1_base(
            pictures(65), depth_multiplier=0.25, output_stride=8, scope='net'
        )
        tf.get_variable_scope().reuse_variables()
        strided, _ = mobilenet_v1.mobilenet_v1_base(
            pictures(65), depth_multiplier=0.25, scope='net'
        )
    with tf.Session() as session:
        reference.load_weights(session)
        dense, strided = session.run([dense, strided])
    np.testing.assert_allclose(dense[:, ::4, ::4], strided, rtol=1e-3, atol=1e-4)


def test_other_output_strides_are_refused():
    with pytest.raises(ValueError, match='output_stride=12: must be 8, 16, 32 or None'):
        mobilenet_v1.mobilenet_v1_base(pictures(64), output_stride=12)


def test_explicit_padding_gives_the_same_shapes():
    _, explicit = mobilenet_v1.mobilenet_v1_base(pictures(64), use_explicit_padding=True, scope='a')
    _, implicit = mobilenet_v1.mobilenet_v1_base(pictures(64), scope='b')
    assert sides(explicit) == sides(implicit)


def test_widths_have_a_minimum():
    _, end_points = mobilenet_v1.mobilenet_v1_base(
        pictures(32), 'Conv2d_1_pointwise', depth_multiplier=0.25, min_depth=12
    )
    assert end_points['Conv2d_0'].shape.as_list()[3] == 12
    assert end_points['Conv2d_1_pointwise'].shape.as_list()[3] == 16


def test_width_has_to_be_positive():
    with pytest.raises(ValueError, match='depth_multiplier=0: must be greater than zero'):
        mobilenet_v1.mobilenet_v1(pictures(32), depth_multiplier=0)


def test_table_may_be_the_callers():
    rows = [
        mobilenet_v1.Conv(kernel=[3, 3], stride=2, depth=8),
        mobilenet_v1.DepthSepConv(kernel=[3, 3], stride=2, depth=16),
    ]
    logits, end_points = mobilenet_v1.mobilenet_v1(
        pictures(32), 5, conv_defs=rows, is_training=False
    )
    assert logits.shape.as_list() == [2, 5]
    assert list(end_points)[:3] == ['Conv2d_0', 'Conv2d_1_depthwise', 'Conv2d_1_pointwise']
    with pytest.raises(ValueError, match=r'conv_defs\[0\]: must be Conv or DepthSepConv'):
        mobilenet_v1.mobilenet_v1_base(pictures(32), conv_defs=[Strange(1)])


class Strange(mobilenet_v1.namedtuple('Strange', 'stride', defaults=(1,))):
    """A row of no kind."""

    kernel, depth = (3, 3), 8

    def _replace(self, **_):
        return self


@pytest.mark.parametrize('size', [1, 33, 320])
def test_any_size_gives_one_row_of_logits(size):
    logits, end_points = mobilenet_v1.mobilenet_v1_025(pictures(size), 5, is_training=False)
    assert logits.shape.as_list() == [2, 5]
    assert 'AvgPool_1a' in end_points


def test_global_pool_takes_sizes_that_are_not_known():
    images = tf.placeholder(tf.float32, [None, None, None, 3])
    logits, end_points = mobilenet_v1.mobilenet_v1_025(images, 5, global_pool=True)
    assert logits.shape.as_list() == [None, 5]
    assert end_points['global_pool'].shape.as_list() == [None, 1, 1, 256]


def test_scores_may_keep_their_place():
    logits, _ = mobilenet_v1.mobilenet_v1_025(pictures(32), 5, spatial_squeeze=False)
    assert logits.shape.as_list() == [2, 1, 1, 5]


def test_no_prediction_function_no_predictions():
    _, end_points = mobilenet_v1.mobilenet_v1_025(pictures(32), 5, prediction_fn=None)
    assert 'Predictions' not in end_points


@pytest.mark.parametrize('regularize_depthwise', [True, False])
def test_depthwise_weights_decay_on_demand(regularize_depthwise):
    with slim.arg_scope(
        mobilenet_v1.mobilenet_v1_arg_scope(
            weight_decay=0.1, regularize_depthwise=regularize_depthwise
        )
    ):
        mobilenet_v1.mobilenet_v1_base(pictures(32), 'Conv2d_1_pointwise')
    assert len(tf.losses.get_regularization_losses()) == 2 + regularize_depthwise


@pytest.mark.parametrize('is_training', [True, False, None])
def test_scope_may_leave_the_mode_to_others(is_training):
    scope = mobilenet_v1.mobilenet_v1_arg_scope(is_training=is_training)
    settings = scope[slim.arg_scope_func_key(slim.batch_norm)]
    assert settings.get('is_training') is is_training
