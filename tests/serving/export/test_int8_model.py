"""An int8 model is accepted only if it is as good as the float32 model."""

import logging
import os
import tempfile

import numpy as np
import onnx
import pytest

from classifiers.model_info import ModelInfo
from common import processors
from common.errors import UserError
from serving.export.onnx import int8_model, quantization_pictures
from serving.export.onnx.int8_model import Int8RefusedError
from serving.quantization import agreement, onnx_graphs
from support.files import layered_models, records

INFO = ModelInfo(
    model_name='lenet',
    num_classes=layered_models.CLASSES,
    image_size=layered_models.SIDE,
    channels=3,
    preprocessing_name='inception',
    nodes={name: name for name in ('input', 'logits', 'probabilities')},
)


def write_split(directory, split, count, first=0):
    labels = [number % layered_models.CLASSES for number in range(count)]
    path = directory / f'pictures_{split}_00000-of-00001.tfrecord'
    records.write_pictures(path, labels, start=first)


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.INFO, logger='tensorflow')


@pytest.fixture(autouse=True)
def least_agreement(monkeypatch):
    """Lower the limit: this network gives several classes similar scores, and pictures are few."""
    monkeypatch.setattr(agreement, 'LEAST_AGREEMENT', 0.85)


@pytest.fixture(scope='module')
def pictures(tmp_path_factory):
    """Return a directory of records with a training and a validation split."""
    directory = tmp_path_factory.mktemp('pictures')
    write_split(directory, 'train', 40)
    write_split(directory, 'validation', 30, first=40)
    return directory


def make(directory, values, max_drop=50.0, path='lenet.int8.onnx'):
    """Quantize a network that finds several classes in the pictures."""
    _, held_out = quantization_pictures.choose('pictures', str(directory), INFO)
    logits = onnx_graphs.run(layered_models.network(values), 'logits:0', held_out.batches())
    biases = -logits.mean(axis=0)
    data = layered_models.network(values, biases).SerializeToString()
    return data, int8_model.make(path, data, INFO, ('pictures', str(directory)), max_drop)


def with_hidden_weights():
    """Return weights of which one layer has a useless large one that leaves the others no bits."""
    values = layered_models.weights()
    values['first'][1] = 0
    values['third'][:, 0] = 0
    values['third'][:, 1] *= 2000
    return values


def with_hidden_channels():
    """Return weights that give each tensor one channel that leaves the others no bits."""
    values = layered_models.weights()
    values['first'][0] *= 1e5
    values['third'][:, 0] *= 1e-5
    return values


def test_an_accepted_model_agrees_and_the_log_says_how_it_was_made(
    pictures, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    monkeypatch.setattr(processors, 'have', lambda ability: False)
    data, found = make(pictures, layered_models.weights())
    images = layered_models.pictures(20)
    probabilities = [onnx_graphs.run(model, 'probabilities:0', [images]) for model in (data, found)]
    assert 0 < np.abs(probabilities[0] - probabilities[1]).max() < 0.1
    lines = [record.getMessage() for record in caplog.records]
    assert 'reduce_range), because this processor has no VNNI' in lines[0]
    assert 'of 30 validation pictures (' in lines[-1]
    assert 'only 30 pictures: each is 3.3 points; layers left float32: net/first; ' in lines[-1]
    assert not os.listdir(tmp_path)


def test_with_vnni_weights_have_8_bits(pictures, monkeypatch, caplog):
    monkeypatch.setattr(processors, 'have', lambda ability: ability == 'vnni')
    _, found = make(pictures, layered_models.weights())
    constants = onnx_graphs.constants(onnx.load_from_string(found))
    kernel = onnx.numpy_helper.to_array(constants['net/third/weights:0_quantized'])
    assert np.abs(kernel).max() == 127
    assert 'weights have 8 bits' in caplog.records[0].getMessage()


def test_a_layer_that_quantization_ruins_stays_float32(pictures, monkeypatch, caplog):
    monkeypatch.setattr(int8_model, '_MOST_FLOAT_LAYERS', 1)
    _, found = make(pictures, with_hidden_weights())
    lines = [record.getMessage() for record in caplog.records]
    assert any('not good enough' in line for line in lines)
    assert 'layers left float32: net/first, net/third; ' in lines[-1]
    names = onnx_graphs.constants(onnx.load_from_string(found))
    assert 'net/third/weights:0' in names


def test_a_model_that_differs_is_refused_with_its_worst_layers(pictures):
    with pytest.raises(Int8RefusedError) as error:
        make(pictures, with_hidden_channels())
    message = str(error.value)
    assert message.startswith('lenet.int8.onnx is not written: same class as float32 for ')
    assert 'but at least 85% must have the same class' in message
    assert 'the layers with the largest errors: net/' in message


def test_without_other_pictures_some_of_the_training_are_held_out(tmp_path):
    write_split(tmp_path, 'train', 40)
    training, held_out = quantization_pictures.choose('pictures', str(tmp_path), INFO)
    assert (len(training), len(held_out), held_out.description) == (30, 10, 'training')
    assert not set(training.numbers) & set(held_out.numbers)


def test_calibration_takes_at_most_300_pictures_from_the_whole_split(tmp_path):
    write_split(tmp_path, 'train', 320)
    write_split(tmp_path, 'test', 3)
    training, held_out = quantization_pictures.choose('pictures', str(tmp_path), INFO)
    for sample, count in ((training, 300), (training.fewer(16), 16)):
        assert (len(sample), sample.numbers[0], sample.numbers[-1]) == (count, 0, 319)
    assert (len(held_out), held_out.description) == (3, 'test')


def test_a_label_that_the_network_does_not_have_is_a_mistake(tmp_path):
    write_split(tmp_path, 'train', 8)
    records.write_pictures(tmp_path / 'pictures_test_00000-of-00001.tfrecord', [9])
    with pytest.raises(UserError, match='has the label 9; valid are 0 to 3'):
        make(tmp_path, layered_models.weights())
