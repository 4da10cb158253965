"""Programs that need the same features of a network compute them in one pass over the pictures."""

import numpy as np
import pytest

from classifiers import model_info
from datasets import dataset_factory
from heads import features
from support import families, training_runs
from training.head_only.cache_options import CacheOptions

HEAD = {'trainable_scopes': 'head', 'seed': 7, 'max_number_of_steps': 3}
MOBILENET = {'model_name': 'mobilenet_v1_025', 'train_image_size': 32, 'batch_size': 16}
# Dropout between their frozen layers changes the features in each step of training.
WITH_DROPOUT_INSIDE = {'alexnet_v2', 'cifarnet', 'overfeat', 'vgg_a'}


def train(runs, name='run', passes=1, **typed):
    cache = CacheOptions(cache_features=passes, features_dir=runs.path('features'))
    runs.train(name, **{**HEAD, **typed}, cache=cache)


def of_checkpoint(runs, name='run', directory='features', **options):
    """Return what calibration and the audit read."""
    info = model_info.read_beside(runs.path(name))
    dataset = dataset_factory.get_dataset(training_runs.DATASET, 'train', runs.dataset_dir)
    place = runs.path(directory)
    return features.of_checkpoint(info, runs.newest(name).path, dataset, place, **options)


def check_shared(runs, log):
    """The features of the checkpoint are there, and those that a pass would give."""
    passes = log().count('Computed the features')
    found = of_checkpoint(runs)
    assert log().count('Computed the features') == passes
    computed = of_checkpoint(runs, directory='others')
    assert log().count('Computed the features') == passes + 1
    assert len(found.arrays[0]) == 3
    assert list(found.arrays[0]) == list(computed.arrays[0])
    for cut, array in computed.arrays[0].items():
        np.testing.assert_array_equal(found.arrays[0][cut], array)


@pytest.mark.parametrize('network', [{}, MOBILENET], ids=['connected', 'convolution'])
def test_the_checkpoint_of_a_cached_training_needs_no_pass(network, runs, log):
    train(runs, **network)
    check_shared(runs, log)


def test_moving_averages_of_frozen_layers_are_the_same_weights(runs, log):
    train(runs, moving_average_decay=0.9)
    check_shared(runs, log)


def test_clones_and_augmented_passes_share_the_first_pass(runs, log):
    train(runs, passes=2, augmentation='strong', num_clones=2, clone_on_cpu=True)
    check_shared(runs, log)
    train(runs, 'plain')
    assert log().count('Computed the features') == 3


@pytest.mark.soak
@pytest.mark.parametrize('network', families.TELLING)
def test_any_family_shares_its_features(network, runs, log):
    train(runs, model_name=network, train_image_size=families.TELLING[network], batch_size=16)
    if network in WITH_DROPOUT_INSIDE:
        of_checkpoint(runs)
        assert log().count('Computed the features') == 2
    else:
        check_shared(runs, log)


def test_other_weights_need_a_pass(runs, log):
    train(runs)
    train(runs, 'other', seed=8)
    assert log().count('Computed the features') == 2
    of_checkpoint(runs, 'other')
    assert log().count('Computed the features') == 2
    runs.train('whole', seed=8, max_number_of_steps=1, checkpoint_path=runs.newest('other').path)
    of_checkpoint(runs, 'whole')
    assert log().count('Computed the features') == 3


def test_an_exact_fit_shares_its_features(runs, log):
    cache = CacheOptions(features_dir=runs.path('features'))
    runs.train(optimizer='lbfgs', learning_rate=0.01, seed=1, cache=cache)
    check_shared(runs, log)


@pytest.mark.soak
def test_an_exact_fit_of_two_heads_shares_the_features_of_one(runs, log):
    cache = CacheOptions(features_dir=runs.path('features'))
    network = {'model_name': 'inception_v3', 'train_image_size': 107}
    runs.train(optimizer='lbfgs', learning_rate=0.01, seed=1, cache=cache, **network)
    check_shared(runs, log)
