"""Choose the preprocessing that gives a network what its weights were trained with.

Other programs normalise as (pixel / 255 - mean) / deviation. If that differs from a recipe here by
a factor, or if the first layer does not pad the pictures, the difference is moved exactly into the
first layer: `InputChange`. A layer that pads sees zeros at the border before and after the change,
so that another mean would give other results there.
"""

import dataclasses

import numpy as np

from common.errors import UserError
from nets import model_specs
from preprocessing import arrays, recipe_names
from weights.layouts.layout import IMAGENET, MINUS_ONE_TO_ONE, Normalisation

_LENET = arrays.LENET_SCALE / 255
# Recipe -> what it computes. Recipes that use each picture's own statistics are not here.
RECIPES = {
    'inception': MINUS_ONE_TO_ONE,
    'lenet': Normalisation((_LENET,) * 3, (_LENET,) * 3),
    'torch': IMAGENET,
    'vgg': Normalisation(tuple(mean / 255 for mean in arrays.vgg_means(3)), (1 / 255,) * 3),
}
# Means that differ by less than this share of a pixel's range count as equal: the same means were
# rounded in several ways.
_SAME_MEAN = 0.01 / 255


@dataclasses.dataclass(frozen=True)
class InputChange:
    """What weights were trained with, from what the recipe here gives: x * factor + offset."""

    factors: np.ndarray  # By channel: red, green, blue.
    offsets: np.ndarray
    is_bgr: bool = False  # The weights expect blue first.

    @property
    def is_none(self):
        """Return whether nothing changes."""
        return not self.is_bgr and not self.offsets.any() and bool((self.factors == 1).all())

    def apply(self, weights):
        """Return (the first layer's weights [h, w, in, out] for the recipe, the added bias)."""
        weights = weights.astype(np.float64)
        if self.is_bgr:
            weights = weights[:, :, ::-1]
        # In depthwise weights the outputs of a channel depend on that channel alone.
        bias = np.einsum('hwio,i->io', weights, self.offsets[: weights.shape[2]])
        return weights * self.factors[: weights.shape[2], None], bias


def change(expected, recipe):
    """Return the InputChange from a recipe here to the Normalisation that weights expect."""
    given = RECIPES[recipe]
    deviation = np.array(expected.deviation)
    differences = np.array(given.mean) - np.array(expected.mean)
    differences[np.abs(differences) < _SAME_MEAN] = 0
    factors = np.array(given.deviation) / deviation
    factors[np.abs(factors - 1) < 1e-6] = 1
    return InputChange(factors, differences / deviation, expected.is_bgr)


def choose(layout, target, requested=None):
    """Return (name of the recipe, InputChange): the network's own if that can be exact."""
    own = model_specs.get_spec(target.name).preprocessing
    if layout.normalisation is None:
        return requested or own, InputChange(np.ones(3), np.zeros(3))
    if requested:
        names = [requested]
    else:
        others = [name for name in RECIPES if name not in (own, 'lenet')]
        names = [own, *sorted(others, key=lambda name: not _gives(name, layout))]
    for name in names:
        recipe = recipe_names.recipe_of(name)
        if recipe not in RECIPES:
            continue
        needed = change(layout.normalisation, recipe)
        if _is_exact(needed, target):
            return name, needed
    raise UserError(_unsuitable(layout, target, requested))


def _is_exact(needed, target):
    """Return whether the first layer can take over a change."""
    if needed.is_bgr and target.first.endswith('depthwise_weights'):
        return False  # It would exchange the outputs too.
    return not needed.offsets.any() or not target.pads


def _gives(recipe, layout):
    """Return whether a recipe gives what the weights of a layout expect, without a change."""
    return change(layout.normalisation, recipe).is_none


def _unsuitable(layout, target, requested):
    mean, deviation = layout.normalisation.mean, layout.normalisation.deviation
    needs = f'{layout.name} needs mean {mean} and deviation {deviation}'
    if requested:
        return f'--preprocessing_name={requested}: {needs}, which {target.name} cannot have then'
    return f'{target.name}: {needs}, which no preprocessing here gives'


def line(layout, target, recipe, needed):
    """Return what was decided, for the log."""
    own = model_specs.get_spec(target.name).preprocessing
    if needed.is_none:
        trained = f'{layout.name} was' if layout.normalisation else 'the weights were'
        why = 'the usual one' if recipe == own else f'as {trained} trained'
        return f'preprocessing: {recipe} ({why})'
    what = 'order of colours' if needed.is_bgr else 'mean and deviation'
    return f'preprocessing: {recipe}; another {what} is folded exactly into {target.first}'
