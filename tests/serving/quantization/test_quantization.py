"""The quantizer, and the measurements that decide what it may quantize."""

import logging
import tempfile

import numpy as np
import pytest
from onnx import numpy_helper

from serving.quantization import calibration, layer_errors, onnx_graphs, quantizer
from serving.quantization.agreement import Agreement, Predictions
from support.files import layered_models

PICTURES = layered_models.pictures(8)


def model_and_ranges(values=None):
    proto = layered_models.network(values or layered_models.weights())
    model = quantizer.inferred(proto.SerializeToString())
    return model, calibration.tensor_ranges(model, [PICTURES])


def logits(model):
    return onnx_graphs.run(model, 'logits:0', [PICTURES])


def error(model, quantized):
    return layer_errors.output_error(logits(model), logits(quantized))


def integers(model, layer):
    """Return the int8 weights of a layer."""
    name = f'net/{layer}/weights:0_quantized'
    return numpy_helper.to_array(onnx_graphs.constants(model)[name])


def with_unequal_channels(layer):
    """Return weights in which the channels of a layer differ a hundred times or more in size."""
    values = layered_models.weights()
    values[layer] = values[layer] * np.geomspace(1, 1e4, len(values[layer])).reshape(-1, 1, 1, 1)
    values[layer] = values[layer].astype('f')
    return values


@pytest.mark.parametrize(('reduce_range', 'largest'), [(True, 64), (False, 127)])
def test_weights_have_7_or_8_bits_and_depthwise_ones_always_8(reduce_range, largest):
    model, ranges = model_and_ranges()
    quantized = quantizer.quantized(model, ranges, [], reduce_range)
    assert np.abs(integers(quantized, 'third')).max() == largest
    assert np.abs(integers(quantized, 'middle')).max() == 127
    assert 0 < error(model, quantized) < 0.01


def test_the_last_layer_and_the_named_ones_stay_float32():
    model, ranges = model_and_ranges()
    quantized = quantizer.quantized(model, ranges, ['third'], True)
    assert {'net/third/weights:0', 'net/last/weights:0'} <= onnx_graphs.constants(quantized).keys()
    assert 'net/first/weights:0' not in onnx_graphs.constants(quantized)


@pytest.mark.parametrize('layer', ['middle', 'third'])
def test_onnx_runtime_does_not_quantize_a_float32_layer_between_quantized_ones(layer):
    model, ranges = model_and_ranges(with_unequal_channels(layer))
    session = onnx_graphs.session(quantizer.quantized(model, ranges, [layer], True))
    (whole,) = session.run(['logits:0'], {'input:0': PICTURES})
    assert layer_errors.output_error(logits(model), whole) < 1e-3


def test_ranges_are_those_of_all_batches():
    model, _ = model_and_ranges()
    batches = [PICTURES[:3], PICTURES[3:]]
    (found,) = calibration.tensor_ranges(model, batches)['first/sum'].range_value[:1]
    watched = onnx_graphs.with_outputs(model, ['first/sum'])
    assert found == onnx_graphs.run(watched, 'first/sum', [PICTURES]).min()


def test_numbers_that_are_not_finite_are_refused():
    values = layered_models.weights()
    values['first'][0] = np.inf
    with pytest.raises(ValueError, match='not finite'):
        model_and_ranges(values)


def test_the_error_of_a_layer_is_measured_with_correct_inputs():
    values = layered_models.weights()
    # One large weight leaves no precision for the others of its channel.
    values['third'][:, 0] = 0
    values['third'][:, 1] *= 2000
    values['first'][1] = 0
    model, ranges = model_and_ranges(values)
    quantized = quantizer.quantized(model, ranges, [], True)
    measured = layer_errors.measure(model, quantized, [PICTURES[:4], PICTURES[4:]])
    errors = {name: error.relative for name, error in measured.items()}
    assert max(errors, key=errors.get) == 'third'
    assert errors['first'] < 0.001 < 0.1 < errors['third']


def test_corrected_biases_remove_the_mean_error_of_quantized_layers_alone():
    model, ranges = model_and_ranges()
    quantized = quantizer.quantized(model, ranges, [], True)
    before = layer_errors.measure(model, quantized, [PICTURES])
    corrected = layer_errors.corrected(model, before, ['first'])
    quantized = quantizer.quantized(corrected, ranges, [], True)
    after = layer_errors.measure(model, quantized, [PICTURES])
    for name in ('middle', 'third'):
        assert np.abs(after[name].mean).max() < 0.1 * np.abs(before[name].mean).max()
    np.testing.assert_allclose(after['first'].mean, before['first'].mean)


def test_quantization_leaves_no_files_and_writes_no_log(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    caplog.set_level(logging.INFO)
    model, ranges = model_and_ranges()
    quantizer.quantized(model, ranges, [], True)
    assert not [*tmp_path.iterdir(), *caplog.records]


def test_a_layer_is_named_by_its_scope():
    layers = onnx_graphs.layers(model_and_ranges()[0])
    assert [onnx_graphs.label(node) for node in layers] == [
        *('net/first', 'net/middle', 'net/third', 'net/last')
    ]


def compared(same, right, count=100, what='validation', most_drop=0.5):
    """Return the Agreement of networks that differ for the last pictures.

    The first `right` pictures were classified correctly by the float32 network.
    """
    numbers = np.arange(count)
    expected = np.where(numbers < right, 0, 2)
    before, after = np.zeros(count, int), np.where(numbers < same, 0, 1)
    return Agreement(Predictions(before, expected), Predictions(after, expected), what, most_drop)


@pytest.mark.parametrize(
    ('same', 'right', 'most_drop', 'faults'),
    [
        (100, 90, 0.5, []),
        (98, 90, 0.5, []),
        (97, 90, 0.5, ['same class']),
        (99, 100, 0.5, ['drop']),
        (99, 100, 1.0, []),
        (90, 100, 0.5, ['same class', 'drop']),
    ],
)
def test_agreement_and_accuracy_decide(same, right, most_drop, faults):
    found = compared(same, right, most_drop=most_drop).faults()
    assert len(found) == len(faults)
    for line, word in zip(found, faults, strict=True):
        assert word in line


def test_the_line_says_how_far_the_result_can_be_trusted():
    line = compared(49, 45, count=50, what='training').line()
    assert line == (
        'same class as float32 for 49 of 50 training pictures (98.0%), accuracy 90.00% (float32:'
        ' 90.00%); only 50 pictures: each is 2.0 points; the data set has no others, and the'
        ' network was trained on them'
    )
    assert ';' not in compared(100, 90).line()
