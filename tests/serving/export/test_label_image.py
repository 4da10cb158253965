"""The mean and the standard deviation that docs/exporting.md gives for each preprocessing."""

import re

import numpy as np
import pytest

from preprocessing import preprocessing_factory
from support import graphs
from support.checkout import ROOT

DOCUMENT = ROOT / 'docs' / 'exporting.md'
ROW = re.compile(r'^\| (\w+) \| [^|]+ \| ([\d.]*) ?\| ([\d.]*) ?\|', re.MULTILINE)
ROWS = {name: (mean, std) for name, mean, std in ROW.findall(DOCUMENT.read_text())}
# The means of the channels lie around the one that label_image can subtract: by up to 11 pixels.
TOLERANCE = {'torch': 0.25, 'vgg': 11}


def test_every_preprocessing_has_a_row():
    assert ROWS.keys() == preprocessing_factory.RECIPES.keys()


@pytest.mark.parametrize('name', [name for name, row in ROWS.items() if row[0]])
@pytest.mark.parametrize('value', [0, 100, 255])
def test_a_plain_picture_is_scaled_as_documented(name, value):
    mean, std = map(float, ROWS[name])
    picture = np.full([300, 300, 3], value, np.uint8)
    recipe = preprocessing_factory.get_preprocessing(name)
    found = graphs.run(lambda image: recipe(image, 224, 224), picture)
    assert found.shape == (224, 224, 3)
    expected = (value - mean) / std
    np.testing.assert_allclose(found, expected, atol=TOLERANCE.get(name, 1e-5))
    if name in TOLERANCE:
        assert abs(found.mean() - expected) < 0.05
