"""What AlexNet, OverFeat and the VGGs take beyond what the registry tests show; minimum sizes."""

import pytest
import tensorflow.compat.v1 as tf

from nets import alexnet, cifarnet, lenet, overfeat, vgg

pytestmark = pytest.mark.usefixtures('graph')


def pictures(size, channels=3):
    return tf.placeholder(tf.float32, [None, size, size, channels])


@pytest.mark.parametrize(
    ('network', 'minimum', 'options'),
    [
        (alexnet.alexnet_v2, 195, {}),
        (overfeat.overfeat, 231, {}),
        (vgg.vgg_a, 224, {}),
        (vgg.vgg_a, 32, {'fc_conv_padding': 'SAME'}),
        (cifarnet.cifarnet, 4, {}),
        (lenet.lenet, 4, {}),
    ],
)
def test_minimum_is_named_and_is_enough(network, minimum, options):
    with pytest.raises(ValueError, match=f'{network.__name__} .* at least {minimum} x {minimum} '):
        network(pictures(minimum - 1), 5, **options)
    logits, _ = network(pictures(minimum), 5, **options)
    assert logits.shape.as_list() == [None, 5]


@pytest.mark.parametrize('network', [alexnet.alexnet_v2, overfeat.overfeat, vgg.vgg_a])
def test_larger_pictures_give_a_map(network):
    scores, end_points = network(pictures(300), 5, spatial_squeeze=False, scope='net')
    assert scores.shape.as_list()[1] > 1
    assert end_points['net/fc8'] is scores


@pytest.mark.parametrize('network', [alexnet.alexnet_v2, overfeat.overfeat, vgg.vgg_a])
def test_larger_pictures_give_one_row_of_scores(network):
    pooled, end_points = network(pictures(300), 5, global_pool=True, scope='pooled')
    assert pooled.shape.as_list() == [None, 5]
    assert end_points['global_pool'].shape.as_list()[1:3] == [1, 1]
    # The mean of the map, as both papers evaluate.
    averaged, _ = network(pictures(300), 5, scope='averaged')
    assert averaged.shape.as_list() == [None, 5]


@pytest.mark.parametrize('network', [alexnet.alexnet_v2, overfeat.overfeat, vgg.vgg_a])
def test_pooled_features(network):
    net, end_points = network(pictures(300), None, global_pool=True)
    assert net is end_points['global_pool']


def test_second_tower_has_end_points_of_its_own_under_the_same_keys():
    _, first = vgg.vgg_a(pictures(224), 5)
    with tf.name_scope('clone_1'):
        _, second = vgg.vgg_a(pictures(256), 5, reuse=True)
    assert list(first) == list(second)
    assert first['vgg_a/pool5'].shape.as_list()[1] == 7
    assert second['vgg_a/pool5'].shape.as_list()[1] == 8
