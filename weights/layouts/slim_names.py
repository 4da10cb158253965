"""Files that have the variables of a network here under their own names."""

from common.errors import UserError
from nets import model_specs
from weights.layouts.layout import Layer, Layout
from weights.sources import SLIM

_WEIGHTS = ('weights', 'depthwise_weights', 'pointwise_weights')
# What training adds to the variables of a network.
_OF_TRAINING = (
    r'(.*/)?(global_step|ExponentialMovingAverage|Momentum|RMSProp(_1)?|Adam(_1)?|Adagrad|'
    r'Adadelta(_1)?|Ftrl(_1)?|beta[12]_power)(:0)?$'
)


def _networks(source):
    """List the networks whose variables a file may have, from their common scope."""
    roots = {name.split('/')[0] for name in source.tensors}
    return [name for name, spec in model_specs.MODELS.items() if spec.scope in roots]


def _layers(network, source):
    if network not in _networks(source):
        raise UserError(f'{source.path}: has no variables of {network}')
    layers = []
    for name in source.tensors:
        scope, _, role = name.rpartition('/')
        if role in _WEIGHTS:
            layers.append(Layer([(name, scope)]))
        elif role == 'moving_mean':
            layers.append(Layer(norm=(scope, scope)))
    return layers


LAYOUTS = (
    Layout(
        name='TF-Slim',
        kind=SLIM,
        networks=tuple(model_specs.MODELS),
        fits=lambda source: bool(_networks(source)),
        layers=_layers,
        epsilon=None,
        normalisation=None,
        image_size=None,
        ignored=_OF_TRAINING,
    ),
)
