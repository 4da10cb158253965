"""Decoding without TensorFlow: its pixels, and as strict."""

import numpy as np
import pytest
import tensorflow as tf

from pictures import decode, gate
from pictures.kinds import BadImage
from support.files import pictures, records

GOOD = pictures.all_good()


def by_tensorflow(data, channels):
    return tf.io.decode_image(data, channels=channels, expand_animations=False).numpy()


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('name', GOOD)
def test_normalised_pictures_have_the_pixels_of_the_graph(name, channels):
    data = pictures.normalise(GOOD[name].data).data
    found = decode.pixels(data, channels)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, by_tensorflow(data, channels))


@pytest.mark.parametrize('kind', ['jpeg', 'png'])
def test_a_truncated_picture_is_refused(kind):
    data = records.encoded(records.picture(1), kind)
    for length in [*range(0, len(data), 37), *range(len(data) - 13, len(data))]:
        with pytest.raises(BadImage):
            decode.pixels(data[:length], 3)


def test_other_files_are_refused():
    with pytest.raises(BadImage, match='neither a JPEG nor a PNG'):
        decode.pixels(GOOD['moving.gif'].data, 3)


@pytest.mark.parametrize('name', GOOD)
def test_the_gate_gives_the_same_result_with_it(name):
    found = gate.normalise(GOOD[name].data, decode.LibraryDecoder())
    assert found == pictures.normalise(GOOD[name].data)
