"""Build a network by its name: the functions behind the table in `model_specs`."""

import importlib
import inspect

import tf_slim as slim

from common import checks
from nets import layers, model_specs
from nets.drop_path import drop_path

# The table and its look-up are here too, where TF-Slim's users look for networks.
MODELS = model_specs.MODELS
get_spec = model_specs.get_spec


def _function(spec, name):
    return getattr(importlib.import_module(f'nets.{spec.module}'), name)


# Programs may add networks of their own to these two.
networks_map = {name: _function(spec, spec.function) for name, spec in MODELS.items()}
arg_scopes_map = {name: _function(spec, spec.arg_scope) for name, spec in MODELS.items()}


def batch_norm_decay(name):
    """Return a network's default decay of the moving averages, or None without batch norm."""
    parameter = inspect.signature(arg_scopes_map[name]).parameters.get('batch_norm_decay')
    return parameter and parameter.default


def get_network_fn(
    name,
    num_classes,
    weight_decay=0.0,
    is_training=False,
    batch_norm_decay=None,
    frozen=None,
    dropout_seed=None,
):
    """Return a function `(images, **kwargs)` that builds the network under its own arg_scope.

    `batch_norm_decay` replaces the network's default; `frozen` is passed to `layers.batch_norm` and
    `drop_path`, `dropout_seed` to `layers.dropout` and `drop_path`. An arg_scope around the call of
    the returned function overrides the network's own.
    """
    fn = checks.lookup('network', name, networks_map)
    own = _own_arg_scope(
        arg_scopes_map[name],
        weight_decay=weight_decay,
        is_training=is_training,
        batch_norm_decay=batch_norm_decay,
    )
    with slim.arg_scope(own):
        with slim.arg_scope([layers.batch_norm, drop_path], **_given(frozen=frozen)):
            with slim.arg_scope([layers.dropout, drop_path], **_given(seed=dropout_seed)) as own:
                pass

    def network_fn(images, **kwargs):
        with slim.arg_scope(_merged(own, slim.current_arg_scope())):
            return fn(images, num_classes, is_training=is_training, **kwargs)

    network_fn.__name__ = name
    network_fn.__doc__ = fn.__doc__
    # A network that a user added to networks_map may have none.
    if hasattr(fn, 'default_image_size'):
        network_fn.default_image_size = fn.default_image_size
    return network_fn


def _given(**options):
    return {name: value for name, value in options.items() if value is not None}


def _own_arg_scope(arg_scope, **options):
    """Call a network's arg_scope function with those of the arguments that it accepts."""
    accepted = inspect.signature(arg_scope).parameters
    return arg_scope(**{k: v for k, v in _given(**options).items() if k in accepted})


def _merged(own, around):
    """Return a network's own arg_scope, extended by the one around its call.

    Entering a saved arg_scope would replace slim's whole stack and lose the outer arg_scope.
    """
    layers_set = own.keys() | around.keys()
    return {layer: {**own.get(layer, {}), **around.get(layer, {})} for layer in layers_set}
