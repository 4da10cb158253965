"""Validation inside a run: the same numbers as an evaluation, and an end to patience."""

import json
import os

import pytest

from classifiers import model_info, watch
from datasets import dataset_factory
from support import training_runs
from training.evaluation.evaluator import Evaluator
from training.jobs import run_directory


def history(runs, name='run'):
    with open(os.path.join(runs.path(name), 'validations.json'), encoding='utf-8') as stream:
        return json.load(stream)


def test_validation_equals_the_evaluation_of_its_checkpoint(runs, log):
    runs.train(
        num_epochs=0.4, batch_size=4, validate_every_n_epochs=0.2, moving_average_decay=0.9, seed=1
    )
    rows = history(runs)
    assert [row['step'] for row in rows] == [3, 6]
    dataset = dataset_factory.get_dataset(training_runs.DATASET, 'validation', runs.dataset_dir)
    with Evaluator(model_info.read_beside(runs.path()), dataset, batch_size=30) as evaluator:
        metrics = evaluator.evaluate(runs.newest().path)
    assert rows[-1]['accuracy'] == metrics.accuracy
    assert rows[-1]['loss'] == pytest.approx(metrics.loss, abs=1e-5)
    assert f'Validation at step 6: accuracy = {metrics.accuracy:.4f}, loss = ' in log()


def test_a_run_that_gets_no_better_stops_and_stays_stopped(runs, log):
    options = {
        'learning_rate': 0.0,
        'validate_every_n_epochs': 0.1,
        'batch_size': 6,
        'early_stopping_patience': 2,
        'seed': 1,
    }
    # Interrupted in between, it is as patient as in one go.
    runs.train(max_number_of_steps=2, **options)
    runs.train(max_number_of_steps=20, **options)
    assert [row['step'] for row in history(runs)] == [1, 2, 3]
    assert 'Stopping early: accuracy has not risen above' in log()
    assert runs.newest().step == 3
    status = run_directory.read_status(runs.path())
    assert (status.state, status.step, status.last_step) == ('finished', 3, 20)
    runs.train(max_number_of_steps=20, **options)
    assert runs.newest().step == 3


def test_the_best_checkpoint_is_kept_when_later_ones_replace_it(runs, log):
    options = {'learning_rate': 0.0, 'validate_every_n_epochs': 0.1, 'batch_size': 6, 'seed': 1}
    runs.train(max_number_of_steps=3, keep_checkpoints=1, **options)
    best = runs.path('run/best')
    kept = watch.find_checkpoint(best)
    assert (kept.step, runs.newest().step) == (1, 3)
    assert not os.path.exists(f'{runs.path()}/{os.path.basename(kept.path)}.index')
    assert model_info.read_beside(kept.path) == model_info.read_beside(runs.path())
    with open(f'{best}/evaluation.json', encoding='utf-8') as stream:
        content = json.load(stream)
    assert [content[name] for name in ('step', 'accuracy', 'loss')] == [*history(runs)[0].values()]
    assert log().count(f'Best so far, kept in {best}') == 1


def test_the_best_checkpoint_of_an_earlier_run_is_replaced(runs):
    options = {'validate_every_n_epochs': 0.1, 'batch_size': 6, 'learning_rate': 0.0}
    runs.train(max_number_of_steps=2, seed=1, **options)
    best = runs.path('run/best')
    earlier = watch.find_checkpoint(best).fingerprint
    # Resumed, it stays.
    runs.train(max_number_of_steps=3, seed=1, **options)
    assert watch.find_checkpoint(best).fingerprint == earlier
    for name in os.listdir(runs.path()):
        if name.startswith(('checkpoint', 'model.ckpt')):
            os.unlink(os.path.join(runs.path(), name))
    # Even if it was perfect.
    with open(f'{best}/evaluation.json', encoding='utf-8') as stream:
        content = json.load(stream)
    with open(f'{best}/evaluation.json', 'w', encoding='utf-8') as stream:
        json.dump({**content, 'accuracy': 1.0, 'loss': 0.0}, stream)
    runs.train(max_number_of_steps=1, seed=2, **options)
    assert watch.find_checkpoint(best).fingerprint != earlier


def test_an_unknown_validation_split_is_an_error_before_training(runs):
    with pytest.raises(ValueError, match="no split 'test'"):
        runs.train(validate_every_n_epochs=1.0, validation_split_name='test')
    assert not os.path.exists(os.path.join(runs.path(), 'checkpoint'))
