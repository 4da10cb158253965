"""What MobileNet v2 takes beyond what the registry tests show."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from common.errors import UserError
from nets import layers, nets_factory
from nets.mobilenet import conv_blocks, mobilenet_v2
from nets.mobilenet import mobilenet as common_parts
from support import reference

pytestmark = pytest.mark.usefixtures('graph')

# Short tables with a row of every kind.
ROWS = (
    conv_blocks.Conv(3, 2, 8),
    conv_blocks.ExpandedConv(3, 1, 8, expansion=1),
    conv_blocks.ExpandedConv(3, 2, 16, expansion=2, fused=True),
    conv_blocks.ExpandedConv(5, 2, 16, squeeze_excite=True, activation=conv_blocks.hard_swish),
    conv_blocks.ExpandedConv(3, 1, 16),
)
# The first rows and the last of the paper's table.
SHORT = (*mobilenet_v2.V2_DEF[:3], mobilenet_v2.V2_DEF[-1])


def pictures(size):
    return tf.constant(reference.network_input(2, size, 3))


def sides(end_points):
    return {
        name: net.shape.as_list()[1] for name, net in end_points.items() if net.shape.ndims == 4
    }


def depths(end_points):
    return [net.shape.as_list()[3] for name, net in end_points.items() if name[-1].isdigit()]


def evaluate(*tensors):
    with tf.Session() as session:
        reference.load_weights(session)
        return session.run(tensors)


class TestTable:
    @pytest.mark.parametrize(
        ('value', 'options', 'expected'),
        [
            (32 * 1.4, {}, 48),
            (24 * 0.35, {}, 8),
            # The nearest multiple, 16, is less than 90% of it.
            (18, {}, 24),
            (3, {}, 8),
            (3, {'minimum': 16}, 16),
            (13, {'divisor': 4}, 12),
        ],
    )
    def test_widths_are_divisible(self, value, options, expected):
        assert conv_blocks.divisible(value, **options) == expected

    def test_base_stops_at_an_end_point(self, graph):
        net, end_points = mobilenet_v2.mobilenet_base(pictures(64), final_endpoint='layer_4')
        assert net is end_points['layer_4']
        assert net.op.name == 'MobilenetV2/expanded_conv_2/output'
        assert 'layer_5' not in end_points
        assert not [op for op in graph.get_operations() if 'expanded_conv_3' in op.name]

    def test_unknown_end_point_lists_the_known(self):
        with pytest.raises(UserError, match=r"unknown end point 'layer_20'.*layer_2"):
            mobilenet_v2.mobilenet_base(pictures(64), final_endpoint='layer_20')

    def test_base_has_no_head(self):
        net, end_points = mobilenet_v2.mobilenet_base(pictures(64), conv_defs=SHORT)
        assert net is end_points['layer_4']
        assert not slim.get_variables('MobilenetV2/Logits')

    def test_table_may_be_the_callers(self):
        logits, end_points = mobilenet_v2.mobilenet(pictures(32), 5, conv_defs=ROWS, scope='mine')
        assert logits.shape.as_list() == [2, 5]
        assert list(end_points)[:5] == [f'layer_{number}' for number in range(1, 6)]
        assert 'layer_3/depthwise_output' not in end_points
        assert slim.get_variables('mine/expanded_conv_2/squeeze_excite')

    def test_table_of_something_else_is_refused(self):
        with pytest.raises(UserError, match=r'conv_defs\[1\]: must be one of Conv, ExpandedConv'):
            mobilenet_v2.mobilenet(pictures(32), conv_defs=[ROWS[0], slim.conv2d])

    def test_activation_may_be_the_callers(self, graph):
        mobilenet_v2.mobilenet_base(pictures(32), conv_defs=SHORT, activation_fn=tf.nn.elu)
        kinds = {operation.type for operation in graph.get_operations()}
        assert 'Elu' in kinds
        assert 'Relu6' not in kinds

    def test_a_shortcut_needs_the_same_depth_and_the_rows_leave(self, graph):
        rows = [ROWS[0], ROWS[1], ROWS[1]._replace(residual=False), ROWS[1]._replace(depth=16)]
        mobilenet_v2.mobilenet_base(pictures(32), conv_defs=rows, scope='net')
        added = [op.name for op in graph.get_operations() if op.name.endswith('/add')]
        assert added == ['net/expanded_conv/add']


class TestWidths:
    @pytest.mark.parametrize(
        ('multiplier', 'fine', 'expected'),
        [
            (0.5, False, [16, 8, 16, 640]),
            (0.5, True, [16, 8, 16, 1280]),
            # Wider networks widen the last row as well.
            (1.4, True, [48, 24, 32, 1792]),
        ],
    )
    def test_multiplier_leaves_the_last_row_alone_on_demand(self, multiplier, fine, expected):
        _, end_points = mobilenet_v2.mobilenet_base(
            pictures(32),
            multiplier,
            conv_defs=SHORT,
            finegrain_classification_mode=fine,
        )
        assert depths(end_points) == expected

    def test_widths_have_a_minimum_and_a_divisor(self):
        _, end_points = mobilenet_v2.mobilenet_base(
            pictures(32), 0.25, conv_defs=SHORT, min_depth=6, divisible_by=2
        )
        assert depths(end_points) == [8, 6, 6, 320]

    def test_half_width_is_a_network_of_its_own(self):
        logits, end_points = mobilenet_v2.mobilenet_v2_050(pictures(32), 5)
        assert logits.shape.as_list() == [2, 5]
        assert depths(end_points)[-2:] == [160, 1280]
        assert mobilenet_v2.mobilenet_v2_050.default_image_size == 224

    @pytest.mark.parametrize('multiplier', [0, -1.5])
    def test_multiplier_has_to_be_positive(self, multiplier):
        with pytest.raises(UserError, match=f'depth_multiplier={multiplier}: must be greater'):
            mobilenet_v2.mobilenet(pictures(32), depth_multiplier=multiplier)


class TestResolution:
    @pytest.mark.parametrize(('output_stride', 'side'), [(1, 64), (2, 32), (8, 8), (None, 2)])
    def test_output_stride_keeps_the_map_dense(self, output_stride, side):
        net, end_points = mobilenet_v2.mobilenet_base(
            pictures(64), depth_multiplier=0.1, output_stride=output_stride
        )
        assert net.shape.as_list()[1] == side
        assert sides(end_points)['layer_2'] == min(64, max(side, 32))

    @pytest.mark.parametrize('table', ['the papers', 'mine'])
    def test_dense_features_contain_the_strided_ones(self, table):
        # The mean over a dense map is another one than over a strided map.
        mine = [*ROWS[:3], ROWS[3]._replace(squeeze_excite=False), *ROWS[4:]]
        rows = None if table == 'the papers' else mine
        features = []
        with slim.arg_scope(mobilenet_v2.training_scope(is_training=False)):
            for output_stride in (4, None):
                net, _ = mobilenet_v2.mobilenet_base(
                    pictures(65), conv_defs=rows, output_stride=output_stride, reuse=tf.AUTO_REUSE
                )
                features.append(net)
        dense, strided = evaluate(*features)
        step = (dense.shape[1] - 1) // (strided.shape[1] - 1)
        np.testing.assert_allclose(dense[:, ::step, ::step], strided, rtol=1e-3, atol=1e-4)

    @pytest.mark.parametrize('output_stride', [0, 3, -2])
    def test_other_output_strides_are_refused(self, output_stride):
        with pytest.raises(UserError, match=f'output_stride={output_stride}: must be 1, a mult'):
            mobilenet_v2.mobilenet_base(pictures(64), output_stride=output_stride)

    def test_explicit_padding_is_the_same_for_all_sizes(self):
        options = {'conv_defs': ROWS}
        _, explicit = mobilenet_v2.mobilenet(
            pictures(64), use_explicit_padding=True, scope='a', **options
        )
        _, implicit = mobilenet_v2.mobilenet(pictures(64), scope='b', **options)
        assert sides(explicit) == sides(implicit)

    def test_explicit_padding_puts_windows_where_pytorch_does(self):
        images = pictures(8)
        with slim.arg_scope([slim.conv2d], weights_initializer=tf.ones_initializer()):
            net, _ = mobilenet_v2.mobilenet_base(
                images,
                conv_defs=[conv_blocks.Conv(3, 2, 8)],
                use_explicit_padding=True,
                activation_fn=tf.identity,
                is_training=False,
            )
        first, values = evaluate_ones(net[:, 0, 0, 0], images)
        np.testing.assert_allclose(first, values[:, :2, :2].sum((1, 2, 3)), rtol=1e-2)

    @pytest.mark.parametrize(
        ('network', 'same'),
        [('mobilenet_v2b', 'mobilenet_v2'), ('mobilenet_v2b_140', 'mobilenet_v2_140')],
    )
    def test_forms_of_pytorch_have_the_same_facts(self, network, same):
        assert reference.facts(network) == reference.facts(same)
        assert getattr(mobilenet_v2, network).keywords['use_explicit_padding']

    @pytest.mark.parametrize(
        'size', [1, *(pytest.param(size, marks=pytest.mark.soak) for size in (33, 320))]
    )
    def test_any_size_gives_one_row_of_logits(self, size):
        logits, end_points = mobilenet_v2.mobilenet_v2_035(pictures(size), 5)
        assert logits.shape.as_list() == [2, 5]
        assert end_points['global_pool'].shape.as_list() == [2, 1, 1, 1280]

    @pytest.mark.parametrize('reduce_mean', [True, False])
    def test_sizes_may_be_unknown(self, reduce_mean):
        images = tf.placeholder(tf.float32, [None, None, None, 3])
        logits, _ = mobilenet_v2.mobilenet(
            images, 5, conv_defs=ROWS, use_reduce_mean_for_pooling=reduce_mean
        )
        assert logits.shape.as_list() == [None, 5]
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            assert session.run(logits, {images: np.ones([3, 40, 24, 3])}).shape == (3, 5)


def evaluate_ones(*tensors):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(tensors)


class TestHead:
    @pytest.mark.parametrize('num_classes', [None, 0])
    def test_without_classes_the_pooled_features_come_back(self, num_classes):
        net, end_points = mobilenet_v2.mobilenet(pictures(32), num_classes, conv_defs=SHORT)
        assert net is end_points['global_pool']
        assert 'Logits' not in end_points

    def test_no_prediction_function_no_predictions(self):
        _, end_points = mobilenet_v2.mobilenet(pictures(32), 5, conv_defs=SHORT, prediction_fn=None)
        assert 'Predictions' not in end_points

    def test_variables_are_reused(self):
        mobilenet_v2.mobilenet(pictures(32), 5, conv_defs=SHORT)
        count = len(tf.global_variables())
        logits, _ = mobilenet_v2.mobilenet(pictures(48), 5, conv_defs=SHORT, reuse=True)
        assert len(tf.global_variables()) == count
        assert logits.op.name == 'MobilenetV2_1/Logits/output'


class TestScope:
    """As in programs that were written against TF-Slim."""

    def test_scope_trains(self, graph):
        with slim.arg_scope(mobilenet_v2.training_scope(is_training=True)):
            logits, end_points = mobilenet_v2.mobilenet(pictures(32))
        assert logits.shape.as_list() == [2, 1001]
        assert len(end_points) == 72
        assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 104
        dropped = [op.name for op in graph.get_operations() if '/Logits/Dropout/' in op.name]
        assert any('Random' in name or 'random' in name for name in dropped)

    def test_without_a_scope_nothing_trains(self):
        mobilenet_v2.mobilenet(pictures(32), conv_defs=SHORT)
        assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []

    def test_argument_overrides_the_scope(self):
        with slim.arg_scope(mobilenet_v2.training_scope()):
            mobilenet_v2.mobilenet(pictures(32), conv_defs=SHORT, is_training=False)
        assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []

    def test_mode_may_be_left_to_others(self):
        with slim.arg_scope(mobilenet_v2.training_scope(is_training=None)):
            with slim.arg_scope([layers.batch_norm], is_training=False):
                mobilenet_v2.mobilenet_base(pictures(32), conv_defs=SHORT)
        assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []

    def test_options_arrive(self):
        scope = mobilenet_v2.training_scope(
            weight_decay=0.1, stddev=0.5, dropout_keep_prob=0.7, bn_decay=0.9
        )
        assert scope[slim.arg_scope_func_key(slim.batch_norm)]['decay'] == 0.9
        assert scope[slim.arg_scope_func_key(slim.dropout)]['keep_prob'] == 0.7
        convolution = scope[slim.arg_scope_func_key(slim.conv2d)]
        assert convolution['weights_initializer'].stddev == 0.5
        assert convolution['weights_regularizer'] is not None
        depthwise = scope[slim.arg_scope_func_key(slim.separable_conv2d)]
        assert depthwise['weights_regularizer'] is None

    def test_negative_deviation_means_glorot(self):
        scope = common_parts.training_scope(stddev=-1)
        initializer = scope[slim.arg_scope_func_key(slim.conv2d)]['weights_initializer']
        assert not isinstance(initializer, tf.truncated_normal_initializer)

    def test_factory_has_the_names_of_tf_slim(self):
        network_fn = nets_factory.get_network_fn('mobilenet_v2_035', 7, is_training=True)
        logits, _ = network_fn(pictures(32))
        assert logits.shape.as_list() == [2, 7]
        assert network_fn.default_image_size == 224
