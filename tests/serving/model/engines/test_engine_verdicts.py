"""A model whose limits are known says of each picture whether it is of one of its classes."""

import shutil
import threading

import numpy as np
import pytest

from classifiers import model_info
from classifiers.verdicts import KINDS
from common.errors import UserError
from heads.limits.limits import FEATURES
from serving.model.engines import choice
from serving.model.engines.trial_pictures import trial_batch, trial_pictures
from serving.model.model_options import ModelOptions, PredictorOptions
from serving.model.predictor import Predictor
from support.files import limited_models, onnx_models

ENGINES = ('tensorflow', 'onnx')
PARTS = ('probabilities', 'unknown_scores', 'p_known', 'is_known')


@pytest.fixture(scope='module')
def limits(directory):
    return limited_models.learnt(directory)


@pytest.fixture(scope='module')
def model(directory, limits, tmp_path_factory):
    """Return a frozen graph with limits; its ONNX file is beside it."""
    path = limited_models.frozen(tmp_path_factory.mktemp('limited') / 'a.pb', directory, limits)
    onnx_models.write_beside(path)
    return path


@pytest.fixture(scope='module')
def expected(directory, limits):
    """Return the verdicts about the trial pictures, computed with NumPy."""
    logits, features = limited_models.outputs_of(directory, trial_pictures())
    return limits.apply(logits, {FEATURES: features})


def loaded(path, engine, **options):
    found = choice.load(ModelOptions(path, **options), PredictorOptions(engine=engine))
    assert found.name == engine
    return found


def agree(found, expected):
    for part in PARTS:
        np.testing.assert_allclose(getattr(found, part), getattr(expected, part), atol=1e-4)


@pytest.mark.parametrize('engine', ENGINES)
def test_verdicts_are_those_of_the_limits(engine, model, limits, expected):
    one = loaded(model, engine)
    outputs = one.run(list(trial_pictures()))
    agree(outputs.verdicts, expected)
    assert outputs.verdicts.is_known.dtype == bool
    assert outputs.verdicts.is_known.sum() == 2
    assert one.info.limits == limits.described()
    assert len(outputs) == len(list(outputs)) == 4
    assert outputs[1].verdict.is_known == bool(expected.is_known[1])
    np.testing.assert_array_equal(outputs[1].probabilities, outputs.probabilities[1])
    assert any('fetching' in line and 'is_known:0' in line for line in one.lines)
    one.close()


@pytest.mark.parametrize('engine', ENGINES)
def test_limits_change_no_probability(engine, model, graph, directory):
    plain = loaded(graph, 'tensorflow').run(list(trial_pictures()))
    assert plain.verdicts is None
    assert plain[0].verdict is None
    found = loaded(model, engine).run(list(trial_pictures()))
    np.testing.assert_allclose(found.probabilities, plain.probabilities, atol=1e-5)


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize('batch', [1, 3])
def test_every_caller_gets_the_verdicts_of_its_pictures(engine, batch, model, expected):
    options = PredictorOptions(engine=engine, max_concurrency=2, max_batch_size=batch)
    wrong = []

    def ask(number):
        for _ in range(5):
            first, second = predictor.predict([trial_pictures()[i] for i in (number, 3 - number)])
            for outcome, index in ((first, number), (second, 3 - number)):
                if abs(outcome.verdict.unknown_score - expected.unknown_scores[index]) > 1e-4:
                    wrong.append(index)

    with Predictor(ModelOptions(model), options) as predictor:
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_another_output_has_no_verdicts(model):
    one = loaded(model, 'tensorflow', output_layer='logits')
    assert one.run(trial_batch(2)).verdicts is None
    assert one.info.limits == {}


def described_with(model, tmp_path, nodes):
    """Copy a model with other nodes in its description; return the path of the graph."""
    path = tmp_path / 'a.pb'
    for ending in ('.pb', '.onnx'):
        shutil.copy(model_info.stem(model) + ending, tmp_path)
    info = model_info.read_beside(model)
    limited_models.describe(path, info.replace(nodes={**info.nodes, **nodes}))
    return path


@pytest.mark.parametrize('engine', ENGINES)
@pytest.mark.parametrize(
    ('nodes', 'words'),
    [
        ({'is_known': 'nowhere'}, 'nowhere'),
        ({'p_known': 'probabilities'}, 'p_known has 5 numbers per picture, and needs 1'),
        ({KINDS[0]: 'unknown_score'}, 'probabilities_calibrated has 1 numbers per picture'),
    ],
)
def test_outputs_that_the_model_lacks_are_one_line(engine, nodes, words, model, tmp_path):
    path = described_with(model, tmp_path, nodes)
    with pytest.raises(UserError, match=words) as caught:
        loaded(path, engine)
    assert '\n' not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize('engine', ENGINES)
def test_without_one_of_the_outputs_there_are_no_verdicts(engine, model, tmp_path):
    one = loaded(described_with(model, tmp_path, {'is_known': ''}), engine)
    assert one.run(trial_batch(1)).verdicts is None
    assert one.info.limits == {}
