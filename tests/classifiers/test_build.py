"""The graph of a trained classifier: its inputs, its results and their names."""

import io

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim
from PIL import Image

from classifiers import build, restore
from classifiers.model_request import ModelRequest
from classifiers.resolve import resolve
from nets import nets_factory
from support.files import checkpoint_files

CASES = {
    'lenet': {'image_size': 28},
    'mobilenet_v1_025': {'image_size': 32},
    'cifarnet': {'image_size': 32, 'use_grayscale': True},
}


def describe(name):
    return resolve(ModelRequest(name, **CASES[name]), dataset_classes=5)[0]


def picture(side, kind='PNG', mode='RGB'):
    pixels = np.random.default_rng(side).integers(0, 255, (side, side + 9, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind)
    return stream.getvalue()


@pytest.fixture(params=CASES)
def classifier(request):
    with tf.Graph().as_default():
        yield build.build(describe(request.param))


def test_bytes_and_pixels_give_the_same_under_stable_names(classifier):
    pictures = [picture(40), picture(90, 'JPEG'), picture(64, mode='L')]
    fetches = ['logits:0', 'probabilities:0', 'features:0']
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        pixels, *by_bytes = session.run(['input:0', *fetches], {'image_bytes:0': pictures})
        by_pixels = session.run(fetches, {'input:0': pixels})
        single = session.run('probabilities:0', {'image_bytes:0': pictures[:1]})
        output = session.run(f'{classifier.nodes["output"]}:0', {'input:0': pixels})
    assert all((a == b).all() for a, b in zip(by_bytes, by_pixels, strict=True))
    assert by_bytes[0].shape == by_bytes[1].shape == (3, 5)
    assert by_bytes[2].ndim == 2
    np.testing.assert_allclose(by_bytes[1].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(single, by_bytes[1][:1], atol=1e-5)
    np.testing.assert_array_equal(output, by_bytes[1])


def test_the_graph_is_one_that_other_programs_freeze(classifier):
    kinds = {operation.type for operation in tf.get_default_graph().get_operations()}
    assert 'VariableV2' in kinds
    assert not kinds & {'VarHandleOp', 'QueueDequeueV2', 'IteratorV2', 'Print'}
    assert classifier.network.variables == slim.get_model_variables()
    for name in classifier.nodes.values():
        assert tf.get_default_graph().get_operation_by_name(name)


def test_for_an_application_only_pixels_remain():
    with tf.Graph().as_default() as graph:
        classifier = build.build(describe('lenet'), with_bytes=False, batch_size=2)
        assert classifier.image_bytes is None
        assert 'image_bytes' not in classifier.nodes
        assert graph.get_operation_by_name('input').type == 'Placeholder'
        assert classifier.input.shape == (2, 28, 28, 1)


def test_a_networks_own_softmax_is_used_and_others_get_one():
    info = resolve(ModelRequest('alexnet_v2'), dataset_classes=5)[0]
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, info.image_size, info.image_size, 3])
        network = build.build_network(info, images)
        assert network.probabilities.op.type == 'Softmax'
        assert network.probabilities.shape.as_list() == [None, 5]
        assert network.features.shape.as_list() == [None, 4096]


def test_validation_shares_the_variables_of_the_training_network():
    info = describe('mobilenet_v1_025')
    with tf.Graph().as_default():
        images = tf.zeros([2, 32, 32, 3])
        training_fn = nets_factory.get_network_fn(info.model_name, 5, is_training=True)
        training_fn(images)
        variables = slim.get_model_variables()
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        with tf.name_scope('validation'):
            network = build.build_network(info, images, reuse=True)
        assert network.variables == variables == slim.get_model_variables()
        assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == updates
        assert network.logits.op.name.startswith('validation/')


def test_a_checkpoint_fills_what_is_built(tmp_path):
    info = describe('lenet')
    with tf.Graph().as_default():
        shapes = {
            variable.op.name: variable.shape.as_list()
            for variable in build.build(info).network.variables
        }
    values = checkpoint_files.random_values(shapes)
    path = checkpoint_files.write(tmp_path, values)
    with tf.Graph().as_default(), tf.Session() as session:
        network = build.build(info).network
        restore.inference(path, info.model_name, network.variables).init_fn()(None, session)
        found = session.run({v.op.name: v for v in network.variables})
    assert all((found[name] == values[name]).all() for name in values)
