"""A checkpoint, its frozen graph and its ONNX file have the same metrics."""

import json
import os

import numpy as np
import pytest

from classifiers import model_info
from common import labels
from common.errors import UserError
from pictures.kinds import ImageTooLarge
from serving.export import export, freeze
from serving.export.export_options import ExportOptions
from serving.export.freeze_options import FreezeOptions
from serving.model import frozen_models
from serving.model.engines import onnx_engine
from support.files import records, small_models
from training.evaluation import evaluator, program
from training.evaluation.evaluation_options import EvaluationOptions

OUTPUT = 'Predictions/Reshape_1'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Write records, a training directory with moving averages, and what is frozen from it."""
    folder = tmp_path_factory.mktemp('frozen')
    info = small_models.describe().replace(moving_average_decay=0.9, dataset_name='mine')
    weights = small_models.values(info)
    averages = small_models.values(info, seed=1)
    weights |= {f'{name}/ExponentialMovingAverage': value for name, value in averages.items()}
    directory = small_models.train_dir(folder / 'train', info, weights=weights)
    graph, frozen = str(folder / 'graph.pb'), str(folder / 'x.pb')
    options = ExportOptions(output_file=graph, checkpoint_path=directory)
    export.export(options, report=lambda line: None)
    freeze.freeze(FreezeOptions(graph, directory, frozen, (OUTPUT,)))
    (folder / 'labels.txt').write_text(labels.as_text(small_models.CLASSES))
    path = folder / 'mine_validation-00000-of-00001.tfrecord'
    records.write_pictures(path, [0, 1, 2, 3, 4] * 5)
    return folder


def evaluate(folder, model, out, **options):
    lines = []
    options = EvaluationOptions(
        checkpoint_path=str(folder / model),
        dataset_dir=str(folder),
        dataset_name='mine',
        eval_dir=str(out),
        **{'batch_size': 10, **options},
    )
    assert program.run(options, report=lines.append, load_frozen=frozen_models.load) == 1
    return json.loads((out / 'metrics.json').read_text()), lines


def pictures(directory):
    return {path.name for path in directory.glob('*.png')}


def test_the_metrics_are_those_of_the_checkpoint(folder, tmp_path, monkeypatch):
    wanted, printed = evaluate(folder, 'train', tmp_path / 'checkpoint')
    assert wanted['moving_averages']
    # Only the evaluation of a checkpoint builds a network.
    monkeypatch.setattr(evaluator.build, 'build_network', None)
    for number, (model, engine) in enumerate(
        [('x.pb', 'tensorflow'), ('x.pb', 'onnx'), ('x.onnx', 'auto')]
    ):
        out = tmp_path / str(number)
        found, lines = evaluate(folder, model, out, engine=engine)
        assert found['fingerprint'] == model_info.graph_sha256(folder / model)
        assert lines[0] == printed[0]
        assert pictures(out) == pictures(tmp_path / 'checkpoint')
        loss = {'loss', 'expected_calibration_error'}
        own = {'checkpoint', 'step', 'fingerprint', 'finished_at'}
        for key in wanted.keys() - own - loss:
            assert found[key] == wanted[key], key
        for key in loss:
            np.testing.assert_allclose(found[key], wanted[key], atol=1e-4)


def test_a_part_of_the_split_is_evaluated(folder, tmp_path):
    for limits, count in (({'num_examples': 13}, 13), ({'max_num_batches': 1}, 10)):
        found, _ = evaluate(folder, 'x.onnx', tmp_path / str(count), **limits)
        assert found['examples'] == count


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'test_time_flips': True}, '--test_time_flips=True: is for checkpoints'),
        ({'save_best': True}, '--save_best=True: is for checkpoints'),
        ({'eval_image_size': 64}, 'takes pictures of 28 pixels'),
        ({'model_name': 'vgg_16'}, 'contradicts'),
        ({'engine': 'tensorflow'}, 'an ONNX model'),
    ],
)
def test_what_a_frozen_model_cannot_do_is_refused(folder, tmp_path, options, words):
    with pytest.raises(UserError, match=words):
        evaluate(folder, 'x.onnx', tmp_path / 'out', **options)


@pytest.mark.parametrize('options', [{'engine': 'onnx'}, {'precision': 'int8'}])
def test_what_only_a_frozen_model_can_do_is_refused(folder, tmp_path, options):
    with pytest.raises(UserError, match=r'^--\w+=\w+: is for frozen models, not for .*train'):
        evaluate(folder, 'train', tmp_path / 'out', **options)


def test_watching_a_frozen_model_evaluates_it_once(folder, tmp_path):
    options = {'eval_interval_secs': 60, 'timeout_secs': 0}
    assert evaluate(folder, 'x.onnx', tmp_path / 'out', **options)[0]['examples'] == 25


def test_an_onnx_file_without_its_description_is_refused(folder, tmp_path):
    os.link(folder / 'x.onnx', tmp_path / 'x.onnx')
    with pytest.raises(UserError, match=r'x\.onnx: an ONNX model without its description'):
        evaluate(folder, tmp_path / 'x.onnx', tmp_path / 'out')


@pytest.mark.parametrize('engine', ['onnx', 'tensorflow'])
def test_a_picture_that_cannot_be_decoded_is_named(folder, tmp_path, engine):
    damaged = records.encoded(records.picture(1), 'png')[:60]
    path = tmp_path / 'mine_validation-00000-of-00001.tfrecord'
    records.write(path, [records.example(damaged, 0, 'a.png')])
    for name in ('x.pb', 'x.json', 'x.onnx', 'labels.txt'):
        os.link(folder / name, tmp_path / name)
    with pytest.raises(UserError, match=r'record 0 has no picture that can be decoded'):
        evaluate(tmp_path, 'x.pb', tmp_path / 'out', engine=engine)


def test_a_batch_too_large_for_the_memory_is_one_line(folder, tmp_path, monkeypatch):
    run = onnx_engine.OnnxEngine.run

    def run_small(self, pictures):
        if len(pictures) > 1:
            raise ImageTooLarge('too large for the memory of this machine')
        return run(self, pictures)

    monkeypatch.setattr(onnx_engine.OnnxEngine, 'run', run_small)
    with pytest.raises(
        UserError, match=r'^--batch_size=10: too large for the memory .*; pass less'
    ):
        evaluate(folder, 'x.onnx', tmp_path / 'out')
