"""Weights of 1x1 convolutions are rounded so that their errors compensate each other."""

import numpy as np
import pytest
from onnx import numpy_helper

from serving.quantization import calibration, layer_errors, onnx_graphs, quantizer, rounding
from support.files import layered_models

PICTURES = layered_models.pictures(8)
WEIGHTS = 'net/third/weights:0'


def correlated_inputs(count=500, channels=24):
    generator = np.random.default_rng(2)
    mixed = generator.normal(size=(count, 6)) @ generator.normal(size=(6, channels))
    return (mixed + generator.normal(0, 0.1, (count, channels))).astype('f')


def weights_and_scales(largest, channels=24):
    weights = np.random.default_rng(3).normal(size=(10, channels)).astype('f')
    return weights, np.abs(weights).max(axis=1) / np.float32(largest)


@pytest.mark.parametrize('largest', [4, 64, 127])
def test_correlated_inputs_have_a_smaller_error_than_with_the_nearest_integers(largest):
    inputs, (weights, scales) = correlated_inputs(), weights_and_scales(largest)
    found = rounding.rounded(weights, scales, inputs.T @ inputs, largest)
    nearest = np.round(weights / scales[:, np.newaxis])

    def error(integers):
        return np.square(inputs @ (integers * scales[:, np.newaxis] - weights).T).sum()

    assert error(found) < 0.5 * error(nearest)
    assert found.dtype == np.int8
    assert np.abs(found).max() <= largest


def test_independent_inputs_give_the_nearest_integers_and_zero_inputs_do_no_harm():
    weights, scales = weights_and_scales(64)
    moments = np.diag(np.arange(24, dtype='f'))
    found = rounding.rounded(weights, scales, moments, 64)
    np.testing.assert_array_equal(found, np.round(weights / scales[:, np.newaxis]))
    still = rounding.rounded(weights, scales, np.zeros((24, 24), 'f'), 64)
    np.testing.assert_array_equal(still, found)


def model_ranges_and_nearest(reduce_range=True):
    data = layered_models.network(layered_models.weights()).SerializeToString()
    model = quantizer.inferred(data)
    ranges = calibration.tensor_ranges(model, [PICTURES])
    return model, ranges, quantizer.quantized(model, ranges, [], reduce_range)


def constant(model, name):
    return numpy_helper.to_array(onnx_graphs.constants(model)[name])


@pytest.mark.parametrize('reduce_range', [True, False])
def test_the_quantized_model_holds_exactly_these_integers(reduce_range):
    model, ranges, nearest = model_ranges_and_nearest(reduce_range)
    largest = quantizer.largest_weight(reduce_range)
    found = rounding.integers(model, nearest, largest, [PICTURES[:3], PICTURES[3:]])
    quantized = quantizer.quantized(model, ranges, [], reduce_range, found)
    assert list(found) == [WEIGHTS]  # The others are no 1x1 convolutions, or the last layer.
    written = constant(quantized, f'{WEIGHTS}_quantized')
    np.testing.assert_array_equal(written, found[WEIGHTS][1])
    assert (written != constant(nearest, f'{WEIGHTS}_quantized')).any()
    assert np.abs(written.astype(int)).max() <= largest
    scales = constant(quantized, f'{WEIGHTS}_scale')
    np.testing.assert_array_equal(scales, constant(nearest, f'{WEIGHTS}_scale'))

    def error(of):
        measured = layer_errors.measure(model, of, [PICTURES])['third']
        return measured.squared_difference

    assert error(quantized) < error(nearest)


def test_moments_are_those_of_all_batches():
    model, _, _ = model_ranges_and_nearest()
    batches = [PICTURES[:3], PICTURES[3:]]
    (found,) = rounding._second_moments(model, ['middle/relu'], batches).values()
    watched = onnx_graphs.with_outputs(model, ['middle/relu'])
    values = np.moveaxis(onnx_graphs.run(watched, 'middle/relu', [PICTURES]), 1, 0).reshape(8, -1)
    np.testing.assert_allclose(found, values @ values.T, rtol=1e-4)


def test_integers_of_another_scale_and_of_float32_layers_are_not_used():
    model, ranges, nearest = model_ranges_and_nearest()
    ((scales, values),) = rounding.integers(model, nearest, 64, [PICTURES]).values()
    other = quantizer.quantized(model, ranges, [], True, {WEIGHTS: (2 * scales, values)})
    assert other == nearest
    kept = quantizer.quantized(model, ranges, ['third'], True, {WEIGHTS: (scales, values)})
    np.testing.assert_array_equal(constant(kept, WEIGHTS), constant(model, WEIGHTS))
