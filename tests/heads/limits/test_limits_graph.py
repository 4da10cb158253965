"""The verdicts of a graph are those of NumPy, for every measure and every program that runs it."""

import dataclasses

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers.verdicts import KINDS
from heads.limits import limits_graph, measures
from heads.limits.limits import FEATURES
from serving.export import tflite
from serving.export.onnx import onnx_model
from serving.quantization import onnx_graphs
from support import limits as drawn_limits
from support.files import frozen_graphs

CLASSES, CHANNELS, SIZE = 4, 6, 9
OTHERS = {'maps': (CHANNELS, 'maps')}
TOLERANCE = 1e-4
NAMES = ('logits', 'features', 'maps')


def pictures():
    """Return (logits, {layer: vectors}) of known pictures, strange ones and empty ones."""
    logits, layers, _ = drawn_limits.draw(CLASSES, {FEATURES: SIZE, 'maps': CHANNELS}, seed=1)
    strange = np.random.default_rng(2).normal(0, 30, logits.shape).astype(np.float32)
    layers = {
        name: np.concatenate([rows, -(rows[::-1] ** 3), 0 * rows]) for name, rows in layers.items()
    }
    return np.concatenate([logits, strange, 0 * logits]), layers


def built(limits):
    """Return a GraphDef that reads logits, features and a map of 2x2 from one input."""

    def build():
        given = tf.placeholder(tf.float32, [None, CLASSES + SIZE + 4 * CHANNELS], 'input')
        logits, features, maps = tf.split(given, [CLASSES, SIZE, 4 * CHANNELS], axis=1)
        maps = limits_graph.averaged(tf.reshape(maps, [-1, 2, 2, CHANNELS]))
        limits_graph.build(limits, logits, {FEATURES: features, 'maps': maps})

    return frozen_graphs.build(build)


def fed(logits, layers):
    parts = [layers['maps'] * weight for weight in (0.5, 1.5, 0.25, 1.75)]
    return np.concatenate([logits, layers[FEATURES], *parts], axis=1)


def run_tensorflow(graph_def, given):
    return frozen_graphs.run(graph_def, {'input:0': given}, [f'{kind}:0' for kind in KINDS])


def run_onnx(graph_def, given):
    fetched = tuple(f'{kind}:0' for kind in KINDS)
    model = onnx_model.convert(onnx_model.PixelGraph(graph_def, {}, 'input:0', fetched))
    return onnx_graphs.session(model).run(fetched, {'input:0': given})


def run_tflite(graph_def, given):
    interpreter = tflite._interpreter(tflite_model(graph_def))
    place = interpreter.get_input_details()[0]['index']
    interpreter.resize_tensor_input(place, given.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, given)
    interpreter.invoke()
    return [interpreter.get_tensor(each['index']) for each in interpreter.get_output_details()]


def tflite_model(graph_def):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(graph_def, name='')
        given, *outputs = (
            session.graph.get_tensor_by_name(f'{name}:0') for name in ('input', *KINDS)
        )
        return tf.lite.TFLiteConverter.from_session(session, [given], outputs).convert()


PROGRAMS = {'tensorflow': run_tensorflow, 'onnx': run_onnx, 'tflite': run_tflite}


def check(limits, program):
    logits, layers = pictures()
    found = dict(zip(KINDS, PROGRAMS[program](built(limits), fed(logits, layers)), strict=True))
    expected = limits.apply(logits, layers)
    np.testing.assert_allclose(
        found['probabilities_calibrated'], expected.probabilities, atol=TOLERANCE
    )
    scores = expected.unknown_scores
    np.testing.assert_allclose(found['unknown_score'], scores, atol=TOLERANCE, rtol=TOLERANCE)
    np.testing.assert_allclose(found['p_known'], expected.p_known, atol=TOLERANCE)
    is_sure = np.abs(scores - limits.threshold) > TOLERANCE
    assert (found['is_known'] == expected.is_known)[is_sure].all()
    assert found['is_known'].dtype == bool
    assert {array.dtype for kind, array in found.items() if kind != 'is_known'} == {
        np.dtype(np.float32)
    }
    return found


@pytest.mark.parametrize('program', PROGRAMS)
@pytest.mark.parametrize('measure', measures.MEASURES)
def test_every_measure_agrees_with_numpy(measure, program):
    limits = drawn_limits.make_limits(CLASSES, SIZE, (measure,), OTHERS)
    found = check(limits, program)
    assert set(found['is_known']) == {False, True}


@pytest.mark.parametrize('program', PROGRAMS)
def test_measures_of_several_layers_are_averaged(program):
    names = ('mahalanobis', 'neighbours_5', 'max_logit')
    limits = drawn_limits.make_limits(CLASSES, SIZE, names, OTHERS)
    assert len(limits.terms) == 5
    check(limits, program)


def collapsed(count, seed):
    """Return features that a well trained network gives: almost all variance is in few directions.

    The squared length of a picture is thousands of times larger than what its distance is made of.
    """
    generator, fixed = np.random.default_rng(seed), np.random.default_rng(0)
    means, inside = fixed.normal(0, 1, [CLASSES, 256]), fixed.normal(0, 0.4, [8, 256])
    outputs = np.arange(count) % CLASSES
    noise = generator.normal(0, 1, [count, 8]) @ inside + generator.normal(0, 0.01, [count, 256])
    return (means[outputs] + noise + 3).astype(np.float32), outputs


@pytest.mark.parametrize('program', PROGRAMS)
def test_few_digits_are_lost_after_a_training_that_separates_the_classes(program):
    features, outputs = collapsed(400, seed=1)
    logits, layers = np.eye(CLASSES, dtype=np.float32)[outputs], {FEATURES: features}
    limits = drawn_limits.fit_limits(logits, layers, outputs, ('mahalanobis',))
    assert limits.terms[0].arrays['scale'] > 1e4
    features, outputs = collapsed(200, seed=2)
    found = PROGRAMS[program](built_for_features(limits), features)
    expected = limits.apply(features[:, :CLASSES], {FEATURES: features})
    np.testing.assert_allclose(found[1], expected.unknown_scores, atol=5e-5)


@pytest.mark.parametrize('program', PROGRAMS)
@pytest.mark.parametrize('measure', ['mahalanobis', 'relative_mahalanobis'])
def test_many_classes_need_more_directions_than_are_kept(measure, program):
    sizes = {FEATURES: 90}
    drawn = drawn_limits.draw(80, sizes, count=640)
    limits = drawn_limits.fit_limits(*drawn, (measure,))
    assert 'planes' in limits.terms[0].arrays
    logits, layers, _ = drawn_limits.draw(80, sizes, count=200, seed=1)
    found = PROGRAMS[program](built_for_features(limits), layers[FEATURES])
    expected = limits.apply(logits, layers)
    np.testing.assert_allclose(found[1], expected.unknown_scores, atol=TOLERANCE, rtol=TOLERANCE)


@pytest.mark.parametrize('program', PROGRAMS)
@pytest.mark.parametrize('count', [1, 2])
def test_few_knots_are_enough(count, program):
    limits = drawn_limits.make_limits(CLASSES, SIZE)
    few = {'knots': limits.knots[:count], 'p_values': limits.p_values[:count]}
    check(dataclasses.replace(limits, **few), program)


@pytest.mark.parametrize('program', PROGRAMS)
def test_one_class_has_limits_too(program):
    limits = drawn_limits.make_limits(1, SIZE, ('mahalanobis', 'neighbours_1'))
    logits, layers = pictures()
    found = PROGRAMS[program](built_for_features(limits, 1), layers[FEATURES])
    expected = limits.apply(logits[:, :1], layers)
    np.testing.assert_allclose(found[1], expected.unknown_scores, atol=TOLERANCE, rtol=TOLERANCE)
    np.testing.assert_array_equal(found[0], np.ones([len(logits), 1]))


def built_for_features(limits, classes=CLASSES):
    """Return a GraphDef that takes the first features for logits."""

    def build():
        size = len(limits.terms[0].arrays['centre'])
        features = tf.placeholder(tf.float32, [None, size], 'input')
        limits_graph.build(limits, features[:, :classes], {FEATURES: features})

    return frozen_graphs.build(build)


def test_the_names_of_the_operations_are_in_one_scope():
    graph_def = built(drawn_limits.make_limits(CLASSES, SIZE, others=OTHERS))
    names = {node.name for node in graph_def.node}
    assert set(KINDS) <= names
    of_the_test = ('input', 'split', 'Reshape', 'Mean', 'Const')
    rest = {name for name in names if not name.startswith(('limits/', *of_the_test))}
    # Beside an output there may be a constant that it reads.
    assert {name.split('/')[0] for name in rest} == set(KINDS)
