"""Networks of PyTorch with random weights, in a process of their own.

torchvision crashes in a process in which TensorFlow was loaded before it.
"""

import dataclasses
import json
import subprocess
import sys

import numpy as np

from weights.verification import pictures

_START = (
    'import json, sys; request = json.loads(sys.stdin.read()); sys.path[:] = request["path"]; '
    'from support.pytorch import random_models; random_models.child(request)'
)
_COUNT = 2


@dataclasses.dataclass(frozen=True)
class RandomModel:
    """A file of a network with random weights, and the logits that PyTorch computes with them."""

    path: str
    size: int
    pictures: np.ndarray
    logits: np.ndarray


def write(package, name, directory, size=None, **options):
    """Write `NAME.safetensors`, or `NAME.pth` for torchvision, and return its RandomModel.

    `options` are arguments of the network; `mean` and `std` say how pictures are normalised, and
    `counts_padding=False` that averages do not count it.
    """
    request = {
        'path': sys.path,
        'package': package,
        'name': name,
        'directory': str(directory),
        'size': size,
        'options': options,
    }
    done = subprocess.run(
        [sys.executable, '-c', _START],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    size = answer['size']
    logits = np.load(directory / 'logits.npy')
    # The pictures have other logits, so that a comparison says something.
    assert np.abs(logits[0] - logits[1]).max() > 0.01 * np.abs(logits).max()
    return RandomModel(answer['file'], size, pictures.random(size, _COUNT), logits)


def tensor_shapes(package, names):
    """Return {name of a network: {name of a tensor: shape}} without computing any weights."""
    request = {'path': sys.path, 'package': package, 'names': names}
    done = subprocess.run(
        [sys.executable, '-c', _START],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def child(request):
    """Answer a request of `write` or `tensor_shapes` on standard output."""
    from support.pytorch import torch_side

    answer = torch_side.shapes(request) if 'names' in request else torch_side.write(request)
    print(json.dumps(answer))
