"""The TensorFlow engine chooses a number format, and explains what goes wrong in our words."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from pictures.kinds import BadImage, ImageTooLarge
from serving.model.engines import comparison, runner, tensorflow_engine
from serving.model.engines.loaded_model import LoadedModel
from serving.model.engines.tensorflow_engine import TensorFlowEngine
from serving.model.engines.trial_pictures import trial_pictures
from serving.model.model_options import ModelOptions, PredictorOptions


@pytest.mark.parametrize(
    ('has_it', 'seconds', 'expected'),
    [(False, (), 'float32'), (True, (5, 4), 'bfloat16'), (True, (5, 4.9), 'float32')],
    ids=['no bfloat16', 'faster', 'hardly faster'],
)
def test_auto_takes_bfloat16_where_it_is_worth_it(graph, monkeypatch, has_it, seconds, expected):
    short = 'bfloat16' if has_it else None
    monkeypatch.setattr(tensorflow_engine.precision, 'choose', lambda has_gpu: short)
    monkeypatch.setattr(comparison, 'times_ms', lambda runs, batch: seconds)
    engine = TensorFlowEngine(ModelOptions(graph), PredictorOptions(precision='auto'))
    assert engine.precision == expected
    assert engine.run(list(trial_pictures())).probabilities.shape == (4, 5)
    assert any(f'Using {expected}' in line for line in engine.lines)
    engine.close()


@pytest.mark.parametrize(
    ('kind', 'expected', 'words'),
    [
        (tf.errors.InvalidArgumentError, BadImage, 'the model cannot read this picture'),
        (tf.errors.ResourceExhaustedError, ImageTooLarge, 'too large for the memory'),
    ],
)
def test_errors_of_tensorflow_are_explained(kind, expected, words, graph, monkeypatch):
    def fail(_, pictures):
        raise kind(None, None, 'nodes and numbers')

    engine = TensorFlowEngine(ModelOptions(graph), PredictorOptions())
    monkeypatch.setattr(runner.Runner, 'run', fail)
    with pytest.raises(BadImage, match=words) as caught:
        engine.run(list(trial_pictures()))
    assert type(caught.value) is expected
    engine.close()


def test_too_little_memory_while_loading_is_a_shortage(graph, monkeypatch):
    def fail(*_):
        raise tf.errors.ResourceExhaustedError(None, None, 'OOM when allocating')

    monkeypatch.setattr(runner.Runner, 'run', fail)
    with pytest.raises(MemoryError, match=r'lenet\.pb: OOM'):
        TensorFlowEngine(ModelOptions(graph), PredictorOptions())


def test_a_fixed_batch_decodes_a_picture_once(monkeypatch):
    runs = []

    def call(pictures):
        runs.append(list(pictures))
        return [np.full((4, 3), 1 / 3)]

    monkeypatch.setattr(runner, '_compile', lambda session, model: call)
    with tf.Graph().as_default() as graph:
        fed = tf.placeholder(tf.string, [4])
        model = LoadedModel(graph, fed, tf.zeros([4, 3]), info=None)
    alone = runner.Runner(model)
    assert alone.run([b'large']).probabilities.shape == (1, 3)
    alone.close()
    assert runs[-1].count(b'large') == 1
