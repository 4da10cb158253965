"""Files with the names of the networks here: checkpoints of TF-Slim of any age, frozen graphs."""

from common.errors import UserError
from nets import model_specs
from weights.layouts.layout import Layer, Layout
from weights.sources import SLIM

_CONVOLUTIONS = ('weights', 'depthwise_weights', 'pointwise_weights')
_STATISTICS = 'moving_variance'


def has_head(network, source):
    """Return whether a file has tensors in the scope of a network's last layer."""
    head = f'{model_specs.get_spec(network).head}/'
    return any(name.startswith(head) for name in source.tensors)


def layers(network, source):
    """Return the layers that a file has; each has the same name here and there."""
    if not has_head(network, source):
        raise UserError(f'{source.path}: has no variables of {network}')
    scopes = {}
    for name in source.tensors:
        scope, _, role = name.rpartition('/')
        scopes.setdefault(scope, set()).add(role)
    found = []
    for scope, roles in scopes.items():
        convolutions = [(f'{scope}/{role}', scope) for role in _CONVOLUTIONS if role in roles]
        norm = f'{scope}/BatchNorm'
        if convolutions:
            has_norm = _STATISTICS in scopes.get(norm, ())
            found.append(Layer(convolutions, (norm, norm) if has_norm else None))
        elif _STATISTICS in roles and not _has_convolution(scope.rpartition('/')[0], scopes):
            found.append(Layer((), (scope, scope)))
    return found


def _has_convolution(scope, scopes):
    return not scopes.get(scope, set()).isdisjoint(_CONVOLUTIONS)


def require_statistics(source, target):
    """Raise a UserError if a graph lacks the batch norms that the network has."""
    needed, is_there = (
        any(name.endswith(f'/{_STATISTICS}') for name in names)
        for names in (target.variables, source.tensors)
    )
    if source.metadata.get('is_graph') and needed and not is_there:
        raise UserError(
            f'{source.path}: its batch norms are folded into the weights before them; '
            'name the checkpoint that it was made from, or a graph without this optimisation'
        )


LAYOUTS = (
    Layout(
        name='TF-Slim',
        kind=SLIM,
        networks=tuple(model_specs.MODELS),
        fits=lambda source: any(has_head(network, source) for network in model_specs.MODELS),
        layers=layers,
        epsilon=None,
        normalisation=None,
        image_size=None,
        # In the archives of VGG and ResNet v1: what their preprocessing subtracts.
        ignored=r'.*/mean_rgb$',
    ),
)
