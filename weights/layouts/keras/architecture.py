"""An architecture of Keras Applications: its layers in order, and how a file is recognised."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weights.layouts.layout import MINUS_ONE_TO_ONE, Layer, Layout, Normalisation
from weights.sources import KERAS, Source

CONVOLUTION, DEPTHWISE, SEPARABLE, NORM, DENSE = KINDS = (
    'convolution',
    'depthwise',
    'separable',
    'norm',
    'dense',
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layers:
    """The layers of a network here in the order of Keras, without those behind its features."""

    convolution: Sequence[str] = ()  # Variables.
    depthwise: Sequence[str] = ()  # Variables.
    separable: Sequence[tuple[str, str]] = ()  # Variables: (depthwise, pointwise).
    norm: Sequence[str] = ()  # Scopes.
    # Variable -> what makes up for a difference before it: `Layer.scale`.
    scales: Mapping[str, float] = dataclasses.field(default_factory=dict)
    # Variables of the layers behind the features, which a model with include_top=False lacks:
    # convolutions of 1x1 here, which are dense in Keras or not.
    top: Sequence[str] = ()

    def of(self, kind):
        """Return the names of a kind of layer that are not behind the features."""
        return getattr(self, kind, ())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network of Keras Applications and the equal network here."""

    name: str  # As people call it: 'MobileNet 0.25'.
    function: str  # In keras.applications.
    module: str  # In keras.applications: its preprocess_input prepares pictures.
    network: str  # Here.
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # Of the function.
    parameters: int  # Without the layers behind the features; no two architectures share it.
    layers: Callable[[str], Layers]
    flattened: tuple[int, int, int] | None = None  # The map that the first dense layer reads.
    epsilon: float = 1e-3
    normalisation: Normalisation = MINUS_ONE_TO_ONE
    image_size: int = 224
    rescales: bool = False  # Whether the network itself brings pixels from 0 to 255 to -1 to 1.
    # The network here whose pools leave out the padding, which Keras counts. The published weights
    # were trained with it.
    trained_as: str | None = None
    multiple: int = 1  # Of the sides of pictures for which the networks are equal.
    note: str = ''

    @property
    def networks(self):
        """Return the networks here, the equal one first."""
        return (self.network, self.trained_as) if self.trained_as else (self.network,)

    def layout(self):
        """Return the Layout of the files."""
        return Layout(
            name=f'{self.name} of Keras',
            kind=KERAS,
            networks=self.networks,
            fits=self.fits,
            layers=self.place,
            epsilon=self.epsilon,
            normalisation=self.normalisation,
            image_size=self.image_size,
            note=self.note,
        )

    def fits(self, source: Source):
        """Return whether a file has this network, with one layer for the classes."""
        found = by_kind(source)
        top = self.top(found)
        return top is not None and len(top) == len(self.layers(self.network).top)

    def has_body(self, source: Source):
        """Return whether a file has this network, whatever follows its features."""
        return self.top(by_kind(source)) is not None

    def top(self, found):
        """Return the layers behind the features among {kind: {layer: shapes}}, or None.

        None says that the others are not those of this architecture.
        """
        layers, rest, parameters = self.layers(self.network), {}, 0
        for kind in (*KINDS, OTHER):
            names = list(found.get(kind, ()))
            count = len(layers.of(kind))
            if len(names) < count:
                return None
            parameters += sum(_size(found[kind][name]) for name in names[:count])
            rest[kind] = names[count:]
        if parameters != self.parameters or any(rest[kind] for kind in _NEVER_BEHIND):
            return None
        return rest[CONVOLUTION] + rest[DENSE]

    def place(self, network, source: Source):
        """Return the layers of a network here and in a file."""
        found, layers, placed = by_kind(source), self.layers(network), []
        for kind in KINDS:
            for here, there in zip(layers.of(kind), found.get(kind, ()), strict=False):
                scale = layers.scales.get(here, 1.0)
                placed.append(_layer(kind, here, there, scale))
        for number, pair in enumerate(zip(layers.top, self.top(found) or (), strict=True)):
            placed.append(Layer([pair], flattened=None if number else self.flattened))
        return placed


OTHER = 'other'
_NEVER_BEHIND = (DEPTHWISE, SEPARABLE, NORM, OTHER)


def by_kind(source: Source) -> dict[str, dict[str, list[tuple[int, ...]]]]:
    """Return the layers of a file: {kind: {layer: the shapes of its tensors}}, in their order."""
    layers: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, tensor in source.tensors.items():
        layer, _, last = name.rpartition('/')
        layers.setdefault(layer, {})[last] = tensor.shape
    found: dict[str, dict[str, list[tuple[int, ...]]]] = {}
    for layer, shapes in layers.items():
        found.setdefault(_kind(shapes), {})[layer] = list(shapes.values())
    return found


def _kind(shapes):
    """Return the kind of a layer from {name of a tensor: its shape}."""
    if 'pointwise_kernel' in shapes:
        return SEPARABLE
    if 'depthwise_kernel' in shapes:
        return DEPTHWISE
    if 'moving_mean' in shapes:
        return NORM
    return {2: DENSE, 4: CONVOLUTION}.get(len(shapes.get('kernel', ())), OTHER)


def _layer(kind, here, there, scale):
    if kind == NORM:
        return Layer(norm=(here, there))
    names = here if kind == SEPARABLE else (here,)
    return Layer([(name, there) for name in names], scale=scale)


def _size(shapes):
    return sum(math.prod(shape) for shape in shapes)
