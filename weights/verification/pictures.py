"""Random pictures, and frames for them, so that two preprocessings give the same pixels."""

import numpy as np

from preprocessing import arrays, recipe_names

# Blocks of one colour of these sizes, so that a network sees more than noise.
_SCALES = (1, 8, 64)


def random(size, count, channels=3, seed=0):
    """Return uint8 pictures [count, size, size, channels]."""
    generator = np.random.default_rng(seed)
    total = np.zeros((count, size, size, channels), np.float32)
    for scale in _SCALES:
        blocks = -(-size // scale)
        noise = generator.uniform(0, 255, (count, blocks, blocks, channels)).astype(np.float32)
        total += noise.repeat(scale, 1).repeat(scale, 2)[:, :size, :size]
    return (total / len(_SCALES)).astype(np.uint8)


def framed(pictures, recipe):
    """Add a frame to pictures, which is all that a recipe removes: it scales nothing then."""
    size = pictures.shape[1]
    side = _side(recipe_names.recipe_of(recipe), size)
    before = (side - size) // 2
    frame = (before, side - size - before)
    return np.pad(pictures, ((0, 0), frame, frame, (0, 0)), 'edge')


def prepared(pictures, recipe, size):
    """Return the pictures as a recipe gives them to a network in evaluation."""
    return np.stack([arrays.prepare(picture, recipe, size, size) for picture in pictures])


def _side(recipe, size):
    """Return the side of a square picture of which a recipe keeps `size` pixels as they are."""
    if recipe == 'inception':
        kept = arrays.CENTRAL_FRACTION
        sides = range(size, 2 * size)
        return next(side for side in sides if side - 2 * int((side - side * kept) / 2) == size)
    if recipe == 'torch':
        return arrays.torch_side(size, size)
    if recipe == 'vgg':
        return max(arrays.vgg_scaled(arrays.VGG_SIDE, size, size), size)
    return size
