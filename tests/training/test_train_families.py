"""Every family of networks trains, at its smallest size and with its own recipe."""

import shutil

import pytest

from nets import nets_factory
from support import training_runs

# Network -> the side of small pictures that it still takes.
SMALL = {
    'alexnet_v2': 195,
    'cifarnet': 32,
    'inception_resnet_v2': 75,
    'inception_v1': 32,
    'inception_v2': 32,
    'inception_v3': 75,
    'inception_v4': 75,
    'lenet': 28,
    'mobilenet_v1_025': 32,
    'overfeat': 231,
    'resnet_v1_50': 32,
    'resnet_v2_50': 32,
    'vgg_a': 224,
}


def family(name):
    return nets_factory.get_spec(name).fn.__module__, nets_factory.get_spec(name).arg_scope


def test_no_family_is_forgotten():
    assert {family(name) for name in SMALL} == {family(name) for name in nets_factory.MODELS}


@pytest.mark.parametrize('name', SMALL)
def test_a_network_trains(runs, name):
    options = {'model_name': name, 'train_image_size': SMALL[name], 'batch_size': 2}
    assert runs.train(max_number_of_steps=3, save_interval_secs=0, seed=1, **options) == 0
    assert runs.newest().step == 3
    assert training_runs.is_finite(runs.newest())
    # Half a gigabyte for VGG, which pytest would keep.
    shutil.rmtree(runs.path())
