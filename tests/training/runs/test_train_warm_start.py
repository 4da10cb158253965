"""Fine-tuning: what comes from the checkpoint, what stays frozen, what it can do afterwards."""

import os
import re

import numpy as np
import pytest

from classifiers import model_info, watch
from common.errors import UserError
from support import training_runs
from support.files import checkpoint_files, small_models

HEAD = 'MobilenetV1/Logits'
NETWORK = {
    'model_name': 'mobilenet_v1_025',
    'train_image_size': 32,
    'batch_size': 16,
    'batch_norm_decay': 0.9,
}


@pytest.fixture(scope='module')
def start(drawn_pictures, tmp_path_factory):
    """Return the path of a checkpoint to begin with, of other classes, in no train_dir."""
    runs = training_runs.Runs(drawn_pictures, tmp_path_factory.mktemp('start'))
    runs.train('start', max_number_of_steps=1, **NETWORK)
    values = training_runs.variables(runs.newest('start'))
    values[f'{HEAD}/Conv2d_1c_1x1/weights'] = np.zeros([1, 1, 256, 9], np.float32)
    values[f'{HEAD}/Conv2d_1c_1x1/biases'] = np.zeros([9], np.float32)
    return checkpoint_files.write(runs.path('weights'), values)


def test_frozen_means_frozen(runs, start, log):
    """Weights, statistics and averages outside the scopes stay as they are to the last bit."""
    runs.train(
        checkpoint_path=start,
        trainable_scopes=HEAD,
        moving_average_decay=0.9,
        optimizer='adam',
        opt_epsilon=1e-8,
        max_number_of_steps=3,
        **NETWORK,
    )
    before = training_runs.variables(start)
    after = training_runs.variables(runs.newest())
    body = [name for name in before if name.startswith('Mobilenet') and HEAD not in name]
    assert len(body) == 135
    for name in body:
        for kept in (name, f'{name}/ExponentialMovingAverage'):
            assert after[kept].tobytes() == before[name].tobytes(), kept
    head = f'{HEAD}/Conv2d_1c_1x1/weights'
    assert after[head].shape[-1] == 5
    first = training_runs.variables(f'{runs.path()}/model.ckpt-0')
    assert (after[head] != first[head]).any()
    assert (first[head] == first[f'{head}/ExponentialMovingAverage']).all()
    assert f'Fine-tuning from {start}' in log()
    assert '135 of 137 variables come from the checkpoint' in log()
    assert f'Left out (9 classes in the checkpoint, 5 here): {HEAD}/' in log()
    assert f'2 variables are trained: {HEAD}/' in log()


def test_averages_follow_a_short_run_although_their_decay_is_large(runs):
    runs.train(moving_average_decay=0.9999, max_number_of_steps=5)
    first, last = (training_runs.variables(f'{runs.path()}/model.ckpt-{n}') for n in (0, 5))
    name = 'LeNet/fc4/weights'
    moved = np.linalg.norm(last[name] - first[name])
    behind = np.linalg.norm(last[name] - last[f'{name}/ExponentialMovingAverage'])
    assert moved > 0
    assert behind < 0.5 * moved


def test_frozen_batch_norms_go_on_if_wanted(runs, start):
    runs.train(
        checkpoint_path=start,
        trainable_scopes=HEAD,
        update_frozen_batch_norm=True,
        max_number_of_steps=1,
        **NETWORK,
    )
    before, after = (training_runs.variables(c) for c in (start, runs.newest()))
    body = [name for name in before if HEAD not in name]
    moved = {name for name in body if (after[name] != before[name]).any()}
    assert 'MobilenetV1/Conv2d_0/BatchNorm/moving_mean' in moved
    assert all(re.search('moving_(mean|variance)$|global_step', name) for name in moved)


def test_the_word_head_stands_for_the_scopes_of_the_network(runs, finished_run, log):
    """It is trained alone, and not read from the checkpoint."""
    options = {'checkpoint_exclude_scopes': 'head', 'trainable_scopes': 'head'}
    runs.train(checkpoint_path=finished_run, max_number_of_steps=1, **options)
    assert '2 variables are trained: LeNet/fc4/' in log()
    assert 'Left out (--checkpoint_exclude_scopes): LeNet/fc4/weights, LeNet/fc4/biases' in log()
    before = training_runs.variables(watch.newest_good(finished_run))
    after = training_runs.variables(runs.newest())
    body = [name for name in before if name.startswith('LeNet/') and 'fc4' not in name]
    assert len(body) == 6
    assert [name for name in body if after[name].tobytes() != before[name].tobytes()] == []


def test_a_directory_and_its_averages_are_a_start_too(runs):
    runs.train('start', max_number_of_steps=2, moving_average_decay=0.9, seed=1)
    source = training_runs.variables(runs.newest('start'))
    runs.train(checkpoint_path=runs.path('start'), max_number_of_steps=1, learning_rate=0.0)
    name = 'LeNet/conv1/weights'
    begun = training_runs.variables(f'{runs.path()}/model.ckpt-0')
    assert (begun[name] == source[f'{name}/ExponentialMovingAverage']).all()
    assert begun['global_step'] == 0


def test_fine_tune_begins_with_a_new_head(runs, finished_run, log):
    runs.train(checkpoint_path=finished_run, fine_tune=True, max_number_of_steps=1)
    assert 'Left out (--checkpoint_exclude_scopes): LeNet/fc4/weights, LeNet/fc4/biases' in log()


def test_a_checkpoint_in_one_file_is_a_start(runs, finished_run, log):
    values = training_runs.variables(watch.newest_good(finished_run))
    path = checkpoint_files.write(runs.path('v1'), values, v1=True, name='lenet.ckpt')
    runs.train(checkpoint_path=path, max_number_of_steps=1)
    assert '8 of 8 variables come from the checkpoint' in log()


def test_an_imported_checkpoint_says_how_pictures_are_prepared(runs, log):
    info = small_models.describe('lenet', 36, preprocessing_name='inception')
    directory = runs.path('imported')
    values = small_models.values(info)
    path = checkpoint_files.write(directory, values, 'lenet.ckpt', state=False)
    model_info.write(directory, info)
    runs.train(checkpoint_path=directory, max_number_of_steps=1)
    assert f'Using image size 36 (as {path} was trained)' in log()
    assert f'Using preprocessing inception (as {path} was trained)' in log()
    assert '8 of 8 variables come from the checkpoint' in log()
    found = model_info.read_beside(runs.path())
    assert (found.image_size, found.preprocessing_name) == (36, 'inception')


@pytest.mark.parametrize('forgiving', [False, True])
def test_a_checkpoint_that_fills_nothing_is_an_error(runs, forgiving):
    path = checkpoint_files.write(runs.path('other'))
    with pytest.raises(UserError, match='has no variables of lenet'):
        runs.train(checkpoint_path=path, ignore_missing_vars=forgiving)
    assert not os.path.exists(os.path.join(runs.path(), 'checkpoint'))
    assert not os.path.exists(os.path.join(runs.path(), 'model.json'))
