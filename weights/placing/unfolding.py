"""Batch norms for the weights in a frozen graph into which they were folded.

freeze_graph.py scales the weights of a convolution, and adds one vector in place of the batch norm.
A batch norm with mean 0, deviation 1 and this vector as its offset gives the same results.
"""

import dataclasses
import functools

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import build
from classifiers.model_info import ModelInfo
from common.errors import UserError
from nets import model_specs
from weights.placing import target
from weights.sources import FOLDED, Tensor

_NOTE = 'its batch norms were folded into the weights, so they begin with mean 0 and deviation 1'


def unfolded(source, network):
    """Return a Source with the variables of a network in place of folded weights."""
    results = source.metadata.get(FOLDED)
    if not results:
        return source
    tensors = dict(source.tensors)
    with tf.Graph().as_default() as graph:
        spec = model_specs.get_spec(network)
        info = ModelInfo(network, 2, spec.image_size, spec.channels, spec.preprocessing)
        build.build(info, with_bytes=False)
        for convolution, result in results.items():
            names = [f'{convolution}/folded_{role}' for role in ('weights', 'biases')]
            if not tensors.keys() >= set(names):
                continue  # --rename has left them out.
            weights, biases = map(tensors.pop, names)
            try:
                layer = _Layer.between(graph, convolution, result)
            except LookupError:
                raise UserError(
                    f'{source.path}: {convolution} is folded in another way than in {network}; '
                    'name the checkpoint that it was made from'
                ) from None
            tensors.update(layer.variables(weights, biases))
    return dataclasses.replace(source, tensors=tensors, notes=(*source.notes, _NOTE))


@dataclasses.dataclass(frozen=True)
class _Layer:
    """A convolution, what adds to its result, and a constant factor."""

    weights: str
    biases: str = ''
    norm: str = ''  # The scope of the batch norm.
    epsilon: float = 0.0
    has_gamma: bool = False
    factor: float = 1.0

    @classmethod
    def between(cls, graph, convolution, result):
        """Follow the graph from a convolution to an operation; a LookupError if it is not there."""
        operation = graph.get_operation_by_name(convolution)
        layer = cls(target.variable_of(operation.inputs[1]))
        while operation.name != result:
            (operation,) = _followers(operation)
            layer = layer._with(operation)
        return layer

    def _with(self, operation):
        if operation.type == 'BiasAdd':
            return dataclasses.replace(self, biases=target.variable_of(operation.inputs[1]))
        if operation.type == 'Mul':
            factors = [
                value for value in map(tf.get_static_value, operation.inputs) if value is not None
            ]
            if len(factors) != 1:
                raise LookupError(operation.name)
            return dataclasses.replace(self, factor=self.factor * float(factors[0]))
        gamma, beta = map(target.variable_of, operation.inputs[1:3])
        return dataclasses.replace(
            self,
            norm=beta.rpartition('/')[0],
            epsilon=operation.get_attr('epsilon'),
            has_gamma=bool(gamma),
        )

    def variables(self, weights, biases):
        """Return {name: Tensor} that give the results of the folded weights and biases."""
        found = {
            self.weights: self._divided(weights),
            self.biases or f'{self.norm}/beta': self._divided(biases),
        }
        if self.norm:
            constants = {'moving_mean': 0.0, 'moving_variance': 1.0 - self.epsilon}
            if self.has_gamma:
                constants['gamma'] = 1.0
            for role, value in constants.items():
                found[f'{self.norm}/{role}'] = Tensor(
                    biases.shape, functools.partial(np.full, biases.shape, value, np.float32)
                )
        return found

    def _divided(self, tensor):
        return Tensor(tensor.shape, lambda: tensor.read() / np.float32(self.factor))


def _followers(operation):
    """Return the one operation that scales or shifts a result; a LookupError for others."""
    found = [
        each
        for each in operation.outputs[0].consumers()
        if each.type in ('BiasAdd', 'Mul') or each.type.startswith('FusedBatchNorm')
    ]
    if len(found) != 1:
        raise LookupError(operation.name)
    return found
