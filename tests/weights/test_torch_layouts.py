"""The layouts of PyTorch's state dicts, compared with the names and shapes of real ones."""

import dataclasses

import pytest

from common.errors import UserError
from support.pytorch import state_dicts
from weights.layouts import registry
from weights.placing import placement

# State dict -> the networks here that it can become.
EQUAL = {
    'inception_v4_pytorch': ('inception_v4b', 'inception_v4'),
    'inception_v4_pytorch_v3': ('inception_v3b', 'inception_v3'),
    'timm_inception_resnet_v2': ('inception_resnet_v2',),
    'timm_inception_v3': ('inception_v3b', 'inception_v3'),
    'timm_inception_v4': ('inception_v4',),
    'timm_mobilenetv2_100': ('mobilenet_v2b',),
    'timm_mobilenetv2_140': ('mobilenet_v2b_140',),
    'timm_nasnetalarge': ('nasnet_large_b', 'nasnet_large'),
    'timm_pnasnet5large': ('pnasnet_large',),
    'timm_resnet101': ('resnet_v1b_101',),
    'timm_resnet152': ('resnet_v1b_152',),
    'timm_resnet50': ('resnet_v1b_50',),
    'timm_tf_mobilenetv3_large_100': ('mobilenet_v3_large',),
    'timm_tf_mobilenetv3_large_minimal_100': ('mobilenet_v3_large_minimalistic',),
    'timm_tf_mobilenetv3_small_100': ('mobilenet_v3_small',),
    'timm_tf_mobilenetv3_small_minimal_100': ('mobilenet_v3_small_minimalistic',),
    'timm_vgg16': ('vgg_16',),
    'torchvision_inception_v3': ('inception_v3b', 'inception_v3'),
    'torchvision_mobilenet_v2': ('mobilenet_v2b',),
    'torchvision_vgg11': ('vgg_a',),
    'torchvision_vgg16': ('vgg_16',),
    'torchvision_vgg19': ('vgg_19',),
}
# State dict -> a part of the reason why it is refused.
DIFFERENT = {
    'inception_v4_pytorch_resnet_v2': 'a factor of 0.2',
    'timm_mobilenet_edgetpu_100': 'pads its strided convolutions equally',
    'timm_mobilenet_edgetpu_v2_m': 'its v2 is another network',
    'timm_mobilenetv1_100': 'pads its strided convolutions equally',
    'timm_resnetv2_50': 'stride in their first unit',
    'timm_tf_mobilenetv3_large_075': 'its width is not 1',
    'torchvision_googlenet': 'pads 3 pixels on all sides',
    'torchvision_mobilenet_v3_large': 'tf_mobilenetv3_large_100',
    'torchvision_vgg16_bn': 'batch norm after each convolution',
}
PAIRS = [(name, network) for name, networks in EQUAL.items() for network in networks]


def test_every_state_dict_is_in_a_table():
    assert sorted({**EQUAL, **DIFFERENT}) == state_dicts.names()


@pytest.mark.parametrize(('name', 'network'), PAIRS)
def test_every_tensor_and_every_variable_has_one_place(name, network):
    source = state_dicts.source(name)
    layout, found = registry.find(source, network)
    layers = layout.layers(network, source)
    assert found == network
    has_auxiliary_head = any('AuxLogits' in tensor for tensor in source.tensors)
    target = state_dicts.target(network, has_auxiliary_head)
    placement.check(source, layout, layers, target)
    placed = [variable for layer in layers for variable, _ in layer.convolutions]
    assert len(set(placed)) == len(placed)
    norms = [layer.norm[0] for layer in layers if layer.norm]
    assert len(set(norms)) == len(norms)


@pytest.mark.parametrize('name', EQUAL)
def test_only_one_layout_fits(name):
    source = state_dicts.source(name)
    fitting = [layout for layout in registry.layouts() if layout.fits(source)]
    assert [layout.networks for layout in fitting] == [EQUAL[name]]


@pytest.mark.parametrize('name', DIFFERENT)
def test_the_reason_is_given_why_a_network_is_refused(name):
    with pytest.raises(UserError) as error:
        registry.find(state_dicts.source(name))
    message = str(error.value)
    assert DIFFERENT[name] in message
    assert message.startswith(f'{name}.safetensors: ')
    assert '\n' not in message


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'conv1__weight': None, 'conv1__0__weight': (32, 3, 3, 3)}, 'without other stems'),
        ({'layer1__0__conv2__weight': (128, 4, 3, 3)}, 'groups'),
        ({'layer1__0__se__fc1__weight': (16, 256, 1, 1)}, 'squeeze-and-excitation'),
    ],
)
def test_other_forms_of_resnet_are_refused(changes, reason):
    with pytest.raises(UserError, match=reason):
        registry.find(state_dicts.source('timm_resnet50', **changes))


@pytest.mark.parametrize(
    'path',
    [
        'mobilenetv3_large_100_ra-f55367f5.pth',
        'models--timm--mobilenetv3_large_100.ra_in1k/snapshots/1a2b/model.safetensors',
    ],
)
def test_timms_own_mobilenet_v3_is_known_by_its_name(path):
    name = 'timm_tf_mobilenetv3_large_100'
    with pytest.raises(UserError, match='pads its strided convolutions equally'):
        registry.find(state_dicts.source(name, path))
    registry.find(state_dicts.source(name, path.replace('mobilenetv3', 'tf_mobilenetv3')))


@pytest.mark.parametrize('classes', [7, 1001])
def test_older_names_of_the_head_are_known(classes):
    source = state_dicts.source(
        'timm_inception_resnet_v2',
        classif__weight=None,
        classif__bias=None,
        last_linear__weight=(classes, 1536),
        last_linear__bias=(classes,),
    )
    layout, network = registry.find(source)
    assert layout.layers(network, source)[-1].convolutions[0][1] == 'last_linear'


def test_another_hard_sigmoid_is_folded_into_the_next_convolution():
    source = state_dicts.source('timm_tf_mobilenetv3_small_100')
    layout, network = registry.find(source)
    scaled = [layer for layer in layout.layers(network, source) if layer.scale != 1]
    assert len(scaled) == sum(name.endswith('se.conv_expand.weight') for name in source.tensors)
    assert all(layer.convolutions[0][0].endswith('/project/weights') for layer in scaled)
    assert all(layer.scale * 0.16667 == pytest.approx(1 / 6) for layer in scaled)


def test_a_prefix_of_all_names_is_named_with_the_flag_that_removes_it():
    plain = state_dicts.source('torchvision_mobilenet_v2')
    tensors = {f'my_model.{name}': tensor for name, tensor in plain.tensors.items()}
    with pytest.raises(UserError) as error:
        registry.find(dataclasses.replace(plain, tensors=tensors))
    assert str(error.value) == (
        f'{plain.path}: has the layout of mobilenet_v2 of torchvision with my_model. before each '
        r"name: pass --rename='^my_model\.:' to leave that out"
    )
    with pytest.raises(UserError, match='not of a network here in a known layout'):
        others = {**tensors, 'x': next(iter(tensors.values()))}
        registry.find(dataclasses.replace(plain, tensors=others))
