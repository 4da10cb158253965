"""Every family of networks trains, at its smallest size and with its own recipe."""

import shutil

import pytest

from nets import nets_factory
from support import families, training_runs

# test_registry.py takes a step with one of each family, and test_train_exact.py trains one with
# batch norm.
QUICK = ('lenet', 'cifarnet')
WITHOUT_BATCH_NORM = ('alexnet_v2', 'cifarnet', 'lenet', 'overfeat', 'vgg_a')


@pytest.mark.parametrize('sizes', [families.SMALLEST, families.TELLING])
def test_no_family_is_forgotten(sizes):
    assert families.families_of(sizes) == families.families_of(nets_factory.MODELS)


@pytest.mark.parametrize(
    'name',
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.soak) for n in families.SMALLEST],
)
def test_a_network_trains(runs, name):
    size = families.SMALLEST[name]
    # With few enough pixels for a picture to be one value of a batch norm.
    batch_size = 2 if name in WITHOUT_BATCH_NORM else families.FEWEST_VALUES
    options = {'model_name': name, 'train_image_size': size, 'batch_size': batch_size}
    assert runs.train(max_number_of_steps=3, seed=1, **options) == 0
    assert runs.newest().step == 3
    assert training_runs.is_finite(runs.newest())
    # Half a gigabyte for VGG, which pytest would keep.
    shutil.rmtree(runs.path())
