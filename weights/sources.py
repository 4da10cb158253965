"""A file of weights: named tensors that are read one at a time, so that memory stays small."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from common import checks
from common.errors import UserError

# How the tensors of a file are named and laid out.
TORCH = 'torch'  # State dicts of PyTorch, in .pth or .safetensors.
KERAS = 'keras'  # Layers of Keras, in .h5, .weights.h5 or .keras.
SLIM = 'slim'  # The names of the networks here: checkpoints, frozen graphs, our .safetensors.

# Keys of the metadata: the content of model.json, in files that were exported here, and for graphs
# {convolution with folded weights: the last operation that was folded into them}.
DESCRIPTION = 'model.json'
FOLDED = 'folded'


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor in a file."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Source:
    """The tensors of a file, and what the file says about them."""

    path: str
    kind: str  # TORCH, KERAS or SLIM.
    tensors: Mapping[str, Tensor]
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()  # What was chosen in the file, for the log.

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor; a missing one is a UserError that names similar ones."""
        return self._tensor(name).shape

    def read(self, name: str) -> np.ndarray:
        """Return a tensor as float32."""
        return np.asarray(self._tensor(name).read(), np.float32)

    def _tensor(self, name: str) -> Tensor:
        if name not in self.tensors:
            raise UserError(f'{self.path}: {checks.unknown("tensor", name, self.tensors)}')
        return self.tensors[name]
