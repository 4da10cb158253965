"""The tables of recipes: every network has one, and the documented one is the real one."""

import pytest

from nets import nets_factory, released
from support.checkout import ROOT
from training.jobs import recipes


@pytest.mark.parametrize('network', sorted(nets_factory.MODELS))
def test_every_network_has_a_recipe(network):
    flags = recipes.from_scratch(network, 'my_flower_5')
    names = [flag.split('=')[0].removeprefix('--') for flag in flags]
    assert {'batch_size', 'optimizer', 'learning_rate'} <= set(names)
    assert len(names) == len(set(names))
    assert {'num_epochs', 'max_number_of_steps'} & set(names)
    if released.by_network(network):
        recipe = recipes.fine_tuning(network)
        assert recipe.head.steps > recipe.all_layers.steps
        assert recipe.head.rate > recipe.all_layers.rate
        assert '--batch_size=32' in recipe.flags()


def test_a_network_of_no_row_has_no_fine_tuning():
    assert recipes.fine_tuning('lenet') is None


def test_a_stage_is_given_as_flags():
    stage = recipes.fine_tuning('inception_v4').all_layers
    assert stage.flags() == ['--max_number_of_steps=500', '--learning_rate=0.0001']


def test_the_recipe_of_the_sample_flowers_is_the_documented_one():
    flags = recipes.from_scratch('mobilenet_v1_025', 'sample_flowers')
    documented = (ROOT / 'docs' / 'training.md').read_text().split('## Three ways to begin')[1]
    command = documented.split('```')[1].replace('\\\n', ' ').split('train_image_classifier.py')[1]
    # The network's usual number of pictures a step is not written there.
    assert {flag for flag in flags if flag != '--batch_size=32'} <= set(command.split())


@pytest.mark.parametrize('typed', ['--optimizer=rmsprop', '--optimizer=adamw'])
def test_only_adam_gets_the_small_epsilon(typed):
    assert '--opt_epsilon=1e-8' in recipes.optimizer([])
    assert '--opt_epsilon=1e-8' in recipes.optimizer(['--optimizer', 'adam'])
    assert '--opt_epsilon=1e-8' not in recipes.optimizer([typed])
