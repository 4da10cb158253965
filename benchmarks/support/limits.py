"""Limits of a network with random weights, as large as those that calibration writes."""

import numpy as np

from heads.limits import candidates, measures
from heads.limits.limits import FEATURES, Limits, Term

_PICTURES = 300
_KNOTS = 256


def layers(info):
    """Return {layer: (number of channels, name of its tensor)} of the layers that limits read."""
    import tensorflow.compat.v1 as tf

    from classifiers import build
    from nets import nets_factory

    with tf.Graph().as_default():
        network = build.build(info, with_bytes=False).network
    found = {FEATURES: network.features}
    for name in nets_factory.get_spec(info.model_name).earlier:
        found[name] = network.end_points[name]
    return {name: (tensor.shape[-1], tensor.name) for name, tensor in found.items()}


def random_limits(info, number=0):
    """Return Limits with the terms of a candidate of calibration, by its number."""
    generator, found = np.random.default_rng(0), layers(info)
    widths = {layer: width for layer, (width, _) in found.items()}
    widths[measures.LOGITS] = info.num_classes
    outputs = np.arange(_PICTURES) % info.num_classes
    terms = []
    for name, layer in candidates.all_of(tuple(found)[1:])[number].terms:
        rows = generator.normal(1, 1, [_PICTURES, widths[layer]])
        fitted = measures.MEASURES[name].fit(rows, outputs)
        arrays = {key: np.asarray(value, np.float32) for key, value in fitted.items()}
        terms.append(Term(name, layer, arrays, 1.5, 0.5))
    return Limits(
        temperature=1.3,
        terms=tuple(terms),
        threshold=2.0,
        knots=np.linspace(-2, 4, _KNOTS, dtype=np.float32),
        p_values=np.linspace(1, 0.01, _KNOTS, dtype=np.float32),
        accept_known=0.95,
        sets=None,
        num_held_out=_PICTURES,
        layers={layer: name for layer, (_, name) in found.items() if layer != FEATURES},
    )
