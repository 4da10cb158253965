"""The names and shapes in the state dicts of other programs, without their weights."""

import gzip
import json

import numpy as np

from nets import model_specs
from support import reference
from support.checkout import GOLDEN
from weights.placing.target import Target
from weights.sources import TORCH, Source, Tensor

FOLDER = GOLDEN / 'state_dicts'
_IMAGENET = 1000


def names():
    """List the state dicts: `timm_vgg16`, `torchvision_vgg16`, ..."""
    return sorted(path.name.removesuffix('.json.gz') for path in FOLDER.glob('*.json.gz'))


def shapes(name):
    """Return {name of a tensor: its shape} of a state dict with ImageNet's 1,000 classes."""
    content = json.loads(gzip.decompress((FOLDER / f'{name}.json.gz').read_bytes()))
    return {tensor: tuple(shape) for tensor, shape in content.items()}


def cleaned(shapes):
    """Return the tensors of a state dict that results depend on."""
    return {
        name: tuple(shape)
        for name, shape in shapes.items()
        if not name.endswith('num_batches_tracked')
    }


def source(name, path=None, **changes):
    """Return a file with these tensors; `changes` are other shapes by name, None to leave out."""
    found = {**shapes(name), **{key.replace('__', '.'): value for key, value in changes.items()}}
    tensors = {
        tensor: Tensor(shape, lambda shape=shape: np.zeros(shape, np.float32))
        for tensor, shape in found.items()
        if shape is not None
    }
    return Source(path or f'{name}.safetensors', TORCH, tensors)


def target(network, with_auxiliary_head):
    """Return a network with 1,000 classes as a Target, without building it."""
    facts = reference.facts(network)
    spec = model_specs.get_spec(network)
    auxiliary = spec.auxiliary_head
    variables = {
        name: _with_classes(name, tuple(shape), facts['num_classes'], spec)
        for name, shape in facts['model_variables'].items()
        if with_auxiliary_head or not (auxiliary and name.startswith(f'{auxiliary}/'))
    }
    return Target(network, variables, {}, next(iter(variables)), False)


def _with_classes(name, shape, classes, spec):
    heads = [f'{scope}/' for scope in (spec.head, spec.auxiliary_head) if scope]
    if shape[-1] == classes and name.startswith(tuple(heads)):
        return (*shape[:-1], _IMAGENET)
    return shape
