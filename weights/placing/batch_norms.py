"""Fold a batch norm of another program into the one here, so that inference gives the same.

There: gamma * (x + bias - mean) / sqrt(variance + epsilon) + beta. Here: the same with the epsilon
of the network here, without the bias, and in some networks without gamma.
"""

import numpy as np


def fold(stored, epsilon, layer, target, found, bias):
    """Return `found`, the variables of a layer's convolutions, with those of its batch norm.

    `stored` maps the roles of the variables to the values in the file, `bias` is to be added before
    the norm; an `epsilon` of None is the one here. The weights of the last convolution take over a
    gamma that has no variable here: exact in inference, and as long as the batch norm keeps its
    statistics.
    """
    scope = layer.norm[0]
    mean, variance = (np.float64(stored[role]) for role in ('moving_mean', 'moving_variance'))
    here = target.epsilons[scope]
    epsilon = here if epsilon is None else epsilon
    if not (variance + epsilon > 0).all():
        raise ValueError('a variance of its batch norm is negative')
    if bias is not None:
        mean = mean - bias
    factor = np.float64(stored.get('gamma', np.ones(mean.shape)))
    if np.float32(here) != np.float32(epsilon):
        factor = factor * np.sqrt((variance + here) / (variance + epsilon))
    if f'{scope}/gamma' in target.variables:
        found[f'{scope}/gamma'] = factor
    elif (factor != 1).any():
        found = _scaled(layer, target, found, factor)
        mean = mean * factor
    beta = stored.get('beta', np.zeros(mean.shape))
    return found | {
        f'{scope}/beta': beta,
        f'{scope}/moving_mean': mean,
        f'{scope}/moving_variance': variance,
    }


def _scaled(layer, target, found, factor):
    """Return the variables of the convolutions with the outputs of the last one scaled."""
    if not layer.convolutions:
        raise ValueError('its gamma or epsilon has no place in a network without gamma here')
    last = layer.convolutions[-1][0]
    weights = np.float64(found[last])
    if last.endswith('depthwise_weights'):
        factor = factor.reshape(weights.shape[2:])
    scaled = {last: weights * factor}
    biases = f'{last.rpartition("/")[0]}/biases'
    if biases in found:
        scaled[biases] = found[biases] * factor.ravel()
    return found | scaled
