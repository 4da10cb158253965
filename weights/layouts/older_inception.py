"""Inception v3 in the files of Google's older programs, before TF-Slim.

The Inception package (inception-v3-2016-03-01.tar.gz) has the network of `inception_v3`. The graph
of 2015-12-05, from which retrain.py started, has another last block.
"""

from weights.layouts.layout import MINUS_ONE_TO_ONE, Different, Layer, Layout
from weights.sources import SLIM

_FIRST = {
    'conv0': 'Conv2d_1a_3x3',
    'conv1': 'Conv2d_2a_3x3',
    'conv2': 'Conv2d_2b_3x3',
    'conv3': 'Conv2d_3b_1x1',
    'conv4': 'Conv2d_4a_3x3',
}
_HEADS = {
    'aux_logits/proj': 'AuxLogits/Conv2d_1b_1x1',
    'aux_logits/Conv': 'AuxLogits/Conv2d_2a_5x5',
    'aux_logits/FC': 'AuxLogits/Conv2d_2b_1x1',
    'logits/logits': 'Logits/Conv2d_1c_1x1',
}
_WITHOUT_NORM = ('aux_logits/FC', 'logits/logits')

# Branch there -> (number of the branch here, its layers in order). Layers there are named Conv,
# Conv_1, Conv_2, ... The layers here are `Conv2d_` and the part in the table, with exceptions.
_ONE = {'branch1x1': (0, ('0a_1x1',))}
_POOL = {'branch_pool': (3, ('0b_1x1',))}
_DOUBLE = {'branch3x3dbl': (2, ('0a_1x1', '0b_3x3', '0c_3x3'))}
_BLOCK_35 = {**_ONE, 'branch5x5': (1, ('0a_1x1', '0b_5x5')), **_DOUBLE, **_POOL}
_BLOCK_17 = {
    **_ONE,
    'branch7x7': (1, ('0a_1x1', '0b_1x7', '0c_7x1')),
    'branch7x7dbl': (2, ('0a_1x1', '0b_7x1', '0c_1x7', '0d_7x1', '0e_1x7')),
    **_POOL,
}


def _block_8(tall):
    return {
        **_ONE,
        'branch3x3': (1, ('0a_1x1', '0b_1x3', tall)),
        'branch3x3dbl': (2, ('0a_1x1', '0b_3x3', '0c_1x3', '0d_3x1')),
        **_POOL,
    }


_BLOCKS = {
    'mixed_35x35x256a': ('Mixed_5b', _BLOCK_35),
    'mixed_35x35x288a': (
        'Mixed_5c',
        {**_BLOCK_35, 'branch5x5': (1, ('0b_1x1', 'Conv_1_0c_5x5'))},
    ),
    'mixed_35x35x288b': ('Mixed_5d', _BLOCK_35),
    'mixed_17x17x768a': (
        'Mixed_6a',
        {'branch3x3': (0, ('1a_1x1',)), 'branch3x3dbl': (1, ('0a_1x1', '0b_3x3', '1a_1x1'))},
    ),
    'mixed_17x17x768b': ('Mixed_6b', _BLOCK_17),
    'mixed_17x17x768c': ('Mixed_6c', _BLOCK_17),
    'mixed_17x17x768d': ('Mixed_6d', _BLOCK_17),
    'mixed_17x17x768e': ('Mixed_6e', _BLOCK_17),
    'mixed_17x17x1280a': (
        'Mixed_7a',
        {
            'branch3x3': (0, ('0a_1x1', '1a_3x3')),
            'branch7x7x3': (1, ('0a_1x1', '0b_1x7', '0c_7x1', '1a_3x3')),
        },
    ),
    'mixed_8x8x2048a': ('Mixed_7b', _block_8('0b_3x1')),
    'mixed_8x8x2048b': ('Mixed_7c', _block_8('0c_3x1')),
}


def _modules():
    """Yield (layer there, layer here) of all layers."""
    yield from _FIRST.items()
    for block, (our_block, branches) in _BLOCKS.items():
        for branch, (number, names) in branches.items():
            for place, name in enumerate(names):
                theirs = f'{block}/{branch}/Conv{f"_{place}" if place else ""}'
                ours = name if name.startswith('Conv') else f'Conv2d_{name}'
                yield theirs, f'{our_block}/Branch_{number}/{ours}'
    yield from _HEADS.items()


def _layers(network, source):
    del network
    found = []
    for theirs, ours in _modules():
        if theirs.startswith('aux_logits') and not _has_auxiliary_head(source):
            continue
        ours = f'InceptionV3/{ours}'
        norm = (f'{ours}/BatchNorm', f'{theirs}/BatchNorm')
        found.append(
            Layer([(f'{ours}/weights', theirs)], None if theirs in _WITHOUT_NORM else norm)
        )
    return found


def _has_auxiliary_head(source):
    return any(name.startswith('aux_logits/') for name in source.tensors)


LAYOUTS = (
    Layout(
        name='Inception package before TF-Slim, inception_v3',
        kind=SLIM,
        networks=('inception_v3',),
        fits=lambda source: {'conv0/weights', 'logits/logits/weights'} <= source.tensors.keys(),
        layers=_layers,
        epsilon=0.001,
        normalisation=MINUS_ONE_TO_ONE,
        image_size=299,
        note='model.ckpt-157585 of inception-v3-2016-03-01.tar.gz, and trainings from it.',
    ),
)
DIFFERENT = (
    Different(
        'Inception v3 of 2015-12-05 (classify_image_graph_def.pb, graphs of retrain.py)',
        SLIM,
        lambda source: 'mixed_10/tower_2/conv/conv2d_params' in source.tensors,
        'the last block has a max pool in place of the average pool; '
        'start from inception_v3_2016_08_28 instead',
    ),
)
