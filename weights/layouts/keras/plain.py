"""VGG and ResNet V2 of Keras Applications."""

from weights.layouts.keras.architecture import Architecture, Layers
from weights.layouts.layout import Normalisation

# "caffe": the mean colour is subtracted, and blue comes first.
_CAFFE = Normalisation((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3, is_bgr=True)
_VGG_CONVOLUTIONS = {'vgg_16': (2, 2, 3, 3, 3), 'vgg_19': (2, 2, 4, 4, 4)}
_RESNET_NORMS = ('preact', 'conv1/BatchNorm', 'conv2/BatchNorm')
_RESNET_UNITS = {
    'resnet_v2b_50': (3, 4, 6, 3),
    'resnet_v2b_101': (3, 4, 23, 3),
    'resnet_v2b_152': (3, 8, 36, 3),
}


def _vgg(network):
    blocks = enumerate(_VGG_CONVOLUTIONS[network], start=1)
    return Layers(
        convolution=[
            f'{network}/conv{block}/conv{block}_{number}/weights'
            for block, count in blocks
            for number in range(1, count + 1)
        ],
        top=[f'{network}/{name}/weights' for name in ('fc6', 'fc7', 'fc8')],
    )


def _resnet(network):
    convolutions, norms = [f'{network}/conv1/weights'], []
    for block, units in enumerate(_RESNET_UNITS[network], start=1):
        for unit in range(1, units + 1):
            scope = f'{network}/block{block}/unit_{unit}/bottleneck_v2'
            names = ('conv1', 'conv2', *(('shortcut',) if unit == 1 else ()), 'conv3')
            convolutions += [f'{scope}/{name}/weights' for name in names]
            norms += [f'{scope}/{name}' for name in _RESNET_NORMS]
    return Layers(
        convolution=convolutions,
        norm=[*norms, f'{network}/postnorm'],
        top=[f'{network}/logits/weights'],
    )


def _vgg_architecture(function, network, parameters):
    return Architecture(
        name=function,
        function=function,
        module=function.lower(),
        network=network,
        parameters=parameters,
        layers=_vgg,
        flattened=(7, 7, 512),
        normalisation=_CAFFE,
    )


def _resnet_architecture(function, network, parameters):
    return Architecture(
        name=function,
        function=function,
        module='resnet_v2',
        network=network,
        parameters=parameters,
        layers=_resnet,
        epsilon=1.001e-5,
    )


ARCHITECTURES = (
    _vgg_architecture('VGG16', 'vgg_16', 14_714_688),
    _vgg_architecture('VGG19', 'vgg_19', 20_024_384),
    _resnet_architecture('ResNet50V2', 'resnet_v2b_50', 23_564_800),
    _resnet_architecture('ResNet101V2', 'resnet_v2b_101', 42_626_560),
    _resnet_architecture('ResNet152V2', 'resnet_v2b_152', 58_331_648),
)
