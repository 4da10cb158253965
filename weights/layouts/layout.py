"""What a layout consists of: pairs of a layer here and the modules of the same layer elsewhere.

    Layer([('InceptionV4/Conv2d_1a_3x3/weights', 'features.0.conv')],
          ('InceptionV4/Conv2d_1a_3x3/BatchNorm', 'features.0.bn'))

`weights/placing/placement.py` turns a Layer into variables: it transposes the weights, and folds
what the other program has and the network here has not: biases before a batch norm, a gamma where
batch norm has none here, another epsilon. All of this is exact.
"""

import dataclasses
from collections.abc import Callable, Sequence

from weights.sources import Source


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer here and elsewhere.

    `convolutions` are pairs (variable here, module elsewhere) in the order in which they are
    applied, mostly one; a separable convolution has two. A variable `.../biases` is placed with the
    `.../weights` beside it. `norm` is the pair of the batch norm that follows them; a batch norm
    that follows no convolution is a Layer of its own.
    """

    convolutions: Sequence[tuple[str, str]] = ()
    norm: tuple[str, str] | None = None
    # For a dense layer elsewhere that reads a flattened map: its (height, width, channels).
    flattened: tuple[int, int, int] | None = None
    # The weights and biases here are those elsewhere times this.
    scale: float = 1.0


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """What a network expects: (pixel / 255 - mean) / deviation, channel by channel."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    is_bgr: bool = False  # Blue comes first; mean and deviation are still red, green, blue.


MINUS_ONE_TO_ONE = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layout:
    """How a kind of file has the layers of some networks."""

    name: str  # As people call it: 'timm inception_v4'.
    kind: str  # Of its Source: sources.TORCH, KERAS or SLIM.
    networks: tuple[str, ...]  # The networks here.
    # Tells whether a file has this layout, from its names and shapes alone. If a layout has several
    # networks, a file is of those in whose `layers` every module exists.
    fits: Callable[[Source], bool]
    # (network, source) -> the layers. All variables of the network must be in exactly one; those of
    # an auxiliary head may be missing, if the file has none.
    layers: Callable[[str, Source], Sequence[Layer]]
    # None means as in the network here: epsilon of the batch norms, preprocessing, image size.
    epsilon: float | None
    normalisation: Normalisation | None
    image_size: int | None
    # Pattern of the tensors of a file that have no counterpart here, for `re.match`.
    ignored: str = ''
    note: str = ''  # How these weights differ from those of TF-Slim, for --list.
    # For --verify: pairs (package, name there) that build the network, the likelier first.
    built_by: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class Different:
    """A network elsewhere that has no equal here."""

    name: str  # As people call it: 'Keras ResNet50'.
    kind: str  # Of its Source.
    fits: Callable[[Source], bool]  # Whether a file is of it, from its names and shapes alone.
    why: str  # One sentence without a full stop: what differs, and what to use instead.
