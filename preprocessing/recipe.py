"""What a recipe consists of, so that pictures and batches can be prepared by the same steps."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One recipe: its function of a decoded picture, and the steps of its training half.

    An input pipeline runs the steps apart: `window` before decoding, so that only the window is
    decoded, `fit` on each picture and `finish` on whole batches.
    """

    # (image, height, width, is_training=..., use_grayscale=..., **options) -> network input.
    preprocess_image: Callable
    # (shape, height, width, seed, draws) -> [top, left, height, width]; None takes all of it.
    window: Callable | None
    # (picture, height, width, draws) -> picture of the network's size, values as they were.
    fit: Callable
    # (float pictures with values 0 .. 255, draws) -> network input.
    finish: Callable
    # Whether `fit` interpolates, so that its values lie between whole numbers.
    interpolates: bool
