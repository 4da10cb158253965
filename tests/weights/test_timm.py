"""Networks of timm give the same logits here; skipped where timm is not installed."""

import importlib.util

import pytest

from common.errors import UserError
from support import weight_files
from support.pytorch import random_models, state_dicts
from weights import importing
from weights.verification import verify

if importlib.util.find_spec('timm') is None:
    pytest.skip('needs timm', allow_module_level=True)

# Network of timm -> the network here.
NETWORKS = (
    ('inception_v3', 'inception_v3b'),
    ('inception_v3', 'inception_v3'),
    ('inception_v4', 'inception_v4'),
    ('inception_resnet_v2', 'inception_resnet_v2'),
    ('nasnetalarge', 'nasnet_large_b'),
    ('nasnetalarge', 'nasnet_large'),
    ('pnasnet5large', 'pnasnet_large'),
    ('mobilenetv2_100', 'mobilenet_v2b'),
    ('mobilenetv2_140', 'mobilenet_v2b_140'),
    ('tf_mobilenetv3_large_100', 'mobilenet_v3_large'),
    ('tf_mobilenetv3_large_minimal_100', 'mobilenet_v3_large_minimalistic'),
    ('tf_mobilenetv3_small_100', 'mobilenet_v3_small'),
    ('tf_mobilenetv3_small_minimal_100', 'mobilenet_v3_small_minimalistic'),
    ('vgg11', 'vgg_a'),
    ('vgg16', 'vgg_16'),
    ('vgg19', 'vgg_19'),
    ('resnet50', 'resnet_v1b_50'),
    ('resnet101', 'resnet_v1b_101'),
    ('resnet152', 'resnet_v1b_152'),
)
# These are for weights of TF-Slim, whose averages do not count their padding.
AVERAGING = ('inception_v3', 'nasnet_large')


@pytest.mark.parametrize(('name', 'network'), NETWORKS)
def test_the_logits_are_equal(name, network, tmp_path):
    model = random_models.write('timm', name, tmp_path, counts_padding=network not in AVERAGING)
    request = importing.Request(model_name=network)
    imported = importing.import_file(model.path, tmp_path / 'imported', request)
    assert imported.info.image_size == model.size
    here = verify.our_logits(imported.path, imported.info, model.pictures)
    result = verify.difference(here, model.logits, model.size)
    recipe = imported.info.preprocessing_name
    print(f'| timm {name} | {network} | {recipe} | {result.absolute:.2g} | {result.relative:.2g} |')
    assert result.is_equal, result.line()
    assert 'largest difference' in verify.verify(model.path, imported)


def test_another_network_is_found_by_the_comparison(tmp_path):
    model = random_models.write('timm', 'vgg11', tmp_path, num_classes=7)
    request = importing.Request(model_name='vgg_a')
    imported = importing.import_file(model.path, tmp_path / 'imported', request)
    tensors = weight_files.read_safetensors(model.path)
    tensors['features.0.bias'] = tensors['features.0.bias'] + 1
    weight_files.write_safetensors(model.path, tensors)
    with pytest.raises(UserError, match=r'--verify: .*; at most 0\.0001'):
        verify.verify(model.path, imported)


def test_the_golden_names_are_those_of_this_version():
    names = [name for name in state_dicts.names() if name.startswith('timm_')]
    found = random_models.tensor_shapes('timm', [name.removeprefix('timm_') for name in names])
    for name in names:
        assert state_dicts.shapes(name) == state_dicts.cleaned(found[name.removeprefix('timm_')])
