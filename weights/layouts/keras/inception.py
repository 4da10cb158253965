"""InceptionV3 and InceptionResNetV2 of Keras Applications."""

from weights.layouts.keras.architecture import Architecture, Layers

# Scopes of a block, in the order of Keras: by their distance from the end of the block.
_MIXED_5 = (
    'Branch_2/Conv2d_0a_1x1',
    'Branch_1/Conv2d_0a_1x1',
    'Branch_2/Conv2d_0b_3x3',
    'Branch_0/Conv2d_0a_1x1',
    'Branch_1/Conv2d_0b_5x5',
    'Branch_2/Conv2d_0c_3x3',
    'Branch_3/Conv2d_0b_1x1',
)
_MIXED_5C = tuple(  # The names of the released checkpoint, quirks included.
    {'Branch_1/Conv2d_0a_1x1': 'Branch_1/Conv2d_0b_1x1'}.get(
        scope, scope.replace('Branch_1/Conv2d_0b_5x5', 'Branch_1/Conv_1_0c_5x5')
    )
    for scope in _MIXED_5
)
_MIXED_6 = (
    'Branch_2/Conv2d_0a_1x1',
    'Branch_2/Conv2d_0b_7x1',
    'Branch_1/Conv2d_0a_1x1',
    'Branch_2/Conv2d_0c_1x7',
    'Branch_1/Conv2d_0b_1x7',
    'Branch_2/Conv2d_0d_7x1',
    'Branch_0/Conv2d_0a_1x1',
    'Branch_1/Conv2d_0c_7x1',
    'Branch_2/Conv2d_0e_1x7',
    'Branch_3/Conv2d_0b_1x1',
)


def _mixed_7(second):
    """Return the scopes of Mixed_7b or Mixed_7c, which name one of them differently."""
    return (
        'Branch_2/Conv2d_0a_1x1',
        'Branch_1/Conv2d_0a_1x1',
        'Branch_2/Conv2d_0b_3x3',
        'Branch_1/Conv2d_0b_1x3',
        f'Branch_1/{second}',
        'Branch_2/Conv2d_0c_1x3',
        'Branch_2/Conv2d_0d_3x1',
        'Branch_0/Conv2d_0a_1x1',
        'Branch_3/Conv2d_0b_1x1',
    )


_STEM = ('Conv2d_1a_3x3', 'Conv2d_2a_3x3', 'Conv2d_2b_3x3', 'Conv2d_3b_1x1', 'Conv2d_4a_3x3')
_V3_BLOCKS = {
    'Mixed_5b': _MIXED_5,
    'Mixed_5c': _MIXED_5C,
    'Mixed_5d': _MIXED_5,
    'Mixed_6a': (
        'Branch_1/Conv2d_0a_1x1',
        'Branch_1/Conv2d_0b_3x3',
        'Branch_0/Conv2d_1a_1x1',
        'Branch_1/Conv2d_1a_1x1',
    ),
    'Mixed_6b': _MIXED_6,
    'Mixed_6c': _MIXED_6,
    'Mixed_6d': _MIXED_6,
    'Mixed_6e': _MIXED_6,
    'Mixed_7a': (
        'Branch_1/Conv2d_0a_1x1',
        'Branch_1/Conv2d_0b_1x7',
        'Branch_0/Conv2d_0a_1x1',
        'Branch_1/Conv2d_0c_7x1',
        'Branch_0/Conv2d_1a_3x3',
        'Branch_1/Conv2d_1a_3x3',
    ),
    'Mixed_7b': _mixed_7('Conv2d_0b_3x1'),
    'Mixed_7c': _mixed_7('Conv2d_0c_3x1'),
}

_BLOCK_35 = (
    'Branch_2/Conv2d_0a_1x1',
    'Branch_1/Conv2d_0a_1x1',
    'Branch_2/Conv2d_0b_3x3',
    'Branch_0/Conv2d_1x1',
    'Branch_1/Conv2d_0b_3x3',
    'Branch_2/Conv2d_0c_3x3',
)
_BLOCK_17 = (
    'Branch_1/Conv2d_0a_1x1',
    'Branch_1/Conv2d_0b_1x7',
    'Branch_0/Conv2d_1x1',
    'Branch_1/Conv2d_0c_7x1',
)
_BLOCK_8 = (
    'Branch_1/Conv2d_0a_1x1',
    'Branch_1/Conv2d_0b_1x3',
    'Branch_0/Conv2d_1x1',
    'Branch_1/Conv2d_0c_3x1',
)
_UP = 'Conv2d_1x1'  # The end of a residual block: a convolution with biases, without batch norm.
_RESNET_V2_BLOCKS = {
    'Mixed_5b': tuple(
        scope.replace('Branch_0/Conv2d_0a_1x1', 'Branch_0/Conv2d_1x1') for scope in _MIXED_5
    ),
    **{f'Repeat/block35_{number}': (*_BLOCK_35, _UP) for number in range(1, 11)},
    'Mixed_6a': (
        'Branch_1/Conv2d_0a_1x1',
        'Branch_1/Conv2d_0b_3x3',
        'Branch_0/Conv2d_1a_3x3',
        'Branch_1/Conv2d_1a_3x3',
    ),
    **{f'Repeat_1/block17_{number}': (*_BLOCK_17, _UP) for number in range(1, 21)},
    'Mixed_7a': (
        'Branch_2/Conv2d_0a_1x1',
        'Branch_0/Conv2d_0a_1x1',
        'Branch_1/Conv2d_0a_1x1',
        'Branch_2/Conv2d_0b_3x3',
        'Branch_0/Conv2d_1a_3x3',
        'Branch_1/Conv2d_1a_3x3',
        'Branch_2/Conv2d_1a_3x3',
    ),
    **{f'Repeat_2/block8_{number}': (*_BLOCK_8, _UP) for number in range(1, 10)},
    'Block8': (*_BLOCK_8, _UP),
}


def _layers(scope, blocks, end, top):
    inside = [f'{block}/{name}' for block, names in blocks.items() for name in names]
    scopes = [f'{scope}/{name}' for name in (*_STEM, *inside, *end)]
    return Layers(
        convolution=[f'{name}/weights' for name in scopes],
        norm=[f'{name}/BatchNorm' for name in scopes if not _is_up(name)],
        top=[f'{scope}/{top}/weights'],
    )


def _is_up(scope):
    return scope.endswith(f'/{_UP}') and '/Branch_' not in scope


def _v3(network):
    del network
    return _layers('InceptionV3', _V3_BLOCKS, (), 'Logits/Conv2d_1c_1x1')


def _resnet_v2(network):
    del network
    return _layers('InceptionResnetV2', _RESNET_V2_BLOCKS, ('Conv2d_7b_1x1',), 'Logits/Logits')


ARCHITECTURES = (
    Architecture(
        name='InceptionV3',
        function='InceptionV3',
        module='inception_v3',
        network='inception_v3',
        parameters=21_802_784,
        layers=_v3,
        image_size=299,
    ),
    Architecture(
        name='InceptionResNetV2',
        function='InceptionResNetV2',
        module='inception_resnet_v2',
        network='inception_resnet_v2',
        parameters=54_336_736,
        layers=_resnet_v2,
        image_size=299,
    ),
)
