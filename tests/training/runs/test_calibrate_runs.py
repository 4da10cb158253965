"""Calibrating classifiers that were trained: what is measured on, and what is written."""

import dataclasses
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from classifiers import model_info
from common.errors import UserError
from datasets import dataset_factory
from heads.limits import known_pictures, limits_files, program
from heads.limits.calibrate_options import CalibrateOptions
from support import training_runs
from support.checkout import ROOT
from support.files import records
from support.shell import foreign_lines, unprivileged
from training.evaluation.evaluator import Evaluator
from training.head_only.cache_options import CacheOptions

FILES = ('limits.json', 'limits.npz')


def calibrate(runs, name='run', **typed):
    """Calibrate in this process; return the Limits and the lines of the report."""
    lines = []
    options = {
        'checkpoint_path': runs.path(name),
        'dataset_dir': runs.dataset_dir,
        'features_dir': runs.path('features'),
        **typed,
    }
    return program.run(CalibrateOptions(**options), report=lines.append), lines


def contents(runs, name='run'):
    found = []
    for each in FILES:
        with open(os.path.join(runs.path(name), each), 'rb') as stream:
            found.append(stream.read())
    return found


def evaluated(runs, limits, name='run'):
    """Return what an evaluation finds for the validation split: batches with verdicts."""
    info = model_info.read_beside(runs.path(name))
    dataset = dataset_factory.get_dataset(training_runs.DATASET, 'validation', runs.dataset_dir)
    batches = []
    with Evaluator(info, dataset, 32, limits=limits) as evaluator:
        evaluator.evaluate(runs.newest(name).path, batches.append)
    return batches


def read(runs, split='validation', name='run'):
    """Return (Pictures of a split, Head)."""
    info, checkpoint = model_info.read_beside(runs.path(name)), runs.newest(name).path
    dataset = dataset_factory.get_dataset(training_runs.DATASET, split, runs.dataset_dir)
    pictures, last = known_pictures.read(info, checkpoint, dataset, runs.path('features'))
    return pictures, known_pictures.read_head(info, checkpoint, last)


def on_top(runs, **typed):
    """Train a head in the directory `run`, on the layers of another run."""
    if not os.path.exists(runs.path('body')):
        runs.train('body', max_number_of_steps=1, seed=1)
    runs.train(
        checkpoint_path=runs.path('body'),
        checkpoint_exclude_scopes='LeNet/fc4',
        trainable_scopes='LeNet/fc4',
        max_number_of_steps=2,
        **typed,
    )


def test_a_finished_run_is_calibrated(trained):
    limits, lines = calibrate(trained)
    assert limits.num_held_out == training_runs.SIZES['validation']
    assert lines[-2].startswith('written: ')
    assert 'held out: 30 validation pictures' in lines
    gains = {each['name']: each['gain'] for each in limits.report['scores']}
    is_default = gains[limits.score_name()] == 0
    assert is_default == ('  (the default; no other score is clearly better)' in lines)
    found = limits_files.read(trained.newest().path)
    assert found.described() == limits.described()
    assert found.report['scores'] == limits.report['scores']


def test_the_limits_say_what_the_graph_says(trained):
    limits, _ = calibrate(trained)
    pictures, head = read(trained)
    wanted = limits.apply(head.logits(pictures), pictures.layers)
    batches = evaluated(trained, limits_files.read(trained.newest().path))
    for field in dataclasses.fields(wanted):
        found = np.concatenate([getattr(batch.verdicts, field.name) for batch in batches])
        np.testing.assert_allclose(found, getattr(wanted, field.name), atol=2e-3)


def test_the_same_command_writes_the_same_bytes(trained, log):
    calibrate(trained)
    before = contents(trained)
    calibrate(trained)
    assert contents(trained) == before
    assert log().count('Computed the features') == 2
    assert log().count('Using the features') == 2


def test_only_if_stale_does_nothing_twice(trained):
    assert calibrate(trained, only_if_stale=True)[0] is not None
    found, lines = calibrate(trained, only_if_stale=True)
    assert found is None
    assert lines == [f'the limits of {trained.newest().path} are up to date']
    assert calibrate(trained, only_if_stale=True, accept_known=0.9)[0].accept_known == 0.9
    os.unlink(os.path.join(trained.path(), 'limits.npz'))
    assert calibrate(trained, only_if_stale=True, accept_known=0.9)[0] is not None


def test_further_training_makes_them_stale(trained):
    calibrate(trained)
    trained.train(max_number_of_steps=3)
    with pytest.raises(UserError, match=r'limits\.json: belongs to another checkpoint .*ckpt-2'):
        limits_files.read(trained.newest().path)
    assert calibrate(trained, only_if_stale=True)[0] is not None
    assert limits_files.read(trained.newest().path) is not None


def test_a_head_on_frozen_layers_is_measured_on_training_pictures_too(runs, log):
    on_top(runs)
    limits, lines = calibrate(runs)
    assert limits.num_held_out == sum(training_runs.SIZES.values())
    assert 'held out: 30 validation pictures and 60 training pictures, each held out' in lines
    assert '30 validation pictures are fewer than 100' in log()


def test_a_network_that_was_trained_as_a_whole_is_not(trained, log):
    info = model_info.read_beside(trained.path())
    assert not known_pictures.has_frozen_body(info, trained.newest().path)
    runs = trained
    runs.train('tuned', checkpoint_path=runs.path(), max_number_of_steps=1)
    limits, _ = calibrate(runs, 'tuned')
    assert limits.num_held_out == training_runs.SIZES['validation']
    assert 'the training pictures cannot help' in log()


def test_a_body_whose_source_is_gone_is_not_known_to_be_frozen(runs):
    on_top(runs)
    shutil.rmtree(runs.path('body'))
    assert calibrate(runs)[0].num_held_out == training_runs.SIZES['validation']


def test_the_averages_are_calibrated(runs):
    runs.train(max_number_of_steps=3, moving_average_decay=0.5, learning_rate=0.1)
    limits, _ = calibrate(runs)
    pictures, head = read(runs)
    wanted = limits.apply(head.logits(pictures), pictures.layers)
    batches = evaluated(runs, limits)
    found = np.concatenate([batch.verdicts.unknown_scores for batch in batches])
    np.testing.assert_allclose(found, wanted.unknown_scores, atol=2e-3)
    checkpoint = runs.newest().path
    averages, raw = (
        training_runs.variables(checkpoint)[f'LeNet/fc4/weights{end}']
        for end in ('/ExponentialMovingAverage', '')
    )
    assert not np.array_equal(averages, raw)
    np.testing.assert_array_equal(head.weights, averages)


def test_damaged_records_are_left_out(trained, tmp_path, log):
    copy = tmp_path / 'damaged data'
    shutil.copytree(trained.dataset_dir, copy)
    dataset = dataset_factory.get_dataset(training_runs.DATASET, 'validation', str(copy))
    records.flip_bit(dataset.shards, 7)
    limits, _ = calibrate(trained, dataset_dir=str(copy))
    assert limits.num_held_out == training_runs.SIZES['validation'] - 1
    assert 'SKIPPED' in log()


def test_the_features_of_an_exact_fit_are_used_again(runs, log):
    cache = CacheOptions(features_dir=runs.path('features'))
    assert runs.train(optimizer='lbfgs', learning_rate=0.01, cache=cache, seed=1) == 0
    assert log().count('Computed the features') == 1
    calibrate(runs)
    # The validation split is new.
    assert log().count('Computed the features') == 2
    assert log().count('Using the features') >= 1


def test_with_read_only_records_the_features_are_beside_the_checkpoint(trained, tmp_path):
    copy = tmp_path / 'read only'
    shutil.copytree(trained.dataset_dir, copy)
    copy.chmod(0o555)
    try:
        unprivileged.call(lambda: calibrate(trained, dataset_dir=str(copy), features_dir=None))
    finally:
        copy.chmod(0o755)
    assert len(os.listdir(os.path.join(trained.path(), 'features'))) == 2
    assert not (copy / 'features').exists()


def test_a_read_only_train_dir_is_one_line_before_the_work(trained, log):
    os.chmod(trained.path(), 0o555)
    try:
        with pytest.raises(UserError, match=r'run: cannot be written to, and the limits must be'):
            unprivileged.call(lambda: calibrate(trained))
    finally:
        os.chmod(trained.path(), 0o755)
    assert 'Comput' not in log()


def test_without_a_validation_split_a_trained_network_is_one_line(trained, tmp_path):
    copy = training_pictures(trained, tmp_path)
    with pytest.raises(UserError, match='has no validation pictures, and more than the last layer'):
        calibrate(trained, dataset_dir=copy)
    assert not set(FILES) & set(os.listdir(trained.path()))


def test_without_a_validation_split_a_head_is_calibrated_on_training_pictures(runs, tmp_path):
    on_top(runs)
    limits, lines = calibrate(runs, dataset_dir=training_pictures(runs, tmp_path))
    assert limits.num_held_out == training_runs.SIZES['train']
    assert 'held out: 60 training pictures, each held out' in lines


def training_pictures(runs, directory):
    """Return a copy of the data set without its validation split."""
    copy = directory / 'no validation'
    shutil.copytree(runs.dataset_dir, copy)
    (copy / f'{training_runs.DATASET}_validation_00000-of-00001.tfrecord').unlink()
    return str(copy)


@pytest.mark.parametrize(
    ('typed', 'words'),
    [
        (
            {'held_out_split_name': 'test'},
            '--held_out_split_name=test: .* has no such split, only .*train',
        ),
        (
            {'held_out_split_name': 'train'},
            '--held_out_split_name=train: must differ from --train_split_name',
        ),
        ({'train_split_name': 'learning'}, 'learning'),
        ({'model_name': 'cifarnet'}, '--model_name=cifarnet contradicts'),
    ],
)
def test_mistakes_are_one_line(trained, typed, words):
    with pytest.raises(UserError, match=words) as found:
        calibrate(trained, **typed)
    assert '\n' not in str(found.value)
    assert not set(FILES) & set(os.listdir(trained.path()))


def test_other_pictures_than_those_it_was_trained_on_are_one_line(trained, tmp_path):
    copy = tmp_path / 'other'
    shutil.copytree(trained.dataset_dir, copy)
    names = (copy / 'labels.txt').read_text().replace('1:', '1:not_')
    (copy / 'labels.txt').write_text(names)
    with pytest.raises(UserError, match=r"class 1 is 'not_.* in the data set and "):
        calibrate(trained, dataset_dir=str(copy))


def test_processes_at_the_same_time_write_files_that_belong_together(trained):
    command = [
        sys.executable, str(ROOT / 'calibrate_image_classifier.py'),
        f'--checkpoint_path={trained.path()}', f'--dataset_dir={trained.dataset_dir}',
        f'--features_dir={trained.path("features of two")}',
    ]  # fmt: skip
    processes = [
        subprocess.Popen(
            [*command, f'--accept_known={accept_known}'],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=foreign_lines.users_environment(),
        )
        for accept_known in (0.9, 0.95)
    ]
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        assert 'Traceback' not in output
    assert limits_files.read(trained.newest().path).accept_known in (0.9, 0.95)
    left = [name for name in os.listdir(trained.path()) if name.endswith('.part')]
    assert not left
