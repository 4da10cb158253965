"""What is special to NASNet and PNASNet; the registry tests show what all networks promise."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from common.errors import UserError
from nets import nets_factory, separable
from nets.nasnet import cells, nasnet, nasnet_utils, pnasnet
from support import reference

CONFIGS = {
    'nasnet_cifar': nasnet.cifar_config,
    'nasnet_mobile': nasnet.mobile_imagenet_config,
    'pnasnet_mobile': pnasnet.mobile_imagenet_config,
}


def for_networks(default):
    """Run a test for every network; for those that are not in `default`, only with --soak."""
    marks = {name: () if name in default else pytest.mark.soak for name in CONFIGS}
    return pytest.mark.parametrize(
        'network', [pytest.param(name, marks=mark) for name, mark in marks.items()]
    )


def pictures(size=32, batch=None):
    return tf.placeholder(tf.float32, [batch, size, size, 3])


def small(network, **values):
    """Return a Config with few cells and filters."""
    config = CONFIGS[network]()
    for name, value in {'num_cells': 3, 'num_conv_filters': 8, **values}.items():
        config.set_hparam(name, value)
    return config


def build(
    network,
    images=None,
    num_classes=5,
    is_training=True,
    frozen=None,
    dropout_seed=1,
    config=None,
    **options,
):
    """Build a small network as programs do."""
    network_fn = nets_factory.get_network_fn(
        network, num_classes, is_training=is_training, frozen=frozen, dropout_seed=dropout_seed
    )
    images = pictures() if images is None else images
    return network_fn(images, config=config or small(network), **options)


def shape(name):
    (variable,) = [v for v in slim.get_model_variables() if v.op.name == name]
    return variable.shape.as_list()


class TestConfig:
    def test_values_are_attributes_that_can_be_set(self):
        config = nasnet.cifar_config()
        config.set_hparam('drop_path_keep_prob', 0.9)
        config.num_cells = 6
        assert (config.drop_path_keep_prob, config.values()['num_cells']) == (0.9, 6)
        assert nasnet.cifar_config().num_cells == 18

    def test_unknown_value_lists_the_known_ones(self):
        with pytest.raises(UserError, match=r"unknown hyperparameter 'num_cell'.*: num_cells, "):
            nasnet.cifar_config().set_hparam('num_cell', 6)

    def test_other_data_format_is_refused(self, graph):
        config = small('nasnet_mobile', data_format='NCHW')
        with pytest.raises(UserError, match="data_format='NCHW': must be NHWC"):
            build('nasnet_mobile', config=config)

    def test_network_leaves_the_config_alone(self, graph):
        config = small('nasnet_cifar')
        before = config.values()
        build('nasnet_cifar', config=config, is_training=False)
        assert config.values() == before

    def test_bounded_activation(self, graph):
        build('pnasnet_mobile', config=small('pnasnet_mobile', use_bounded_activation=True))
        kinds = {operation.type for operation in graph.get_operations()}
        assert 'Relu6' in kinds
        assert 'Relu' not in kinds

    def test_cells_and_filters(self, graph):
        config = small('nasnet_cifar', num_reduction_layers=1, filter_scaling_rate=3.0)
        _, end_points = build('nasnet_cifar', config=config)
        depths = {name: net.shape.as_list()[1:] for name, net in end_points.items()}
        assert depths['Stem'] == [32, 32, 8 * 3]
        assert depths['Cell_0'] == [32, 32, 6 * 8]
        assert depths['Reduction_Cell_0'] == [16, 16, 4 * 8 * 3]
        assert depths['Cell_2'] == [16, 16, 6 * 8 * 3]
        assert 'AuxLogits' not in depths

    @pytest.mark.parametrize(('skips', 'depth'), [(0, 6 * 8), (1, 4 * 4)])
    def test_cell_after_a_reduction_may_skip_its_input(self, graph, skips, depth):
        config = small('nasnet_mobile', skip_reduction_layer_input=skips)
        build('nasnet_mobile', config=config)
        assert shape('cell_1/path1_conv/weights')[2] == depth
        assert shape('cell_1/1x1/weights')[2] == 4 * 16

    @pytest.mark.parametrize(('skips', 'depth'), [(0, 5 * 2), (1, 5 * 4)])
    def test_cell_that_reduces_may_read_an_earlier_one(self, graph, skips, depth):
        config = small('pnasnet_mobile', skip_reduction_layer_input=skips)
        build('pnasnet_mobile', config=config)
        assert slim.get_model_variables('cell_1')[0].shape.as_list()[2] == depth


class TestEndPoints:
    @pytest.mark.parametrize(
        ('network', 'final_endpoint'),
        [('nasnet_mobile', 'Stem'), ('nasnet_mobile', 'Cell_1'), ('pnasnet_mobile', 'global_pool')],
    )
    def test_network_stops_at_an_end_point(self, graph, network, final_endpoint):
        net, end_points = build(network, final_endpoint=final_endpoint)
        assert list(end_points)[-1] == final_endpoint
        assert net is end_points[final_endpoint]
        assert not slim.get_model_variables('final_layer')

    def test_unknown_end_point_lists_the_known_ones(self, graph):
        with pytest.raises(UserError, match=r"unknown end point 'Cell_22'.*: Cell_2, Cell_0, "):
            build('pnasnet_mobile', final_endpoint='Cell_22')

    @pytest.mark.parametrize(
        ('network', 'num_classes'), [('nasnet_cifar', None), ('pnasnet_mobile', 0)]
    )
    def test_without_classes_the_pooled_features_are_returned(self, graph, network, num_classes):
        net, end_points = build(network, num_classes=num_classes)
        assert net is end_points['global_pool']
        assert net.shape.ndims == 2
        assert end_points.keys().isdisjoint({'AuxLogits', 'Logits', 'Predictions'})

    @pytest.mark.parametrize(
        ('is_training', 'use_aux_head', 'is_there'),
        [(True, 1, True), (True, 0, False), (False, 1, False), ('tensor', 1, True)],
    )
    def test_auxiliary_head_is_for_training(self, graph, is_training, use_aux_head, is_there):
        if is_training == 'tensor':
            is_training = tf.placeholder_with_default(False, [])
        config = small('pnasnet_mobile', use_aux_head=use_aux_head)
        _, end_points = build('pnasnet_mobile', is_training=is_training, config=config)
        assert ('AuxLogits' in end_points) == is_there
        assert bool(slim.get_model_variables('aux_1')) == is_there


class TestPictures:
    @for_networks({'nasnet_mobile'})
    def test_variables_do_not_depend_on_the_size(self, graph, network):
        shapes = []
        for size in (4, 37):
            with tf.Graph().as_default():
                build(network, pictures(size), is_training=False)
                shapes.append({v.op.name: v.shape.as_list() for v in slim.get_model_variables()})
        assert shapes[0] == shapes[1]

    def test_small_picture_is_told_the_minimum(self, graph):
        build('nasnet_mobile', pictures(3), final_endpoint='Stem')
        with pytest.raises(UserError, match='at least 3 x 3 pixels, got 2 x 2'):
            build('nasnet_mobile', pictures(2))

    @for_networks({'nasnet_mobile'})
    def test_size_may_be_unknown(self, graph, network):
        images = pictures(None)
        logits, _ = build(network, images, is_training=False)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for shape in ([2, 32, 32, 3], [1, 45, 30, 3]):
                values = session.run(logits, {images: np.ones(shape)})
                assert values.shape == (shape[0], 5)
                assert np.isfinite(values).all()

    def test_auxiliary_head_needs_a_known_size(self, graph):
        with pytest.raises(UserError, match='known size; set use_aux_head=0'):
            build('nasnet_cifar', pictures(None))


class TestTraining:
    @for_networks({'nasnet_cifar'})
    def test_all_variables_have_finite_gradients(self, graph, network):
        images = pictures()
        config = small(network, drop_path_keep_prob=0.6, total_training_steps=1)
        logits, end_points = build(network, images, config=config, dropout_seed=1)
        loss = tf.reduce_mean(logits**2) + tf.reduce_mean(end_points['AuxLogits'] ** 2)
        gradients = tf.gradients(loss, tf.trainable_variables())
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(tf.train.get_global_step().assign(1))
            values = session.run(gradients, {images: reference.network_input(16, 32, 3)})
        assert all(np.isfinite(value).all() for value in values)

    @for_networks({'nasnet_mobile'})
    def test_fewer_paths_are_kept_in_later_cells(self, graph, network, monkeypatch):
        kept = {}

        @slim.add_arg_scope
        def record(net, keep_prob, is_training):
            assert is_training
            kept[tf.get_variable_scope().name.split('/')[0]] = keep_prob
            return net

        monkeypatch.setattr(nasnet_utils, 'drop_path', record)
        config = small(network, drop_path_keep_prob=0.5, total_training_steps=100)
        step = tf.train.get_or_create_global_step()
        build(network, config=config)
        assert [name for name in kept if 'aux' in name or 'final' in name] == []
        with tf.Session() as session:
            session.run(step.initializer)
            assert set(session.run(list(kept.values()))) == {1}
            session.run(step.assign(1000))
            values = session.run(list(kept.values()))
        count = len(values)
        expected = [1 - 0.5 * number / count for number in range(1, count + 1)]
        np.testing.assert_allclose(values, expected, rtol=1e-6)

    def test_users_step_replaces_the_global_step(self, graph):
        images = pictures(batch=64)
        config = small('nasnet_cifar', drop_path_keep_prob=0.01, total_training_steps=100)
        step = tf.placeholder(tf.float32, [])
        build('nasnet_cifar', images, config=config, current_step=step)
        dropped = graph.get_operation_by_name('cell_2/comb_iter_0/left/drop_path/mul')
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            feed = {images: reference.network_input(64, 32, 3)}
            for at, is_dropped in ((0, False), (100, True)):
                values = session.run(dropped.outputs[0], {**feed, step: at})
                assert (values == 0).all(axis=(1, 2, 3)).any() == is_dropped

    def test_frozen_cells_drop_nothing(self, graph):
        config = small('nasnet_mobile', drop_path_keep_prob=0.5)
        build('nasnet_mobile', config=config, frozen=lambda scope: not scope.startswith('cell_2/'))
        random = {op.name.split('/')[0] for op in graph.get_operations() if 'Random' in op.type}
        assert random == {'cell_2', 'final_layer'}

    def test_nothing_is_drawn_at_inference(self, graph):
        build('nasnet_cifar', config=small('nasnet_cifar'), is_training=False)
        assert not [op for op in graph.get_operations() if 'StatelessRandom' in op.type]
        assert tf.train.get_global_step() is None


class TestSeparableConvolution:
    """It replaces slim's, which takes long in a graph with many variables."""

    def build(self, layer, stride, **options):
        with tf.Graph().as_default():
            initializer = slim.variance_scaling_initializer(seed=1)
            with slim.arg_scope(
                [slim.separable_conv2d],
                weights_initializer=initializer,
                weights_regularizer=slim.l2_regularizer(0.5),
                variables_collections=['mine'],
                biases_initializer=None,
                activation_fn=None,
            ):
                with slim.arg_scope([slim.separable_conv2d], **options):
                    inputs = tf.constant(reference.network_input(2, 7, 4))
                    outputs = layer(inputs, 5, 3, stride=stride, scope='layer')
            loss = tf.losses.get_regularization_loss()
            variables = {v.op.name: v.shape.as_list() for v in slim.get_model_variables()}
            assert len(tf.get_collection('mine')) == len(variables)
            with tf.Session() as session:
                reference.load_weights(session)
                return variables, outputs.name, *session.run([outputs, loss])

    @pytest.mark.parametrize('stride', [1, 2])
    @pytest.mark.parametrize('options', [{}, {'activation_fn': tf.nn.relu}])
    def test_it_computes_the_same(self, stride, options):
        def slims(inputs, depth, kernel, **others):
            return slim.separable_conv2d(inputs, depth, kernel, 1, **others)

        ours = self.build(separable.separable_conv2d, stride, **options)
        theirs = self.build(slims, stride, **options)
        assert ours[:2] == theirs[:2]
        np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(ours[3], theirs[3], rtol=1e-5)


@pytest.mark.parametrize('size', [4, 5])
def test_averages_with_a_stride_count_the_padding_in_the_form_of_timm(size, graph):
    net = tf.ones([1, size, size, 1])
    style = cells.Style(filters=1, stride=2, activation=tf.nn.relu, drop=None)
    usual, counting = cells.avg_pool(net, style), cells.avg_pool_with_zeros(net, style)
    dynamic = tf.placeholder_with_default(net, [None, None, None, 1])
    unknown = cells.avg_pool_with_zeros(dynamic, style)
    with tf.Session() as session:
        usual, counting, unknown = session.run([usual, counting, unknown])
    np.testing.assert_allclose(usual, np.ones_like(usual), rtol=1e-6)
    line = {4: [3, 2], 5: [2, 3, 2]}[size]
    np.testing.assert_allclose(counting[0, :, :, 0] * 9, np.outer(line, line), rtol=1e-6)
    np.testing.assert_array_equal(unknown, counting)
    style = style._replace(stride=1)
    assert cells.avg_pool_with_zeros(net, style).op.type == 'AvgPool'


def test_only_the_averages_of_the_form_of_timm_differ():
    found = {}
    for network in (nasnet.build_nasnet_large, nasnet.build_nasnet_large_b):
        with tf.Graph().as_default() as graph:
            network(pictures(96), 5, is_training=False, config=small('nasnet_mobile'))
            pools = [op for op in graph.get_operations() if op.type == 'AvgPool']
            found[network] = [op for op in pools if op.get_attr('ksize')[1] == 3]
    usual, padded = found.values()
    assert len(usual) == len(padded)
    counting = [op for op in padded if op.inputs[0].op.type == 'Pad']
    assert {op.get_attr('strides')[1] for op in counting} == {2}
    assert len(counting) == sum(op.get_attr('strides')[1] == 2 for op in usual) == 4


@pytest.mark.parametrize('size', [4, 5])
def test_maxima_with_a_stride_count_the_padding_in_the_form_of_keras(size, graph):
    net = -tf.ones([1, size, size, 1])
    style = cells.Style(filters=1, stride=2, activation=tf.nn.relu, drop=None)
    usual, counting = cells.max_pool(net, style), cells.max_pool_with_zeros(net, style)
    with tf.Session() as session:
        usual, counting = session.run([usual, counting])
    np.testing.assert_array_equal(usual, -np.ones_like(usual))
    inside = {4: [1, 0], 5: [0, 1, 0]}[size]
    np.testing.assert_array_equal(counting[0, :, :, 0], -np.outer(inside, inside))


@pytest.mark.parametrize(
    ('network', 'same'), [('nasnet_mobile_c', 'nasnet_mobile'), ('nasnet_large_c', 'nasnet_large')]
)
def test_forms_of_keras_have_the_same_facts(network, same, graph):
    assert reference.facts(network) == reference.facts(same)
    function = getattr(nasnet, f'build_{network}')
    function(pictures(96), 5, is_training=False, config=small('nasnet_mobile'))
    operations = {op.name: op for op in graph.get_operations()}
    pools = [op for op in operations.values() if op.type in ('AvgPool', 'MaxPool')]
    strided = [op for op in pools if op.get_attr('strides')[1] == 2 != op.get_attr('ksize')[1]]
    padded = [op for op in strided if op.get_attr('ksize')[1] == 3]
    # Four cells with a stride, each with one average and two maxima.
    assert len(padded) == 12
    assert {op.inputs[0].op.type for op in padded} == {'Pad'}
