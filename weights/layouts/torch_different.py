"""Networks of PyTorch that resemble one here and are not equal to it."""

import os
import re
from functools import partial

from weights.layouts import torch_modules
from weights.layouts.layout import Different
from weights.sources import TORCH

_EQUALLY = 'pads its strided convolutions equally on all sides, {} as TensorFlow does'


def is_padded_equally(source):
    """Return whether a file is named as timm's own MobileNet v3, not the one of TensorFlow.

    Their tensors have the same names and shapes.
    """
    # A downloaded file may be called model.safetensors; a directory has its name then.
    names = os.path.abspath(source.path).split(os.sep)[:-5:-1]
    name = next((name for name in names if 'mobilenetv3' in name), '')
    return bool(re.search(r'(?<!tf_)mobilenetv3_(large|small)_', name))


def _has(*names, without=(), source):
    return all(f'{name}.weight' in source.tensors for name in names) and not any(
        f'{name}.weight' in source.tensors for name in without
    )


def _shaped(source, **expected):
    return torch_modules.has(
        source, {name.replace('__', '.'): shape for name, shape in expected.items()}
    )


def _row(name, why, *modules, without=(), also=None):
    """Return a row for files with some modules and `without` others, for which `also` is true."""
    has = partial(_has, *modules, without=without)
    return Different(
        name=name,
        kind=TORCH,
        fits=lambda source: has(source=source) and (also is None or also(source)),
        why=why,
    )


DIFFERENT = (
    _row(
        'mobilenetv3 of timm',
        _EQUALLY.format('mobilenet_v3 here')
        + '; timm tf_mobilenetv3_large_100 and tf_mobilenetv3_small_100 are equal to it',
        'conv_stem',
        'blocks.1.0.conv_pwl',
        'conv_head',
        also=is_padded_equally,
    ),
    _row(
        'tf_mobilenetv3 of timm with another width',
        'its width is not 1, and no network here has its channels',
        'conv_stem',
        'blocks.1.0.conv_pwl',
        'conv_head',
        without=('bn2',),
    ),
    _row(
        'mobilenetv2 of timm with another width or depth',
        'the networks here are mobilenetv2_100 (mobilenet_v2b) and mobilenetv2_140 '
        '(mobilenet_v2b_140)',
        'conv_stem',
        'blocks.6.0.conv_pwl',
        'conv_head',
        'bn2',
        without=('blocks.2.0.se.conv_reduce', 'blocks.1.0.conv_exp'),
    ),
    _row(
        'mobilenetv1 of timm',
        _EQUALLY.format('mobilenet_v1 here'),
        'conv_stem',
        'blocks.0.0.conv_dw',
        'blocks.1.1.conv_pw',
        without=('blocks.1.1.conv_pwl', 'conv_head'),
    ),
    _row(
        'mobilenet_edgetpu of timm',
        _EQUALLY.format('mobilenet_edgetpu here') + ', and its v2 is another network',
        'conv_stem',
        'blocks.1.0.conv_exp',
        'conv_head',
    ),
    _row(
        'mobilenet_v3 of torchvision',
        _EQUALLY.format('mobilenet_v3 here')
        + '; timm tf_mobilenetv3_large_100 and tf_mobilenetv3_small_100 are equal to it',
        'features.0.0',
        'features.1.block.0.0',
        'classifier.3',
        also=partial(_shaped, features__0__0=(16, 3, 3, 3)),
    ),
    _row(
        'vgg with batch norm',
        'it has a batch norm after each convolution, the VGG networks here have none; '
        'take the form without (vgg16, not vgg16_bn)',
        'features.0',
        'features.1',
        'features.3',
        also=partial(_shaped, features__0=(64, 3, 3, 3), features__1=(64,)),
    ),
    _row(
        'googlenet of torchvision',
        'its first convolution pads 3 pixels on all sides, inception_v1 here as TensorFlow does',
        'inception3a.branch1.conv',
        'inception5b.branch4.1.conv',
    ),
    _row(
        'resnetv2 of timm',
        'its blocks stride in their first unit, resnet_v2 here in the last; '
        'Keras ResNet50V2, ResNet101V2 and ResNet152V2 are equal to resnet_v2b',
        'stem.conv',
        'stages.0.blocks.0.norm1',
    ),
    _row(
        'inception_v4_resnet_v2 of InceptionV4-PyTorch',
        'its last block is added with a factor of 0.2, that of inception_resnet_v2 with 1; '
        'timm inception_resnet_v2 is equal to it',
        'features.0.features.0.conv',
        'features.1.branch_2.2.conv',
    ),
    _row(
        'a ResNet of another form',
        'resnet_v1b_50, _101 and _152 are resnet50, resnet101 and resnet152 as in torchvision, '
        'without other stems, groups, widths, squeeze-and-excitation or basic blocks',
        'layer1.0.conv1',
        'layer4.0.conv2',
    ),
)
