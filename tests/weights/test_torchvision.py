"""Networks of torchvision give the same logits here; skipped where torchvision is not installed."""

import importlib.util

import pytest

from support.pytorch import random_models, state_dicts
from weights import importing
from weights.verification import verify

if importlib.util.find_spec('torchvision') is None:
    pytest.skip('needs torchvision', allow_module_level=True)

STATISTICS = {'mean': (0.485, 0.456, 0.406), 'std': (0.229, 0.224, 0.225)}
# Network of torchvision -> the network here, and the size.
NETWORKS = (
    ('inception_v3', 'inception_v3b', 299),
    ('mobilenet_v2', 'mobilenet_v2b', 224),
    ('resnet50', 'resnet_v1b_50', 224),
    ('resnet101', 'resnet_v1b_101', 224),
    ('resnet152', 'resnet_v1b_152', 224),
    ('vgg11', 'vgg_a', 224),
    ('vgg16', 'vgg_16', 224),
    ('vgg19', 'vgg_19', 224),
)


@pytest.mark.parametrize(('name', 'network', 'size'), NETWORKS)
def test_the_logits_are_equal(name, network, size, tmp_path):
    # The released weights of Inception v3 are used with `transform_input`.
    options = {'transform_input': True} if name == 'inception_v3' else {}
    model = random_models.write('torchvision', name, tmp_path, size, **STATISTICS, **options)
    request = importing.Request(model_name=network)
    imported = importing.import_file(model.path, tmp_path / 'imported', request)
    assert imported.info.image_size == size
    here = verify.our_logits(imported.path, imported.info, model.pictures)
    result = verify.difference(here, model.logits, size)
    recipe = imported.info.preprocessing_name
    print(f'| {name} | {network} | {recipe} | {result.absolute:.2g} | {result.relative:.2g} |')
    assert result.is_equal, result.line()
    assert 'largest difference' in verify.verify(model.path, imported)


def test_weights_are_compared_as_the_network_that_the_user_names(tmp_path):
    model = random_models.write('torchvision', 'inception_v3', tmp_path, 299, **STATISTICS)
    request = importing.Request(model_name='inception_v3')
    imported = importing.import_file(model.path, tmp_path / 'imported', request)
    assert 'largest difference' in verify.verify(model.path, imported)


def test_the_golden_names_are_those_of_this_version():
    prefix = 'torchvision_'
    names = [name for name in state_dicts.names() if name.startswith(prefix)]
    found = random_models.tensor_shapes(prefix[:-1], [name.removeprefix(prefix) for name in names])
    for name in names:
        assert state_dicts.shapes(name) == state_dicts.cleaned(found[name.removeprefix(prefix)])
