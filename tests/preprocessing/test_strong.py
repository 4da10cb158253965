"""Strong augmentation does what its papers list, repeatably."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from PIL import Image, ImageOps

from preprocessing import preprocessing_factory
from preprocessing.operations import randomness, strong
from preprocessing.operations.randomness import Draw
from support import graphs
from support.files import records

PICTURE = (records.picture(3, 40, 50) // 2 + 40).astype(np.uint8)
GREY = PICTURE[..., :1]
STRENGTHS = np.array([-1.0, -0.5, 0.0, 0.5, 1.0], np.float32)
OPERATIONS = {operation.__name__.strip('_'): operation for operation in strong._OPERATIONS}


def _apply(name, strength=0.0, picture=PICTURE):
    return graphs.run(lambda x: OPERATIONS[name](x, tf.constant(strength)), picture)


@pytest.mark.parametrize('name', OPERATIONS)
def test_each_operation_gives_bytes_alone_and_in_a_pipeline(name):
    for picture in (PICTURE, GREY):
        piped = graphs.run_in_pipeline(
            lambda strength, x=picture: OPERATIONS[name](tf.constant(x), strength), STRENGTHS
        )
        for result in piped:
            assert result.shape == picture.shape
            assert result.dtype == np.uint8
    alone = _apply(name, 0.5, GREY)
    # The graph around an operation may round its values the other way.
    assert np.abs(alone.astype(int) - piped[3]).max() <= 1


def test_the_paper_s_operations_are_there():
    assert len(OPERATIONS) == 14


@pytest.mark.parametrize(
    'name',
    ['identity', 'brightness', 'contrast', 'colour', 'sharpness', 'posterise', 'solarise']
    + ['rotate', 'shear_x', 'shear_y', 'shift_x', 'shift_y'],
)
def test_strength_zero_keeps_the_picture(name):
    difference = _apply(name).astype(int) - PICTURE
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize(
    ('name', 'theirs'), [('stretch', ImageOps.autocontrast), ('equalise', ImageOps.equalize)]
)
def test_histograms_change_as_in_pillow(name, theirs):
    expected = np.asarray(theirs(Image.fromarray(PICTURE))).astype(int)
    assert np.abs(_apply(name) - expected).max() <= 1


@pytest.mark.parametrize('name', ['stretch', 'equalise'])
def test_a_flat_picture_stays_flat(name):
    flat = np.full((9, 9, 3), 77, np.uint8)
    np.testing.assert_array_equal(_apply(name, picture=flat), flat)


def test_values_change_as_stated():
    np.testing.assert_array_equal(_apply('posterise', 1.0), PICTURE & 0xF0)
    solarised = np.where(PICTURE > 127, 255 - PICTURE, PICTURE)
    np.testing.assert_array_equal(_apply('solarise', -0.5), solarised)
    assert _apply('brightness', 0.5).mean() > PICTURE.mean() * 1.3
    assert _apply('contrast', -1.0).std() < 0.2 * PICTURE.std()
    colourless = _apply('colour', -1.0)
    assert np.ptp(colourless, axis=-1).max() < 0.2 * np.ptp(PICTURE, axis=-1).max()
    rough = np.diff(_apply('sharpness', 1.0).astype(int), axis=1).std()
    smooth = np.diff(_apply('sharpness', -1.0).astype(int), axis=1).std()
    assert smooth < np.diff(PICTURE.astype(int), axis=1).std() < rough


def test_pictures_move_as_stated():
    np.testing.assert_array_equal(_apply('shift_x', 1.0)[:, 15:], PICTURE[:, :-15])
    np.testing.assert_array_equal(_apply('shift_x', 1.0)[:, :15], np.full((40, 15, 3), 128))
    np.testing.assert_array_equal(_apply('shift_y', -0.5)[:-6], PICTURE[6:])
    expected = Image.fromarray(PICTURE).rotate(30, fillcolor=(128, 128, 128))
    different = np.abs(_apply('rotate', 1.0).astype(int) - np.asarray(expected)).max(-1) > 20
    assert different.mean() < 0.03  # Where the two round to neighbouring pixels.
    sheared = _apply('shear_x', 1.0)
    np.testing.assert_array_equal(sheared[30, 10:40], PICTURE[30, 13:43])


def test_a_quarter_of_the_pictures_has_a_rectangle_erased():
    images = np.ones((400, 20, 30, 3), np.float32)
    draws = graphs.run(lambda x: randomness.draw_range(3, x, 400), np.int64(0))
    result = graphs.run(strong.erase, images, draws)
    shares = []
    for image, numbers in zip(result, draws, strict=True):
        rows, columns = np.where(image[..., 0] == 0)
        assert (len(rows) > 0) == (numbers[Draw.ERASE] < 0.25)
        if len(rows):
            height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
            assert height * width == len(rows)
            shares.append(len(rows) / 600)
    assert 70 < len(shares) < 130
    assert min(shares) < 0.06
    assert 0.25 < max(shares) < 0.4


@pytest.mark.parametrize(
    'name',
    [
        'inception',
        *(
            pytest.param(name, marks=pytest.mark.soak)
            for name in ('cifarnet', 'lenet', 'torch', 'vgg')
        ),
    ],
)
def test_strong_pictures_differ_and_repeat(name):
    preprocess = preprocessing_factory.get_preprocessing(name, True, augmentation='strong')
    seeds = np.array([[1, 0], [1, 1], [1, 0]])

    def distort(seed):
        return preprocess(PICTURE, 32, 32, seed=seed)

    first, second, again = graphs.run_in_pipeline(distort, seeds)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - second).max() > 0
    assert first.shape == (32, 32, 3)
    plain = preprocessing_factory.get_preprocessing(name, True)
    same_seed = graphs.run(lambda x: plain(x, 32, 32, seed=(1, 0)), PICTURE)
    assert np.abs(first - same_seed).max() > 0.01
