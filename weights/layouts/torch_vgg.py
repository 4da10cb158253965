"""The VGG networks of torchvision and timm."""

from functools import partial

from weights.layouts import torch_modules
from weights.layouts.layout import IMAGENET, Layer, Layout
from weights.layouts.torch_modules import dense
from weights.sources import TORCH

# Network here: the number there, and the convolutions of its five blocks.
_BLOCKS = {
    'vgg_a': (11, (1, 1, 2, 2, 2)),
    'vgg_16': (16, (2, 2, 3, 3, 3)),
    'vgg_19': (19, (2, 2, 4, 4, 4)),
}
# The dense layers fc6, fc7, fc8: modules of torchvision, of timm, of Cadene's pretrained-models.
_DENSE = (
    ('classifier.0', 'pre_logits.fc1', 'linear0'),
    ('classifier.3', 'pre_logits.fc2', 'linear1'),
    ('classifier.6', 'head.fc', 'last_linear'),
)


def _convolutions(network):
    """List the convolutions; in `features` a ReLU follows each of them, a pool each block."""
    position = 0
    for block, count in enumerate(_BLOCKS[network][1], 1):
        for number in range(1, count + 1):
            name = f'{network}/conv{block}/conv{block}_{number}'
            yield dense(name, f'features.{position}')
            position += 2
        position += 1


def _layers(network, source):
    layers = list(_convolutions(network))
    for name, modules in zip(('fc6', 'fc7', 'fc8'), _DENSE, strict=True):
        module = torch_modules.first(source, *modules)
        # timm writes fc6 as a convolution, torchvision as a layer that reads a flattened map.
        is_flattened = name == 'fc6' and len(source.shape(f'{module}.weight')) == 2
        shape = (7, 7, 512) if is_flattened else None
        layers.append(Layer([(f'{network}/{name}/weights', module)], flattened=shape))
    return layers


def _fits(network, source):
    # A batch norm would be `features.1`.
    last = [layer.convolutions[0][1] for layer in _convolutions(network)][-1]
    following = f'features.{int(last.split(".")[1]) + 2}.weight'
    expected = {'features.0': (64, 3, 3, 3), last: (512, 512, 3, 3)}
    return (
        torch_modules.has(source, expected)
        and following not in source.tensors
        and 'features.1.weight' not in source.tensors
    )


LAYOUTS = tuple(
    Layout(
        name=f'vgg{number} of torchvision or timm',
        kind=TORCH,
        networks=(network,),
        fits=partial(_fits, network),
        layers=_layers,
        epsilon=0.0,  # There is no batch norm.
        normalisation=IMAGENET,
        image_size=224,
        built_by=(('torchvision', f'vgg{number}'), ('timm', f'vgg{number}')),
    )
    for network, (number, _) in _BLOCKS.items()
)
