"""The tables of recipes: every network has one, and the documented one is the real one."""

import pytest

from common.options import flags
from nets import nets_factory
from support.checkout import ROOT
from training import options
from training.jobs import recipes
from training.options import TrainOptions


@pytest.mark.parametrize('network', sorted(nets_factory.MODELS))
def test_every_network_has_a_recipe(network):
    recipe = recipes.from_scratch(network, 'my_flower_5')
    names = [flag.split('=')[0].removeprefix('--') for flag in recipe]
    assert {'batch_size', 'optimizer', 'learning_rate'} <= set(names)
    assert len(names) == len(set(names))
    assert {'num_epochs', 'max_number_of_steps'} & set(names)


def test_a_fit_gets_no_flag_about_steps():
    declared = flags(TrainOptions)
    known = {name for flag in declared for name in (flag.name, *flag.older)}
    groups = (options.RATE, options.OPTIMIZER)
    found = [flag for flag in declared if flag.group in groups]
    about_steps = {name for flag in found for name in (flag.name, *flag.older)}
    assert about_steps - set(recipes.ONLY_FOR_STEPS) == {'mixed_precision'}
    assert set(recipes.ONLY_FOR_STEPS) <= known


def test_the_recipe_of_the_sample_flowers_is_the_documented_one():
    recipe = recipes.from_scratch('mobilenet_v1_025', 'sample_flowers')
    documented = (ROOT / 'docs' / 'training.md').read_text().split('## Three ways to begin')[1]
    command = documented.split('```')[1].replace('\\\n', ' ').split('train_image_classifier.py')[1]
    # The network's usual number of pictures a step is not written there.
    assert {flag for flag in recipe if flag != '--batch_size=32'} <= set(command.split())


@pytest.mark.parametrize('typed', ['--optimizer=rmsprop', '--optimizer=adamw'])
def test_only_adam_gets_the_small_epsilon(typed):
    assert '--opt_epsilon=1e-8' in recipes.optimizer([])
    assert '--opt_epsilon=1e-8' in recipes.optimizer(['--optimizer', 'adam'])
    assert '--opt_epsilon=1e-8' not in recipes.optimizer([typed])
