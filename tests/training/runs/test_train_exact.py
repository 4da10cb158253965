"""With --seed, stopping and resuming changes nothing: not one bit, on a CPU."""

import functools

import pytest

from deployment import precision
from nets.nasnet import nasnet
from support import training_runs

CLONES = {'num_clones': 2, 'clone_on_cpu': True}
CASES = {
    'averages': {'optimizer': 'adam', 'moving_average_decay': 0.9, **CLONES},
    'mixed': {'mixed_precision': True, 'optimizer': 'momentum', 'gradient_clip_norm': 1.0},
    'strong': {'optimizer': 'rmsprop', 'augmentation': 'strong', 'class_weights': 'balanced'},
}
# The network for each in the default run: once with batch norm and without dropout.
QUICK = {'averages': 'lenet', 'strong': 'mobilenet_v1_025'}
# Without batch norm, but with dropout; and the other way round.
NETWORKS = {
    'lenet': {},
    'mobilenet_v1_025': {'train_image_size': 32, 'batch_size': 16, 'batch_norm_decay': 0.9},
}


def compare(runs, steps, **typed):
    typed = {'seed': 7, 'opt_epsilon': 0.01, **typed}
    runs.train('whole', max_number_of_steps=2 * steps, **typed)
    runs.train('parts', max_number_of_steps=steps, **typed)
    runs.train('parts', max_number_of_steps=2 * steps, **typed)
    assert training_runs.different(runs.newest('whole'), runs.newest('parts')) == []


@pytest.mark.parametrize('case', QUICK)
def test_a_resumed_run_equals_an_uninterrupted_one(runs, case):
    network = QUICK[case]
    compare(runs, 2, model_name=network, **NETWORKS[network], **CASES[case])


def test_scaled_losses_are_resumed_too(runs, monkeypatch):
    """As on a GPU; the scale is a variable like any other."""
    monkeypatch.setattr(precision, 'choose', lambda has_gpu: 'float16')
    compare(runs, 2, **CASES['mixed'])
    assert 'current_loss_scale' in training_runs.variables(runs.newest('parts'))


@pytest.mark.soak
@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('network', NETWORKS)
def test_long_runs_repeat(runs, network, case):
    compare(runs, 40, model_name=network, **NETWORKS[network], **CASES[case])


def test_another_seed_gives_another_run(runs):
    runs.train('one', max_number_of_steps=2, seed=1)
    runs.train('two', max_number_of_steps=2, seed=2)
    assert training_runs.different(runs.newest('one'), runs.newest('two'))


@pytest.mark.soak
def test_dropped_paths_are_resumed(runs, monkeypatch):
    config = functools.partial(
        nasnet.Config,
        num_cells=3,
        num_conv_filters=8,
        stem_multiplier=1.0,
        drop_path_keep_prob=0.3,
        total_training_steps=2,
    )
    monkeypatch.setattr(nasnet, 'cifar_config', config)
    compare(runs, 3, model_name='nasnet_cifar', batch_size=16)
