"""MobileNet, MobileNetV2 and MobileNetV3 of Keras Applications."""

from weights.layouts.keras.architecture import Architecture, Layers

# Blocks with squeeze-and-excite; the first block is 0, and is without expansion.
_EXCITED = {
    'mobilenet_v3_large': (3, 4, 5, 10, 11, 12, 13, 14),
    'mobilenet_v3_small': (0, 3, 4, 5, 6, 7, 8, 9, 10),
}
# TF-Slim multiplies by 0.16667 where Keras divides by 6, in the gates of squeeze-and-excite.
_BEHIND_GATE = 1 / (6 * 0.16667)
_NUM_BLOCKS = {'large': 15, 'small': 11}


def _v1(network):
    del network
    depthwise = [f'MobilenetV1/Conv2d_{number}_depthwise' for number in range(1, 14)]
    pointwise = [scope.replace('depthwise', 'pointwise') for scope in depthwise]
    first = 'MobilenetV1/Conv2d_0'
    pairs = zip(depthwise, pointwise, strict=True)
    scopes = [first, *(scope for pair in pairs for scope in pair)]
    return Layers(
        convolution=[f'{scope}/weights' for scope in (first, *pointwise)],
        depthwise=[f'{scope}/depthwise_weights' for scope in depthwise],
        norm=[f'{scope}/BatchNorm' for scope in scopes],
        top=['MobilenetV1/Logits/Conv2d_1c_1x1/weights'],
    )


def _v2(network):
    del network
    return _inverted('MobilenetV2', 17, (), ())


def _v3(network):
    size = network.split('_')[2]
    return _inverted('MobilenetV3', _NUM_BLOCKS[size], _EXCITED.get(network, ()), ('Conv_2',))


def _inverted(scope, num_blocks, excited, behind):
    """Return the layers of a network of inverted residual blocks."""
    convolutions, depthwise, norms = ['Conv'], [], ['Conv']
    for number in range(num_blocks):
        block = f'expanded_conv_{number}' if number else 'expanded_conv'
        expand = [f'{block}/expand'] if number else []
        excite = [f'{block}/squeeze_excite/{name}' for name in ('Conv', 'Conv_1')]
        convolutions += [*expand, *(excite if number in excited else ()), f'{block}/project']
        depthwise.append(f'{block}/depthwise')
        norms += [*expand, f'{block}/depthwise', f'{block}/project']
    gated = [f'expanded_conv_{number}' if number else 'expanded_conv' for number in excited]
    top = (*behind, 'Logits/Conv2d_1c_1x1')
    return Layers(
        convolution=[f'{scope}/{name}/weights' for name in (*convolutions, 'Conv_1')],
        depthwise=[f'{scope}/{name}/depthwise_weights' for name in depthwise],
        norm=[f'{scope}/{name}/BatchNorm' for name in (*norms, 'Conv_1')],
        scales={f'{scope}/{block}/project/weights': _BEHIND_GATE for block in gated},
        top=[f'{scope}/{name}/weights' for name in top],
    )


def _v1_architecture(alpha, network, parameters):
    return Architecture(
        name=f'MobileNet {alpha}',
        function='MobileNet',
        module='mobilenet',
        arguments={'alpha': alpha},
        network=network,
        parameters=parameters,
        layers=_v1,
        # Before strides Keras pads below and on the right, whether that is the middle or not.
        multiple=32,
    )


def _v2_architecture(alpha, network, parameters):
    return Architecture(
        name=f'MobileNetV2 {alpha}',
        function='MobileNetV2',
        module='mobilenet_v2',
        arguments={'alpha': alpha},
        network=network,
        parameters=parameters,
        layers=_v2,
    )


def _v3_architecture(size, minimalistic, parameters):
    return Architecture(
        name=f'MobileNetV3{size}' + (' minimalistic' if minimalistic else ''),
        function=f'MobileNetV3{size}',
        module='mobilenet_v3',
        arguments={'minimalistic': minimalistic},
        network=f'mobilenet_v3_{size.lower()}' + ('_minimalistic' if minimalistic else ''),
        parameters=parameters,
        layers=_v3,
        rescales=True,
    )


ARCHITECTURES = (
    _v1_architecture(1.0, 'mobilenet_v1', 3_228_864),
    _v1_architecture(0.75, 'mobilenet_v1_075', 1_832_976),
    _v1_architecture(0.5, 'mobilenet_v1_050', 829_536),
    _v1_architecture(0.25, 'mobilenet_v1_025', 218_544),
    _v2_architecture(1.0, 'mobilenet_v2', 2_257_984),
    _v2_architecture(1.4, 'mobilenet_v2_140', 4_363_712),
    _v2_architecture(0.35, 'mobilenet_v2_035', 410_208),
    _v3_architecture('Large', False, 2_996_352),
    _v3_architecture('Large', True, 1_437_608),
    _v3_architecture('Small', False, 939_120),
    _v3_architecture('Small', True, 441_000),
)
