"""A checkpoint is served with the limits beside it, or without them if they cannot be right."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from heads.limits.limits import FEATURES
from serving.model import model_holder
from serving.model.engines.tensorflow_engine import TensorFlowEngine
from serving.model.engines.trial_pictures import trial_pictures
from serving.model.model_options import ModelOptions, PredictorOptions
from serving.model.predictor import Predictor
from support import limits
from support.files import checkpoint_files, limited_models, small_models

LAYER = 'pool2'


@pytest.fixture(scope='module')
def learnt(directory):
    return limited_models.learnt(directory, LAYER)


@pytest.fixture
def train_dir(learnt, tmp_path):
    """Return a train_dir with limits, for one test."""
    small_models.train_dir(tmp_path / 'train')
    limits.write(tmp_path / 'train', learnt)
    return tmp_path / 'train'


def loaded(directory):
    return TensorFlowEngine(ModelOptions(os.fspath(directory)), PredictorOptions())


def test_a_checkpoint_has_the_verdicts_of_its_limits(train_dir, learnt):
    engine = loaded(train_dir)
    found = engine.run(list(trial_pictures())).verdicts
    logits, features, maps = limited_models.outputs_of(train_dir, trial_pictures(), LAYER)
    expected = learnt.apply(logits, {FEATURES: features, LAYER: maps})
    for part in ('probabilities', 'unknown_scores', 'p_known', 'is_known'):
        np.testing.assert_allclose(getattr(found, part), getattr(expected, part), atol=1e-4)
    assert engine.info.limits == learnt.described()
    assert not any('WARNING' in line for line in engine.lines)
    engine.close()


def test_the_log_names_the_limits(train_dir, learnt):
    with Predictor(ModelOptions(train_dir)) as predictor:
        (line,) = (line for line in predictor.lines if line.startswith('Using the limits'))
    assert line == (
        f'Using the limits: {learnt.score_name()}, learnt from {learnt.num_held_out} pictures;'
        ' accepts 95% of known pictures'
    )


def test_flags_that_change_the_pictures_are_a_warning(train_dir):
    options = ModelOptions(os.fspath(train_dir), preprocessing_name='inception')
    engine = TensorFlowEngine(options, PredictorOptions())
    assert engine.run(list(trial_pictures())).verdicts is not None
    (warning,) = (line for line in engine.lines if line.startswith('WARNING'))
    assert 'preprocessing_name inception contradicts' in warning
    assert 'model.json: the limits may be wrong' in warning
    engine.close()


def stale(directory):
    checkpoint_files.write(directory, small_models.values(small_models.describe(), 1), step=2)


def swapped(directory):
    known = limits.make_limits()
    (directory / 'other').mkdir()
    shutil.copy(directory / 'limits.json', directory / 'other')
    limits.write(directory, known)
    shutil.copy(directory / 'other' / 'limits.json', directory)


def damaged(directory):
    data = bytearray((directory / 'limits.npz').read_bytes())
    data[100] ^= 1
    (directory / 'limits.npz').write_bytes(data)


def cut(directory):
    content = (directory / 'limits.json').read_text()
    (directory / 'limits.json').write_text(content[: len(content) // 2])


def without_arrays(directory):
    (directory / 'limits.npz').unlink()


def changed(**changes):
    def change(directory):
        path = directory / 'limits.json'
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def of_another_network(directory):
    limits.write(directory, limits.make_limits(feature_size=8))


def of_an_impossible_share(directory):
    limits.write(directory, limits.make_limits(feature_size=1024, accept_known=7))


def of_another_layer(directory):
    limits.write(
        directory, limits.make_limits(feature_size=1024, others={'nowhere': (4, 'nowhere:0')})
    )


@pytest.mark.parametrize(
    ('spoil', 'words'),
    [
        (stale, 'belongs to another checkpoint'),
        (swapped, 'its SHA-256 differs'),
        (damaged, 'its SHA-256 differs'),
        (cut, 'limits.json'),
        (without_arrays, 'limits.npz: No such file'),
        (changed(format_version=None), 'not the limits of a checkpoint'),
        (changed(format_version=1), 'has format 1, and this program reads 2'),
        (changed(temperature=0), 'damaged (a temperature or a deviation is not positive)'),
        (changed(threshold=float('nan')), 'damaged (a number is not finite)'),
        (changed(terms=[]), 'damaged'),
        (changed(terms=[{'measure': 'x', 'layer': 'features', 'mean': 0, 'std': 1}]), 'damaged'),
        (changed(accept_known=0.9), 'damaged (its SHA-256 differs)'),
        (of_an_impossible_share, '"limits/accept_known" is 7'),
        (of_another_network, 'does not fit the network'),
        (of_another_layer, "does not fit the network ('nowhere')"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_limits_that_cannot_be_right_are_a_warning(spoil, words, train_dir):
    spoil(train_dir)
    engine = loaded(train_dir)
    outputs = engine.run(list(trial_pictures()))
    assert outputs.verdicts is None
    assert outputs.probabilities.shape == (4, 5)
    assert engine.info.limits == {}
    (warning,) = (line for line in engine.lines if line.startswith('WARNING'))
    assert words in warning
    assert warning.endswith('; using the model without its limits')
    assert '\n' not in warning
    assert '--nolimits' not in warning
    engine.close()


def test_a_new_calibration_is_served_at_once(train_dir, learnt):
    reports = []
    holder = model_holder.for_model(ModelOptions(train_dir), report=reports.append)
    stale(train_dir)
    holder.load()
    assert any('belongs to another checkpoint' in line for line in reports)
    limits.write(train_dir, dataclasses.replace(learnt, accept_known=0.9))
    holder.poll(holder.poll())
    assert holder.version == 2
    with holder.lease() as predictor:
        assert predictor.info.limits['accept_known'] == 0.9
        (outcome,) = predictor.predict(trial_pictures()[:1])
        assert outcome.verdict is not None
    holder.close()
