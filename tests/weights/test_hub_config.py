"""A config.json beside a file of timm says which network it is and how it was evaluated."""

import json

import pytest

from common.errors import UserError
from support.pytorch import state_dicts
from weights.layouts import hub_config, registry

EVALUATED = {
    'input_size': [3, 256, 256],
    'mean': [0.5, 0.4, 0.3],
    'std': [0.2, 0.2, 0.1],
    'crop_pct': 0.95,
}


def adapt(directory, name='timm_resnet50', **content):
    path = directory / 'model.safetensors'
    if content:
        (directory / 'config.json').write_text(json.dumps(content))
    layout, _ = registry.find(state_dicts.source(name))
    return layout, *hub_config.adapt(layout, path)


def test_without_the_file_nothing_changes(tmp_path):
    layout, adapted, lines = adapt(tmp_path)
    assert adapted is layout
    assert lines == []


@pytest.mark.parametrize('architecture', ['resnet50', 'tv_resnet50', 'gluon_resnet50'])
def test_its_normalisation_and_size_are_used(tmp_path, architecture):
    layout, adapted, lines = adapt(
        tmp_path, architecture=architecture, num_classes=1000, pretrained_cfg=EVALUATED
    )
    assert adapted.normalisation.mean == (0.5, 0.4, 0.3)
    assert adapted.normalisation.deviation == (0.2, 0.2, 0.1)
    assert adapted.image_size == 256
    assert adapted.layers is layout.layers
    assert lines == [
        f"{tmp_path}/config.json: 256 pixels; timm keeps 95.0% of a picture's shorter side, "
        'the programs here 87.5%'
    ]


@pytest.mark.parametrize('architecture', ['resnetaa50', 'ecaresnet50', None])
def test_another_network_with_the_same_names_is_refused(tmp_path, architecture):
    with pytest.raises(UserError, match=f'architecture is {architecture!r}, which is not resnet50'):
        adapt(tmp_path, architecture=architecture, pretrained_cfg=EVALUATED)


def test_timms_own_mobilenet_v3_is_refused(tmp_path):
    with pytest.raises(UserError, match="architecture is 'mobilenetv3_large_100'"):
        adapt(
            tmp_path,
            'timm_tf_mobilenetv3_large_100',
            architecture='mobilenetv3_large_100',
            pretrained_cfg=EVALUATED,
        )


@pytest.mark.parametrize('lacks', sorted(EVALUATED.keys() - {'crop_pct'}))
def test_an_incomplete_file_is_refused(tmp_path, lacks):
    evaluated = {name: value for name, value in EVALUATED.items() if name != lacks}
    with pytest.raises(UserError, match=r'config\.json: lacks mean, std or input_size'):
        adapt(tmp_path, architecture='resnet50', pretrained_cfg=evaluated)


def test_the_config_of_another_program_is_ignored(tmp_path):
    layout, adapted, _ = adapt(tmp_path, model_type='bert', architectures=['BertModel'])
    assert adapted is layout
    (tmp_path / 'config.json').write_text('not JSON')
    assert adapt(tmp_path)[1] is layout
    (tmp_path / 'config.json').write_text('[]')
    assert adapt(tmp_path)[1] is layout
