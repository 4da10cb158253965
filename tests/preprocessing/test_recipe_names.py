import pytest

from common.errors import UserError
from nets import model_specs
from preprocessing import recipe_names


@pytest.mark.parametrize('network', model_specs.MODELS)
def test_a_network_has_a_recipe(network):
    assert recipe_names.recipe_of(network) in recipe_names.RECIPES


@pytest.mark.parametrize('name', recipe_names.RECIPES)
def test_a_recipe_s_own_name_is_accepted(name):
    assert recipe_names.recipe_of(name) == name


def test_an_unknown_name_lists_the_known_ones_once():
    with pytest.raises(UserError, match=r"preprocessing 'lenett'.*nearest first: lenet, ") as info:
        recipe_names.recipe_of('lenett')
    listed = str(info.value).split('nearest first: ')[1].split(', ')
    assert sorted(listed) == sorted({*model_specs.MODELS, *recipe_names.RECIPES})
