"""The parts of a recipe, which pictures and batches have in common."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A recipe: a function for a decoded picture, and the steps of its training part.

    An input pipeline runs the steps separately: `window` before decoding, so that only the window
    is decoded, `fit` for each picture, and `finish` for whole batches.
    """

    # (image, height, width, is_training=..., use_grayscale=..., **options) -> network input.
    preprocess_image: Callable
    # (shape, height, width, seed, draws) -> [top, left, height, width]; None: the whole picture.
    window: Callable | None
    # (picture, height, width, draws) -> picture of the network's size, same range of values.
    fit: Callable
    # (float pictures with values 0 .. 255, draws) -> network input.
    finish: Callable
    # Whether `fit` interpolates, so that its values are not whole numbers.
    interpolates: bool
