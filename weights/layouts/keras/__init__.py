"""The networks of Keras Applications that are equal to a network here, and their layers.

Keras numbers layers per process (conv2d_94), so only their order is used, not their names. In all
kinds of files, the layers are sorted by their distance from the output of the model. The tables
list the layers of each network in that order, by kind: convolutions, depthwise and separable
convolutions, batch norms, dense layers. Networks that are not equal are in `different.py`.
"""

from weights.layouts.keras import different, inception, mobilenet, nasnet, plain

ARCHITECTURES = tuple(
    architecture
    for module in (inception, mobilenet, nasnet, plain)
    for architecture in module.ARCHITECTURES
)
LAYOUTS = tuple(architecture.layout() for architecture in ARCHITECTURES)
DIFFERENT = different.rows(ARCHITECTURES)


def architecture_of(network):
    """Return the Architecture whose weights fit a network here, or None."""
    return next((each for each in ARCHITECTURES if network in each.networks), None)
