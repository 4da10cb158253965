"""The names of the preprocessing recipes; they load without TensorFlow."""

from common import checks
from common.errors import UserError
from nets import model_specs

# A recipe is a module of this package: `inception` is in inception_preprocessing.py.
RECIPES = ('cifarnet', 'inception', 'lenet', 'torch', 'vgg')


def known():
    """List the names that `recipe_of` accepts."""
    return list(dict.fromkeys([*model_specs.MODELS, *RECIPES]))


def recipe_of(name):
    """Return the name of a recipe, given that name or the name of a network."""
    if name in RECIPES:
        return name
    if name not in model_specs.MODELS:
        raise UserError(checks.unknown('preprocessing', name, known()))
    return model_specs.MODELS[name].preprocessing
