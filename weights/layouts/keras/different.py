"""Networks of Keras Applications that are not equal to any network here, and why."""

from weights.layouts.keras.architecture import CONVOLUTION, DEPTHWISE, NORM, SEPARABLE, by_kind
from weights.layouts.layout import Different
from weights.sources import KERAS

_COUNTED = (CONVOLUTION, DEPTHWISE, SEPARABLE, NORM)
# Network -> the number of its convolutions; it has as many batch norms.
_RESNETS = {'50': 53, '101': 104, '152': 155}
_DENSENETS = {'DenseNet121': 120, 'DenseNet169': 168, 'DenseNet201': 200}
_NO_SUCH = 'there is no such network here'


def rows(architectures):
    """Return the rows of `weights/layouts/different.py`; the first that fits is the reason."""
    return (
        *(_resnet(depth, count) for depth, count in _RESNETS.items()),
        *(
            _by_counts(f'{name} of Keras', (n, 0, 0, n + 1), _NO_SUCH)
            for name, n in _DENSENETS.items()
        ),
        _by_counts('Xception of Keras', (6, 0, 34, 40), _NO_SUCH),
        _by_name('EfficientNet of Keras', ('stem_conv', 'stem_bn')),
        _by_name('ConvNeXt of Keras', ('convnext',)),
        _row(
            'a network of Keras with include_top=False',
            lambda source: any(each.top(by_kind(source)) == [] for each in architectures),
            'its last layer is missing, so it has no classes; name a file of the whole network',
        ),
        _row(
            'a network of Keras with other layers behind its features',
            lambda source: any(each.has_body(source) for each in architectures),
            'only its last layer may be another one',
        ),
        _row(
            'a network of Keras with another width (alpha)',
            lambda source: any(_is_like(each, source) for each in architectures),
            'it has the layers of a network here, but with other numbers of channels',
        ),
    )


def _row(name, fits, why):
    return Different(name=name, kind=KERAS, fits=fits, why=why)


def _resnet(depth, count):
    why = (
        'the first convolution of a block has the stride, which is the second one in the networks '
        f'here; ResNet{depth}V2 of Keras is resnet_v2b_{depth}, and resnet_v1b_{depth} is the '
        f'resnet{depth} of timm and torchvision'
    )
    return _by_counts(f'ResNet{depth} of Keras', (count, 0, 0, count), why)


def _by_counts(name, counts, why):
    return _row(name, lambda source: _counts(source) == counts, why)


def _counts(source):
    found = by_kind(source)
    return tuple(len(found.get(kind, ())) for kind in _COUNTED)


def _by_name(name, starts):
    def fits(source):
        layers = {tensor.rpartition('/')[0] for tensor in source.tensors}
        return all(any(layer.startswith(start) for layer in layers) for start in starts)

    return _row(name, fits, _NO_SUCH)


def _is_like(architecture, source):
    """Return whether a file has as many layers of each kind, with or without the last ones."""
    layers, found = architecture.layers(architecture.network), _counts(source)
    counts = tuple(len(layers.of(kind)) for kind in _COUNTED)
    return found[1:] == counts[1:] and 0 <= found[0] - counts[0] <= len(layers.top)
