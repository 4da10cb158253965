"""Recipes computed with NumPy equal those of the graph."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from common.errors import UserError
from preprocessing import arrays, preprocessing_factory
from support.files import records

SIZES = (
    (1, 1),
    (1, 7),
    (5, 1),
    (2, 3),
    (28, 28),
    (31, 33),
    (80, 60),
    (1, 900),
    (300, 2),
    (90, 120),
)
MORE_SIZES = (
    (7, 1), (1, 5000), (5000, 1), (224, 224), (223, 225), (256, 256), (257, 255), (299, 299),
    (427, 640), (640, 427), (900, 1200), (20, 3000), (3000, 4000),
)  # fmt: skip
# What the sums over a whole picture may differ by.
TOLERANCES = {'cifarnet': 1e-5}


def assert_equal_to_the_graph(name, channels, outputs, sizes):
    recipe = preprocessing_factory.get_preprocessing(name, use_grayscale=channels == 1)
    random = np.random.default_rng(0)
    for height, width in outputs:
        with tf.Graph().as_default(), tf.Session() as session:
            image = tf.placeholder(tf.uint8, [None, None, channels])
            result = recipe(image, height, width)
            for size in sizes:
                for pixels in (
                    records.picture(1, *size, channels),
                    random.integers(0, 256, (*size, channels), dtype=np.uint8),
                    np.full((*size, channels), 200, np.uint8),
                ):
                    expected = session.run(result, {image: pixels})
                    found = arrays.prepare(pixels, name, height, width)
                    assert (found.dtype, found.shape) == (np.float32, (height, width, channels))
                    tolerance = TOLERANCES.get(name, 0) * max(1, np.abs(expected).max())
                    assert np.abs(found - expected).max() <= tolerance, (size, (height, width))


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('name', preprocessing_factory.RECIPES)
def test_recipes_are_those_of_the_graph(name, channels):
    assert_equal_to_the_graph(name, channels, [(32, 32), (64, 40)], SIZES)


@pytest.mark.soak
@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('name', preprocessing_factory.RECIPES)
def test_recipes_are_those_of_the_graph_for_all_sizes(name, channels):
    outputs = [(28, 28), (224, 224), (224, 160), (299, 299), (331, 331)]
    assert_equal_to_the_graph(name, channels, outputs, SIZES + MORE_SIZES)


@pytest.mark.parametrize('name', preprocessing_factory.RECIPES)
def test_the_result_can_be_written_into_a_batch(name):
    pixels = records.picture(2, 50, 60)
    batch = np.full((3, 24, 32, 3), 7, np.float32)
    found = arrays.prepare(pixels, name, 24, 32, out=batch[1])
    assert found.base is batch
    np.testing.assert_array_equal(batch[1], arrays.prepare(pixels, name, 24, 32))
    assert (batch[[0, 2]] == 7).all()


def test_a_part_of_a_larger_array_is_a_picture_too():
    whole = records.picture(3, 90, 120)
    found = arrays.prepare(whole[10:60, 20:100], 'vgg', 32, 32)
    expected = arrays.prepare(whole[10:60, 20:100].copy(), 'vgg', 32, 32)
    np.testing.assert_array_equal(found, expected)


def test_an_unknown_recipe_is_an_error():
    with pytest.raises(UserError, match='lenet'):
        arrays.prepare(records.picture(1), 'nonesuch', 32, 32)
