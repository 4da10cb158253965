"""Evaluations of classifiers whose limits are known: checkpoints and frozen models."""

import dataclasses

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image

from classifiers.verdicts import prediction_set
from common.errors import UserError
from heads.limits import limits_files
from serving.model import frozen_models
from support.files import limited_models, records
from support.files.classifier_files import EXAMPLES
from training.evaluation import calibration
from training.evaluation import program as evaluation
from training.evaluation.evaluation_options import EvaluationOptions

LAYER = 'pool2'


def collected(evaluator):
    """Return the Metrics of a pass, and its batches."""
    batches = []
    with evaluator:
        return evaluator.count(batches.append), batches


@pytest.mark.parametrize('batch_size', [7, 100])
def test_the_verdicts_are_those_of_the_limits_in_numpy(limited, batch_size):
    _, batches = collected(limited.evaluator(batch_size=batch_size))
    encoded = [records.encoded(records.picture(number), 'png') for number in range(EXAMPLES)]
    outputs = limited_models.outputs_of(str(limited.program.train_dir), encoded, LAYER)
    logits, features, averaged = outputs
    wanted = limited.limits.apply(logits, {'features': features, LAYER: averaged})
    for field in dataclasses.fields(wanted):
        found = np.concatenate([getattr(batch.verdicts, field.name) for batch in batches])
        np.testing.assert_allclose(found, getattr(wanted, field.name), atol=1e-3)


def test_pictures_that_are_no_records_get_the_same(limited):
    with limited.evaluator() as evaluator:
        batches = []
        evaluator.count(batches.append)
        encoded = [records.encoded(records.picture(number), 'png') for number in range(10)]
        logs, verdicts = evaluator.classify(encoded)
    np.testing.assert_allclose(logs, batches[0].log_probabilities, atol=1e-5)
    np.testing.assert_allclose(
        verdicts.unknown_scores, batches[0].verdicts.unknown_scores, atol=1e-4
    )


def test_what_was_printed_and_written_before_does_not_change(limited):
    program = limited.program
    program.run(limits=False)
    before, printed = program.json(), [*program.lines]
    rows = program.rows('predictions.csv')
    program.lines.clear()
    program.run()
    after = program.json()
    assert after.keys() - before.keys() == {'limits'}
    assert program.lines[: len(printed)] == printed
    assert program.lines[len(printed) + 1].startswith(f'limits: {limited.limits.score_name()}')
    for key in before.keys() - {'finished_at'}:
        assert before[key] == after[key], key
    new = ['is_known', 'p_known', 'unknown_score', 'calibrated_probability']
    found = program.rows('predictions.csv')
    assert [*found[0]] == [*rows[0], *new]
    assert [{key: row[key] for key in rows[0]} for row in found] == rows


def test_the_figures_equal_a_count_over_the_predictions(limited):
    program = limited.program
    program.run()
    found, rows = program.json()['limits'], program.rows('predictions.csv')
    known = [row for row in rows if row['is_known'] == 'true']
    assert 0 < len(known) < EXAMPLES
    assert found['accepted'] == len(known) / EXAMPLES
    right = sum(row['true_class'] == row['class_1'] for row in known)
    assert found['accuracy_on_accepted'] == right / len(known)
    for row in found['false_rejections']:
        own = [each for each in rows if each['true_class'] == row['name']]
        assert row['count'] == len(own)
        assert row['rejected'] == sum(each['is_known'] == 'false' for each in own)
    for name, column in (('before', 'probability_1'), ('after', 'calibrated_probability')):
        bins = calibration.Bins()
        confidence = np.array([float(row[column]) for row in rows])
        bins.add(confidence, np.array([row['true_class'] == row['class_1'] for row in rows]))
        error = found[f'calibration_error_{name}']
        assert error == pytest.approx(bins.error, abs=1e-4)
        low, high = found[f'calibration_error_{name}_interval']
        assert 0 <= low <= high < 1
    assert found['calibration_error_before'] == program.json()['expected_calibration_error']
    assert found['score'] == limited.limits.score_name()
    assert found['threshold'] == limited.limits.threshold


def test_prediction_sets_are_counted_at_the_levels_that_there_are(limited):
    limited.program.run()
    found = limited.program.json()['limits']['sets']
    _, batches = collected(limited.evaluator())
    described = limited.limits.described()
    sets = [
        (label, prediction_set(probabilities, described))
        for batch in batches
        for label, probabilities in zip(batch.labels, batch.verdicts.probabilities, strict=True)
    ]
    assert found.keys() == {'0.9'}
    assert found['0.9']['coverage'] == np.mean([label in outputs for label, outputs in sets])
    assert found['0.9']['mean_size'] == np.mean([len(outputs) for _, outputs in sets])
    assert any('prediction sets at 90%' in line for line in limited.program.lines)


def test_plots_and_curves_of_the_limits_are_written_and_removed(limited):
    program = limited.program
    program.run()
    with Image.open(program.eval_dir / 'reliability.png') as picture:
        assert picture.width > 800
    [events] = program.eval_dir.glob('events.*')
    shown = {
        value.tag: value
        for event in tf.train.summary_iterator(str(events))
        for value in event.summary.value
    }
    found = program.json()['limits']
    assert shown['eval/Accepted'].simple_value == pytest.approx(found['accepted'])
    assert shown['eval/Coverage_of_sets/0.9'].simple_value > 0
    error = shown['eval/Calibration_error_after_temperature'].simple_value
    assert error == pytest.approx(found['calibration_error_after'])
    assert shown['eval/reliability'].image.width > 800
    program.run(limits=False)
    assert not (program.eval_dir / 'reliability.png').exists()


@pytest.mark.parametrize('damage', ['stale', 'swapped', 'damaged'])
def test_limits_that_do_not_fit_are_one_line(limited, damage):
    program = limited.program
    if damage == 'stale':
        program.save(seed=3)
    elif damage == 'swapped':
        (program.train_dir / 'limits.npz').write_bytes(b'of another checkpoint')
    else:
        (program.train_dir / 'limits.json').write_text('{}')
    with pytest.raises(UserError, match=r'calibrate_image_classifier\.py again.*--nolimits'):
        program.run()
    assert program.run(limits=False) == 1
    assert 'limits' not in program.json()


def test_limits_of_another_network_are_one_line(limited):
    (term, *_) = limited.limits.terms
    for changes in ({'layer': 'nowhere'}, {'arrays': {'bank': np.ones([5, 3], np.float32)}}):
        other = dataclasses.replace(limited.limits, terms=(dataclasses.replace(term, **changes),))
        limits_files.write(limited.path, other)
        with pytest.raises(UserError, match=r'do not fit lenet .*pass --nolimits$'):
            limited.program.run()


def test_watching_a_training_goes_on_without_limits_that_do_not_fit(limited, log):
    program = limited.program
    program.on_result = {n: lambda n=n: program.save(step=n + 1, seed=n) for n in (1, 2)}
    assert program.watch() == 3
    assert program.steps() == [1, 2, 3]
    assert log().count('Evaluating without limits: ') == 1
    assert 'limits' not in program.json()


def test_watching_uses_the_limits_of_a_checkpoint_that_has_them(limited):
    program = limited.program
    old = limits_files.read(limited.path)

    def calibrate():
        limits_files.write(program.save(step=2, seed=1), dataclasses.replace(old, temperature=2.5))

    program.on_result = {1: calibrate}
    assert program.watch() == 2
    assert program.json()['limits']['temperature'] == 2.5


def test_flips_leave_the_limits_out(limited, log):
    limited.program.run(test_time_flips=True)
    assert 'limits' not in limited.program.json()
    assert 'Leaving out the limits' in log()


def test_a_frozen_model_has_the_figures_of_its_checkpoint(program, tmp_path):
    program.save()
    learnt = limited_models.learnt(str(program.train_dir))
    limits_files.write(tf.train.latest_checkpoint(str(program.train_dir)), learnt)
    program.run()
    wanted = program.json()['limits']
    model = limited_models.frozen(tmp_path / 'x.pb', str(program.train_dir), learnt)
    options = {
        'checkpoint_path': model,
        'eval_dir': str(program.eval_dir),
        'dataset_dir': str(program.data),
        'engine': 'tensorflow',
    }
    for limits in (True, False):
        given = EvaluationOptions(**options, limits=limits)
        assert evaluation.run(given, report=print, load_frozen=frozen_models.load) == 1
        if not limits:
            assert 'limits' not in program.json()
            continue
        found = program.json()['limits']
        assert found.keys() == wanted.keys()
        for key in ('score', 'threshold', 'temperature', 'accepted', 'false_rejections', 'sets'):
            assert found[key] == wanted[key], key
        error = found['calibration_error_after']
        assert error == pytest.approx(wanted['calibration_error_after'], abs=1e-4)
