"""An imported network is compared with the one of the other program; see test_timm.py too."""

import importlib.util

import numpy as np
import pytest

from common.errors import UserError
from support import weight_files
from support.pytorch import state_dicts
from weights.layouts import registry
from weights.placing import normalising
from weights.verification import pictures, torch_networks, verify


@pytest.mark.parametrize('size', [224, 299, 331])
@pytest.mark.parametrize('recipe', ['inception', 'torch', 'vgg'])
def test_a_recipe_removes_the_frame_and_changes_no_pixel(recipe, size):
    shown = pictures.random(size, 1)
    prepared = pictures.prepared(pictures.framed(shown, recipe), recipe, size)
    computed = normalising.RECIPES[recipe]
    expected = (shown / 255 - computed.mean) / computed.deviation
    np.testing.assert_allclose(prepared, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_the_pictures_are_not_noise_alone():
    shown = pictures.random(224, 2).astype(float)
    assert shown[:, :64, :64].mean((1, 2)).std() > 10
    assert np.abs(shown[0] - shown[1]).mean() > 20


def test_differences():
    there = np.array([[10.0, -20.0], [0, 1]])
    equal = verify.difference(there + 0.001, there, 224)
    assert equal.is_equal
    assert equal.line() == (
        'largest difference of the logits of 2 random pictures of 224 pixels: 0.001, which is '
        '5e-05 of the largest logit (20)'
    )
    assert not verify.difference(there + 0.003, there, 224).is_equal
    assert not verify.difference(there * np.nan, there, 224).is_equal
    assert not verify.difference(there + 1, there * 0, 224).is_equal
    with pytest.raises(UserError, match='2 classes here, 3 in the other network'):
        verify.difference(there, np.zeros((2, 3)), 224)


def test_a_missing_package_is_named(monkeypatch):
    layout, _ = registry.find(state_dicts.source('torchvision_vgg11'))
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert torch_networks.missing(layout) == (
        'install torchvision or timm, which builds the network to compare with'
    )
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: name == 'timm')
    assert torch_networks.missing(layout) == ''


def test_a_failing_process_is_one_line(tmp_path, monkeypatch):
    layout, _ = registry.find(state_dicts.source('torchvision_vgg11'))
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: name == 'timm')
    monkeypatch.setattr(torch_networks, '_START', 'raise SystemExit("no memory")')
    info = weight_files.info_of('vgg_a')
    with pytest.raises(UserError, match=r'^--verify: w\.pth: vgg11 of timm fails: no memory$'):
        torch_networks.logits('w.pth', layout, info, np.zeros((1, 8, 8, 3), np.uint8))


def test_the_averages_are_compared_if_they_were_imported(monkeypatch):
    opened = []
    layout, _ = registry.find(state_dicts.source('torchvision_vgg11'))
    monkeypatch.setattr(
        verify, '_open', lambda path, name, averages: opened.append(averages) or (None, layout)
    )

    class Networks:
        @staticmethod
        def logits(path, layout, info, pixels, use_averages):
            opened.append(use_averages)
            return np.ones((len(pixels), 7))

    monkeypatch.setattr(verify, '_module', lambda source: Networks)
    monkeypatch.setattr(verify, 'our_logits', lambda *arguments: np.ones((4, 7)))
    for averages in (True, False):
        verify.compare('w.pth', 'vgg_a.ckpt', weight_files.info_of('vgg_a'), averages)
    assert opened == [True, True, False, False]
