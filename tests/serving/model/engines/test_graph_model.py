"""Frozen graphs of any program are read: what they are fed, what they tell, what has to be said."""

import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from common.errors import UserError
from serving.model.engines import graph_model
from serving.model.model_options import ModelOptions, PredictorOptions
from serving.model.predictor import Predictor
from support.files import pictures, small_models

SIDE, CLASSES = 8, 4
WEIGHTS = np.random.default_rng(3).normal(0, 3, (3, CLASSES)).astype(np.float32)


def shown(number):
    """Return the pixels of a small picture."""
    return pictures.colours(SIDE, SIDE)[::-1] if number else pictures.colours(SIDE, SIDE)


def encoded(number):
    return pictures.normalise(pictures.encoded(pictures.as_image(shown(number)), 'PNG')).data


def expected(scale=lambda pixels: pixels / 255.0):
    """Compute what the graph of `classes` says of the two pictures."""
    means = np.stack([scale(shown(number).astype(np.float32)).mean((0, 1)) for number in (0, 1)])
    powers = np.exp(means @ WEIGHTS)
    return powers / powers.sum(axis=1, keepdims=True)


def classes(pixels, name='softmax', batch=-1):
    """Tell classes by the mean colour."""
    logits = tf.matmul(tf.reduce_mean(pixels, [1, 2]), WEIGHTS)
    return tf.nn.softmax(tf.reshape(logits, [batch, CLASSES], 'logits'), name=name)


def pixel_input(shape=(None, SIDE, SIDE, 3), dtype=tf.float32, name='input'):
    return tf.placeholder(dtype, shape, name)


def of_float_pixels():
    classes(pixel_input())


def of_one_picture():
    classes(pixel_input((1, SIDE, SIDE, 3)))


def of_three_pictures():
    classes(pixel_input((3, SIDE, SIDE, 3)))


def ending_in_a_reshape_for_one():
    classes(pixel_input(), batch=1)


def of_half_precision():
    classes(tf.cast(pixel_input(dtype=tf.float16), tf.float32))


def of_bytes():
    pixels = pixel_input(dtype=tf.uint8, name='image_tensor')
    classes(tf.cast(pixels, tf.float32) / 255)


def of_a_jpeg():
    contents = tf.placeholder(tf.string, [], 'DecodeJpeg/contents')
    pixels = tf.cast(tf.image.decode_jpeg(contents, channels=3), tf.float32)[tf.newaxis] / 255
    classes(tf.image.resize_bilinear(pixels, [SIDE, SIDE]))


def of_a_jpeg_in_a_constant():
    """As Inception's graph of 2015, and as what was retrained from it."""
    contents = tf.constant(b'', name='DecodeJpeg/contents')
    pixels = tf.cast(tf.image.decode_jpeg(contents, channels=3), tf.float32)[tf.newaxis] / 255
    means = tf.reduce_mean(tf.image.resize_bilinear(pixels, [SIDE, SIDE]), [1, 2])
    means = tf.placeholder_with_default(means, [None, 3], 'input/BottleneckInputPlaceholder')
    tf.nn.softmax(tf.matmul(means, WEIGHTS), name='final_result')


def of_strings():
    contents = tf.placeholder(tf.string, [None], 'input')
    decode = lambda data: tf.cast(tf.io.decode_png(data, channels=3), tf.float32)  # noqa: E731
    pixels = tf.map_fn(decode, contents, fn_output_signature=tf.float32)
    classes(tf.image.resize_bilinear(pixels / 255, [SIDE, SIDE]))


def of_a_string_of_unknown_shape():
    contents = tf.placeholder(tf.string, None, 'input')
    pixels = tf.cast(tf.image.decode_jpeg(contents, channels=3), tf.float32)[tf.newaxis] / 255
    classes(tf.image.resize_bilinear(pixels, [SIDE, SIDE]))


def with_other_softmaxes():
    pixels = pixel_input()
    gates = tf.nn.softmax(tf.matmul(tf.reduce_mean(pixels, [1, 2]), np.eye(3, dtype=np.float32)))
    classes(pixels + 0 * gates[:, tf.newaxis, tf.newaxis])
    classes(pixels, 'AuxLogits/Predictions')


SCALED = {'input_mean': 0, 'input_std': 255}
READ = {
    of_float_pixels: SCALED,
    of_one_picture: SCALED,
    of_three_pictures: SCALED,
    ending_in_a_reshape_for_one: SCALED,
    of_half_precision: SCALED,
    of_bytes: {},
    of_a_jpeg: {},
    of_a_jpeg_in_a_constant: {},
    of_strings: {},
    of_a_string_of_unknown_shape: {},
    with_other_softmaxes: SCALED,
}


def written(directory, build, name='graph.pb', producer=None):
    """Write what `build` adds to a graph, as a frozen graph without a description."""
    with tf.Graph().as_default() as graph:
        build()
    graph_def = graph.as_graph_def()
    if producer:
        graph_def.versions.producer = producer
        for node in graph_def.node:
            if node.op == 'Placeholder':
                del node.attr['shape']
    path = os.path.join(directory, name)
    with open(path, 'wb') as stream:
        stream.write(graph_def.SerializeToString())
    return path


def predict(path, **options):
    how = PredictorOptions(max_concurrency=1, max_batch_size=2)
    with Predictor(ModelOptions(path, **options), how) as predictor:
        outcomes = predictor.predict([encoded(0), encoded(1)])
        return np.stack([each.probabilities for each in outcomes]), predictor


@pytest.mark.parametrize('build', READ, ids=lambda build: build.__name__)
def test_graphs_of_any_program_are_read(build, tmp_path):
    tolerance = 2e-3 if build is of_half_precision else 1e-5
    rows, predictor = predict(written(tmp_path, build), **READ[build])
    np.testing.assert_allclose(rows, expected(), atol=tolerance)
    assert predictor.labels == ['0', '1', '2', '3']
    assert predictor.info.num_classes == CLASSES


def of_a_jpeg_and_forgiving():
    contents = tf.placeholder(tf.string, [], 'DecodeJpeg/contents')
    pixels = tf.image.decode_jpeg(contents, channels=3, try_recover_truncated=True)
    pixels = tf.cast(pixels, tf.float32)[tf.newaxis] / 255
    classes(tf.image.resize_bilinear(pixels, [SIDE, SIDE]))


@pytest.mark.parametrize(
    ('build', 'refuses'),
    [(of_a_jpeg, True), (of_strings, True), (of_a_jpeg_and_forgiving, False)],
    ids=lambda value: getattr(value, '__name__', None),
)
def test_it_is_known_whether_a_graph_refuses_damaged_pictures(build, refuses, tmp_path):
    with Predictor(ModelOptions(written(tmp_path, build))) as predictor:
        assert predictor.refuses_damaged is refuses


def test_a_graph_from_before_shapes_were_stored_is_read(tmp_path):
    path = written(tmp_path, of_float_pixels, producer=21)
    with pytest.raises(UserError, match='the size of its pictures is not known; pass --image_size'):
        predict(path, **SCALED)
    rows, _ = predict(path, input_width=SIDE, input_height=SIDE, **SCALED)
    np.testing.assert_allclose(rows, expected(), atol=1e-5)


def test_text_graphs_are_read(tmp_path):
    with tf.Graph().as_default() as graph:
        of_float_pixels()
    path = tmp_path / 'graph.pbtxt'
    path.write_text(str(graph.as_graph_def()))
    np.testing.assert_allclose(predict(str(path), **SCALED)[0], expected(), atol=1e-5)


def test_named_logits_become_probabilities(tmp_path):
    path = written(tmp_path, of_float_pixels)
    rows, _ = predict(path, output_layer='logits', input_layer='input:0', **SCALED)
    np.testing.assert_allclose(rows, expected(), atol=1e-5)


def test_a_network_that_ends_in_logits_is_known_by_its_scope(tmp_path):
    def alexnet():
        logits = tf.matmul(tf.reduce_mean(pixel_input(), [1, 2]), WEIGHTS)
        tf.identity(logits, 'alexnet_v2/fc8/squeezed')

    rows, predictor = predict(written(tmp_path, alexnet), **SCALED)
    np.testing.assert_allclose(rows, expected(), atol=1e-5)
    assert predictor.info.model_name == 'alexnet_v2'


def test_a_named_preprocessing_is_applied(tmp_path):
    path = written(tmp_path, of_float_pixels)
    rows, _ = predict(path, preprocessing_name='lenet')
    scaled = expected(lambda pixels: (pixels - 128) / 128)
    np.testing.assert_allclose(rows, scaled, atol=1e-5)


def unsaid():
    pixel_input((None, None, None, 3))  # Nothing reads it.
    classes(pixel_input(name='pixels'))


def with_two_softmaxes():
    pixels = pixel_input()
    classes(pixels, 'first')
    classes(pixels, 'second')


def without_softmax():
    tf.identity(tf.reduce_mean(pixel_input(), [1, 2]), name='colour')


def in_training():
    switch = tf.placeholder(tf.bool, [], 'is_training')
    classes(tf.cond(switch, lambda: 2.0, lambda: 1.0) * pixel_input())


def of_vectors():
    tf.nn.softmax(tf.placeholder(tf.float32, [None, 784], 'x'))


def with_variables():
    classes(pixel_input() + tf.Variable(1.0, name='bias'))


def giving_nan():
    classes(tf.log(-1 - pixel_input()))


REFUSED = [
    (unsaid, {}, r'pass --preprocessing_name \(cifarnet, inception, lenet, torch, vgg'),
    (unsaid, {'preprocessing_name': 'vgg', 'input_mean': 0}, 'contradicts --input_mean'),
    (unsaid, {'image_size': 9, **SCALED}, '--image_size=9: .* takes pictures of 8 pixels'),
    (unsaid, {'use_grayscale': True, **SCALED}, '--use_grayscale: .* 3 channels'),
    (unsaid, {'input_layer': 'inptu'}, '--input_layer=inptu: no such node .* nearest: input'),
    (with_two_softmaxes, SCALED, 'has 2 softmaxes; name one with --output_layer: first, second'),
    (without_softmax, SCALED, 'no softmax .* --output_layer: colour'),
    (in_training, SCALED, 'needs values for is_training besides input'),
    (of_vectors, SCALED, 'no input takes pictures; name it with --input_layer: x'),
    (with_variables, SCALED, 'has variables without values .*freeze_graph.py'),
    (of_a_jpeg, SCALED, 'prepares them itself; leave out'),
    (giving_nan, SCALED, 'not finite'),
    (of_float_pixels, {'use_moving_averages': False}, 'a frozen graph has fixed weights'),
    (of_float_pixels, {'input_std': 0}, '--input_std=0'),
    (of_float_pixels, {'labels_offset': -1}, '--labels_offset=-1'),
    (of_float_pixels, {'image_size': 9, 'input_width': 8}, 'contradicts --image_size=9'),
]


@pytest.mark.parametrize(('build', 'options', 'words'), REFUSED)
def test_what_cannot_be_known_is_asked_for(build, options, words, tmp_path):
    path = written(tmp_path, build)
    with pytest.raises(UserError, match=words):
        predict(path, **options)


@pytest.mark.parametrize(
    ('name', 'content', 'words'),
    [
        ('a.pb', b'no graph at all', 'damaged, or not a GraphDef'),
        ('a.pb', b'', 'holds no graph'),
        ('dir/saved_model.pb', b'', 'a SavedModel; .* made from'),
        ('dir/saved_model.pbtxt', b'', 'a SavedModel; .* made from'),
    ],
)
def test_files_that_are_no_frozen_graph_are_refused(name, content, words, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        predict(os.fspath(path.parent if 'dir' in name else path))


def test_a_missing_graph_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match=r'no\.pb: No such file'):
        predict(os.fspath(tmp_path / 'no.pb'))


def test_a_graph_of_a_known_network_needs_no_flag(tmp_path):
    directory = small_models.train_dir(tmp_path / 'train')
    described = small_models.frozen(tmp_path / 'described.pb', directory)
    rows, predictor = predict(described)
    assert predictor.labels == list(small_models.CLASSES)
    for options in ({}, {'with_bytes': False}):
        path = small_models.frozen(tmp_path / 'bare.pb', directory, described=False, **options)
        bare, predictor = predict(path)
        np.testing.assert_allclose(bare, rows, atol=1e-5)
        assert predictor.info.model_name == 'lenet'
    assert predictor.info.preprocessing_name == 'lenet'
    with pytest.raises(UserError, match=r'--model_name=vgg_16: .* has the nodes of lenet'):
        predict(path, model_name='vgg_16')


def test_what_the_description_says_is_not_contradicted(tmp_path):
    directory = small_models.train_dir(tmp_path / 'train')
    path = small_models.frozen(tmp_path / 'described.pb', directory)
    cases = {
        'takes pictures of 28 pixels': {'image_size': 32},
        '--model_name=vgg_16 contradicts': {'model_name': 'vgg_16'},
    }
    for words, options in cases.items():
        with pytest.raises(UserError, match=words):
            predict(path, **options)
    predict(path, use_grayscale=False)  # Its network is for grey anyway.
    small_models.frozen(path, directory, described=False, output='logits')
    with pytest.raises(UserError, match='does not describe'):
        predict(path)


@pytest.mark.parametrize(
    ('flags', 'said', 'warned'),
    [
        ({}, 'Using preprocessing lenet (from ', False),
        (SCALED, 'Using (pixels - 0) / 255 (as requested)', True),
        ({'input_mean': 128, 'input_std': 128}, 'Using (pixels - 128) / 128', False),
        ({'input_mean': 128, 'input_std': 1}, 'Using (pixels - 128) / 1 ', True),
        ({'preprocessing_name': 'vgg'}, 'Using preprocessing vgg (as requested)', True),
        ({'preprocessing_name': 'lenet'}, 'Using preprocessing lenet (as requested)', False),
    ],
)
def test_the_log_names_the_pixels_that_are_fed(flags, said, warned, directory, tmp_path):
    path = small_models.frozen(tmp_path / 'described.pb', directory, with_bytes=False)
    lines = graph_model.load(ModelOptions(path, **flags)).lines
    used = [line for line in lines if 'pixels' in line or 'preprocessing' in line]
    assert used[0].startswith(said)
    warnings = [line for line in lines if line.startswith('WARNING')]
    assert bool(warnings) is warned
    assert used[1:] == warnings
    for line in warnings:
        assert 'described.json, where preprocessing is lenet' in line


def test_the_same_network_trained_in_two_ways_has_to_be_told(tmp_path):
    def resnet():
        with tf.name_scope('resnet_v2_50/logits'):
            classes(pixel_input())

    with pytest.raises(UserError, match='--preprocessing_name'):
        graph_model.load(ModelOptions(written(tmp_path, resnet)))


def test_the_label_file_beside_a_graph_is_found(tmp_path):
    (tmp_path / 'graph.label').write_text('a\nb\nc\nd\n')
    _, predictor = predict(written(tmp_path, of_float_pixels), **SCALED)
    assert predictor.labels == ['a', 'b', 'c', 'd']
