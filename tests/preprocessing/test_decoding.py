"""Encoded bytes become the same pixels everywhere, whole or in part."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from preprocessing import decoding
from support import graphs
from support.files import records

PIXELS = records.picture(1, 61, 83)
GREY = records.picture(1, 61, 83, channels=1)


def _decoded(data, channels=3):
    return graphs.run(lambda encoded: decoding.decode_image(encoded, channels), data)


@pytest.mark.parametrize('kind', ['png', 'bmp'])
def test_lossless_kinds_keep_every_pixel(kind):
    np.testing.assert_array_equal(_decoded(records.encoded(PIXELS, kind)), PIXELS)


def test_a_jpeg_is_decoded_as_by_default():
    data = records.encoded(PIXELS, 'jpeg', quality=90)
    expected = graphs.run(tf.io.decode_jpeg, data)
    np.testing.assert_array_equal(_decoded(data), expected)


def test_a_gif_gives_its_first_frame():
    assert _decoded(records.encoded(PIXELS, 'gif')).shape == (61, 83, 3)


def test_one_channel_is_grey():
    assert _decoded(records.encoded(PIXELS), channels=1).shape == (61, 83, 1)
    np.testing.assert_array_equal(_decoded(records.encoded(GREY, 'png'), channels=1), GREY)
    np.testing.assert_array_equal(
        _decoded(records.encoded(GREY, 'png')), np.repeat(GREY, 3, axis=-1)
    )


WINDOWS = [
    (top, left, bottom - top, right - left)
    for top, bottom in [(0, 61), (1, 2), (16, 33), (40, 61)]
    for left, right in [(0, 83), (0, 16), (16, 31), (15, 32), (17, 60), (33, 34), (64, 83)]
]


@pytest.mark.parametrize('subsampling', [0, 1, 2])
@pytest.mark.parametrize('progressive', [False, True])
def test_a_window_has_the_pixels_of_the_whole_picture(subsampling, progressive):
    data = records.encoded(
        PIXELS, 'jpeg', quality=95, subsampling=subsampling, progressive=progressive
    )
    _check_windows(data, 3)


def test_a_window_of_other_kinds_too():
    _check_windows(records.encoded(PIXELS, 'png'), 3)
    _check_windows(records.encoded(GREY, 'jpeg'), 1)


def _check_windows(data, channels):
    whole = _decoded(data, channels)
    parts = graphs.run_in_pipeline(
        lambda window: decoding.decode_and_crop(data, lambda shape: window, channels),
        np.array(WINDOWS, np.int32),
    )
    for (top, left, height, width), part in zip(WINDOWS, parts, strict=True):
        np.testing.assert_array_equal(part, whole[top : top + height, left : left + width])


def test_the_window_is_chosen_by_the_shape():
    def lower_right(shape):
        return tf.stack([shape[0] - 5, shape[1] - 7, 5, 7])

    for kind in ('jpeg', 'png'):
        data = records.encoded(PIXELS, kind)
        part = graphs.run(lambda encoded: decoding.decode_and_crop(encoded, lower_right), data)
        np.testing.assert_array_equal(part, _decoded(data)[-5:, -7:])
