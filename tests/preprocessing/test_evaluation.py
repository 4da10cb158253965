"""Evaluation gives what the original gave."""

import json
import re

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from preprocessing import (
    cifarnet_preprocessing,
    inception_preprocessing,
    preprocessing_factory,
    vgg_preprocessing,
)
from preprocessing.operations import resizing
from support import graphs
from support.checkout import GOLDEN
from support.files import records

GOLDEN = json.loads((GOLDEN / 'preprocessing.json').read_text())


def _raw_image(height, width, channels):
    """Draw the picture that the facts were made with."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [
        127.5 + 127.5 * np.sin(x / (7.0 + 3 * k) + y / (11.0 + 2 * k) + k) for k in range(channels)
    ]
    return np.stack(planes, axis=-1).round().astype(np.uint8)


@pytest.mark.parametrize('case', GOLDEN)
def test_the_reference_is_met(case):
    name, size, height, width, channels = re.fullmatch(
        r'(\w+) (\d+) from (\d+)x(\d+)x(\d)', case
    ).groups()
    facts, size = GOLDEN[case], int(size)
    image = _raw_image(int(height), int(width), int(channels))
    preprocess = preprocessing_factory.get_preprocessing(name)
    (result,) = graphs.run_in_pipeline(lambda x: preprocess(x, size, size), image[np.newaxis])
    np.testing.assert_array_equal(graphs.run(lambda x: preprocess(x, size, size), image), result)

    tolerance = 1e-3 * (facts['max'] - facts['min'])
    assert result.shape == (size, size, int(channels))
    for statistic in ('mean', 'std', 'min', 'max'):
        assert abs(getattr(np, statistic)(result) - facts[statistic]) <= tolerance
    places = facts['rows_and_columns']
    np.testing.assert_allclose(result[np.ix_(places, places)], facts['sample'], atol=tolerance)


PICTURE = records.picture(3, 300, 400)


def test_inception_takes_what_it_is_told():
    evaluate = inception_preprocessing.preprocess_for_eval
    whole = graphs.run(lambda x: evaluate(x, None, None, central_crop=False), PICTURE)
    np.testing.assert_allclose(whole, PICTURE / 127.5 - 1.0, atol=1e-6)
    centre = graphs.run(lambda x: evaluate(x, None, None, 0.5), PICTURE)
    np.testing.assert_allclose(centre, whole[75:225, 100:300], atol=1e-6)
    unit = (PICTURE / 255.0).astype(np.float32)
    np.testing.assert_allclose(
        graphs.run(lambda x: evaluate(x, 99, 99), unit),
        graphs.run(lambda x: evaluate(x, 99, 99), PICTURE),
        atol=1e-5,
    )


@pytest.mark.parametrize(('size', 'side'), [(224, 256), (231, 256), (256, 256), (331, 378)])
def test_vgg_scales_its_side_with_large_networks(size, side):
    image = graphs.run(lambda x: vgg_preprocessing.preprocess_image(x, size, size), PICTURE)
    expected = graphs.run(
        lambda x: vgg_preprocessing.preprocess_for_eval(x, size, size, side), PICTURE
    )
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(('size', 'side'), [(224, 256), (299, 342), (160, 183)])
def test_torch_standardises_the_centre_of_a_picture_that_is_an_eighth_larger(size, side):
    recipe = preprocessing_factory.get_preprocessing('torch')
    found = graphs.run(lambda x: recipe(x, size, size), PICTURE)
    centre = graphs.run(lambda x: resizing.scaled_centre(x, side, size, size), PICTURE)
    expected = (centre / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_vgg_keeps_the_aspect_of_what_it_crops():
    # A vertical edge in the middle stays in the middle of the crop.
    image = np.zeros((100, 300, 3), np.uint8)
    image[:, 150:] = 255
    result = graphs.run(lambda x: vgg_preprocessing.preprocess_for_eval(x, 224, 224, 256), image)
    row = result[112, :, 0] + 123.68
    assert (row[:110] == 0).all()
    assert (row[114:] == 255).all()


def test_vgg_scales_no_more_of_a_line_than_it_needs():
    # Whole, each would be scaled to 256 times as many pixels in both directions: 21 GB.
    line = np.repeat(np.arange(256, dtype=np.uint8), 320)[np.newaxis, :, np.newaxis]
    preprocess = preprocessing_factory.get_preprocessing('vgg')
    for image in (line, line.transpose(1, 0, 2)):
        found = graphs.run(lambda image=image: preprocess(tf.constant(image), 224, 224))
        assert found.shape == (224, 224, 1)
        assert np.ptp(found) <= 1  # The middle of it, where the grey hardly changes.
        assert found.mean() == pytest.approx(127.5 - 117.4, abs=2)


def test_cifarnet_pads_small_pictures():
    image = np.full((20, 24, 3), 200, np.uint8)
    result = graphs.run(
        lambda x: cifarnet_preprocessing.preprocess_for_eval(x, 32, 32, False), image
    )
    assert result.shape == (32, 32, 3)
    assert (result[0, 0] < result[16, 16]).all()


@pytest.mark.parametrize('name', preprocessing_factory.RECIPES)
def test_grey_has_one_channel(name):
    preprocess = preprocessing_factory.get_preprocessing(name, use_grayscale=True)
    grey = tf.image.rgb_to_grayscale
    small = records.picture(3, 30, 40)
    from_colour = graphs.run(lambda x: preprocess(x, 28, 28), small)
    assert from_colour.shape == (28, 28, 1)
    from_grey = graphs.run(lambda x: preprocess(grey(x), 28, 28), small)
    span = from_colour.max() - from_colour.min()
    np.testing.assert_allclose(from_grey, from_colour, atol=0.01 * span)
