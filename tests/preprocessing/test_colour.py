"""Changes of colour agree with TensorFlow's own, for one picture and for a batch."""

import colorsys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from preprocessing.operations import colour
from support import graphs

PICTURES = np.random.default_rng(0).random((3, 7, 9, 3), np.float32)
FACTORS = np.array([0.5, 1.0, 1.5], np.float32).reshape(3, 1, 1, 1)

OPERATIONS = {
    'brightness': (colour.adjust_brightness, tf.image.adjust_brightness),
    'contrast': (colour.adjust_contrast, tf.image.adjust_contrast),
    'saturation': (colour.adjust_saturation, tf.image.adjust_saturation),
}


@pytest.mark.parametrize('name', OPERATIONS)
def test_a_batch_is_changed_as_tensorflow_changes_each(name):
    ours, theirs = OPERATIONS[name]
    batch = graphs.run(ours, PICTURES, FACTORS)
    for result, image, factor in zip(batch, PICTURES, FACTORS.flatten(), strict=True):
        expected = graphs.run(lambda x, f=float(factor): theirs(x, f), image)
        np.testing.assert_allclose(result, expected, atol=2e-6)


def test_saturation_keeps_hue_and_value():
    result = graphs.run(colour.adjust_saturation, PICTURES[0], np.float32(1.4)).reshape(-1, 3)
    for before, after in zip(PICTURES[0].reshape(-1, 3), result, strict=True):
        h, s, v = colorsys.rgb_to_hsv(*(float(x) for x in before))
        np.testing.assert_allclose(after, colorsys.hsv_to_rgb(h, min(1.0, 1.4 * s), v), atol=1e-5)


def test_grey_has_no_colour_to_change():
    grey = PICTURES[..., :1]
    np.testing.assert_array_equal(graphs.run(colour.adjust_saturation, grey, FACTORS), grey)
    np.testing.assert_array_equal(graphs.run(colour.adjust_hue, grey[0], np.float32(0.3)), grey[0])


def test_values_that_brightness_took_below_zero_stay_finite():
    dark = PICTURES - 1.0
    result = graphs.run(colour.adjust_saturation, dark, FACTORS)
    assert np.isfinite(result).all()
    assert result.max() <= dark.max()
