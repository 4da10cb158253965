"""Training on cached features gives what training on the pictures gives, to the last bit."""

import glob
import json
import os
import random
import shutil
import signal
import time

import pytest
import tensorflow.compat.v1 as tf

from common import files
from common.errors import UserError
from datasets import dataset_factory
from support import families, training_runs
from support.files import records
from training.head_only.cache_options import CacheOptions
from training.jobs import run_directory

CACHED = {'cache': CacheOptions(cache_features=1)}
PICTURES = {'augmentation': 'none'}
HEAD = {'trainable_scopes': 'head', 'seed': 7, 'opt_epsilon': 0.01, 'moving_average_decay': 0.9}
# Inception v3 has two heads; the batch norms of the auxiliary one are trained.
SIDES = {'inception_v3': 107, 'resnet_v1_50': 64, 'mobilenet_v1': 64}
TIMES = ('images_per_second', 'input_wait_share', 'input_wait_secs')


@pytest.fixture
def runs(runs, tmp_path):
    """Let the runs keep their features in a directory of the test's own."""
    runs.dataset_dir = str(shutil.copytree(runs.dataset_dir, tmp_path / 'data'))
    return runs


def pretrained(runs, steps=3, **network):
    """Return the flags that start from a network whose features tell pictures apart.

    Those of random weights are nearly 0 after many batch norms.
    """
    typed = {**network, 'max_number_of_steps': steps, 'seed': 3, 'batch_norm_decay': 0.5}
    runs.train('weights', **typed)
    path = runs.newest('weights').path
    return {**HEAD, **network, 'checkpoint_path': path, 'checkpoint_exclude_scopes': 'head'}


def scalars(directory):
    """Return {tag: {step: value}} of all scalars that do not depend on the time."""
    found = {}
    for path in glob.glob(os.path.join(directory, 'events*')):
        for event in tf.train.summary_iterator(path):
            for value in event.summary.value:
                if value.HasField('simple_value') and value.tag not in TIMES:
                    found.setdefault(value.tag, {})[event.step] = value.simple_value
    return found


def compare(runs, steps, **typed):
    """Train on pictures, and on their features in two parts; nothing may differ."""
    runs.train('pictures', max_number_of_steps=steps, **typed, **PICTURES)
    runs.train('cached', max_number_of_steps=steps // 2, **typed, **CACHED)
    runs.train('cached', max_number_of_steps=steps, **typed, **CACHED)
    assert training_runs.different(runs.newest('pictures'), runs.newest('cached')) == []
    assert scalars(runs.path('pictures')) == scalars(runs.path('cached'))


def test_cached_features_change_nothing(runs):
    network = {'model_name': 'mobilenet_v1_025', 'train_image_size': 32, 'batch_size': 16}
    typed = {'optimizer': 'adam', 'class_weights': 'balanced', 'validate_every_n_epochs': 1}
    compare(runs, 6, **pretrained(runs, **network), **typed, log_every_n_steps=1)
    validations = [
        files.read_json(os.path.join(runs.path(name), run_directory.VALIDATIONS))
        for name in ('pictures', 'cached')
    ]
    assert validations[0]
    assert validations[0] == validations[1]


def test_cached_features_change_nothing_in_clones(runs):
    clones = {'num_clones': 2, 'clone_on_cpu': True, 'batch_size': 8}
    compare(runs, 10, **HEAD, **clones, optimizer='rmsprop', label_smoothing=0.1)


@pytest.mark.soak
@pytest.mark.parametrize('optimizer', ['adam', 'rmsprop'])
@pytest.mark.parametrize('network', SIDES)
def test_long_cached_runs_change_nothing(runs, network, optimizer):
    built = {'model_name': network, 'train_image_size': SIDES[network], 'batch_size': 16}
    compare(runs, 200, **pretrained(runs, 10, **built), optimizer=optimizer)


@pytest.mark.soak
@pytest.mark.parametrize('network', families.TELLING)
def test_cached_features_change_nothing_in_any_family(runs, network):
    built = {'model_name': network, 'train_image_size': families.TELLING[network]}
    compare(runs, 4, **pretrained(runs, 2, batch_size=16, **built), log_every_n_steps=1)


def test_features_are_computed_once_for_the_same_frozen_weights(runs, log):
    typed = {**HEAD, **CACHED, 'max_number_of_steps': 1}
    runs.train('first', **typed)
    assert 'Computed the features of 60 pictures' in log()
    runs.train('same', **typed)
    assert log().count('Computed the features') == 1
    assert 'Using the features in' in log()
    runs.train('other', **{**typed, 'seed': 8})
    assert log().count('Computed the features') == 2


def test_augmented_passes_differ_from_the_first(runs, log):
    for passes in (1, 3):
        cache = CacheOptions(cache_features=passes, features_dir=runs.path('features'))
        runs.train(f'{passes}', **HEAD, max_number_of_steps=20, cache=cache, augmentation='strong')
    assert 'pass the frozen layers 3 times' in log()
    assert len(glob.glob(os.path.join(runs.path('features'), 'drawn_train_*'))) == 3
    assert training_runs.different(runs.newest('1'), runs.newest('3'))


def test_a_resumed_run_reads_the_augmented_passes_in_the_same_order(runs):
    typed = {**HEAD, 'cache': CacheOptions(cache_features=3), 'augmentation': 'strong'}
    runs.train('whole', **typed, max_number_of_steps=20)
    runs.train('parts', **typed, max_number_of_steps=9)
    shutil.rmtree(os.path.join(runs.dataset_dir, 'features'))  # As another program may do.
    runs.train('parts', **typed, max_number_of_steps=20)
    assert training_runs.different(runs.newest('whole'), runs.newest('parts')) == []


def test_summaries_have_the_head_and_all_weights(runs):
    typed = {**HEAD, **CACHED, 'max_number_of_steps': 1, 'save_summaries_steps': 1}
    runs.train(**typed)
    tags = {
        value.tag
        for path in glob.glob(os.path.join(runs.path(), 'events*'))
        for event in tf.train.summary_iterator(path)
        for value in event.summary.value
    }
    activations = {tag for tag in tags if tag.startswith('activations/')}
    assert activations == {f'activations/{name}' for name in ('dropout3', 'Logits', 'Predictions')}
    assert 'LeNet/conv1/weights' in tags
    assert not any(tag.startswith('inputs') for tag in tags)


def test_a_damaged_record_is_replaced_as_without_the_cache(runs):
    records.flip_bit(dataset_factory.get_dataset('drawn', 'train', runs.dataset_dir).shards, 17)
    typed = {**HEAD, 'max_number_of_steps': 15}
    with pytest.raises(UserError, match='record 17 is damaged'):
        runs.train('refused', **typed, **CACHED)
    runs.train('pictures', **typed, **PICTURES, skip_damaged_records=True)
    runs.train('cached', **typed, **CACHED, skip_damaged_records=True)
    assert training_runs.different(runs.newest('pictures'), runs.newest('cached')) == []


def test_a_trained_variable_outside_the_head_is_refused(runs):
    typed = {**HEAD, 'trainable_scopes': '.*/fc4|.*/conv1'}
    message = "training changes LeNet/conv1/weights, outside the network's head"
    with pytest.raises(UserError, match=message):
        runs.train(**typed, **CACHED)


def test_a_process_of_a_cluster_is_refused(runs, monkeypatch):
    hosts = {'worker': ['localhost:1', 'localhost:2'], 'ps': ['localhost:3']}
    place = {'cluster': hosts, 'task': {'type': 'worker', 'index': 0}}
    monkeypatch.setenv('TF_CONFIG', json.dumps(place))
    with pytest.raises(UserError, match='--cache_features=1: works only in a single process'):
        runs.train(**HEAD, **CACHED)


def killed_again_and_again(runs, words, **typed):
    """Start a run, kill it with SIGKILL when its log has the first of these words, and so on.

    At the end, let it run to its end, and compare it with an uninterrupted run.
    """
    typed = {**HEAD, **typed}
    for number, each in enumerate(words):
        process = runs.start(**typed, cache_features=1, log_every_n_steps=10)
        if isinstance(each, float):
            seen = len(runs.log())
            runs.wait_for(process, rf'(?s)\A.{{{seen},}}(Computing|Continuing) ')
            time.sleep(each)
        else:
            runs.wait_for(process, each)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, f'{number}: {runs.log()}'
    last = runs.start(**typed, cache_features=1)
    assert last.wait(120) == 0, runs.log()
    shutil.rmtree(os.path.join(runs.dataset_dir, 'features'))
    runs.train('whole', **typed, **CACHED)
    assert training_runs.different(runs.newest(), runs.newest('whole')) == []


def test_a_killed_run_resumes_exactly(runs):
    words = ['Computing the features', 'global step 100: ']
    killed_again_and_again(runs, words, max_number_of_steps=2000, save_interval_steps=50)


@pytest.mark.soak
def test_a_run_that_is_killed_during_its_steps_resumes_exactly(runs):
    words = [f'global step {900 * number}: ' for number in range(1, 11)]
    killed_again_and_again(runs, words, max_number_of_steps=10_000, save_interval_steps=250)
    assert runs.log().count('Computed the features') == 1


@pytest.mark.soak
def test_a_run_that_is_killed_during_the_pass_resumes_exactly(runs, monkeypatch):
    monkeypatch.setitem(training_runs.SIZES, 'train', 1500)
    runs.dataset_dir = training_runs.pictures(runs.path('more'))
    network = {'model_name': 'mobilenet_v1', 'train_image_size': 96, 'max_number_of_steps': 50}
    flags = pretrained(runs, batch_size=16, **network)
    delays = random.Random(1)
    words = [delays.uniform(0, 4) for _ in range(10)]
    killed_again_and_again(runs, words, **flags)
    assert runs.log().count('Computed the features') == 1
