"""TensorFlow's decoders as the gate calls them."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from pictures.kinds import BadImage
from preprocessing.picture_decoder import TensorFlowDecoder
from support.checkout import ROOT
from support.files import pictures

GOOD = pictures.all_good()


def test_a_graph_under_construction_stays_empty():
    with tf.Graph().as_default() as graph:
        pixels = TensorFlowDecoder().decode_png(GOOD['colour.png'].data, 3)
        assert not graph.get_operations()
    np.testing.assert_array_equal(pixels, GOOD['colour.png'].pixels)


def test_it_works_without_eager_mode():
    program = (
        'import sys, tensorflow.compat.v1 as tf; tf.disable_v2_behavior()\n'
        'from preprocessing.picture_decoder import TensorFlowDecoder\n'
        'print(*TensorFlowDecoder().decode_jpeg(sys.stdin.buffer.read(), 1).shape)'
    )
    result = subprocess.run(
        [sys.executable, '-c', program], input=GOOD['baseline.jpg'].data, capture_output=True,
        check=True, cwd=ROOT,
    )  # fmt: skip
    assert result.stdout.split() == [b'30', b'44', b'3']


def test_a_damaged_file_is_a_bad_image():
    decoder = TensorFlowDecoder()
    for decode, name, message in (
        (decoder.jpeg_size, 'baseline.jpg', 'truncated or damaged JPEG'),
        (lambda data: decoder.decode_jpeg(data, 8), 'baseline.jpg', 'truncated or damaged JPEG'),
        (lambda data: decoder.decode_png(data, 3), 'colour.png', 'truncated or damaged PNG'),
        (decoder.decode_webp, 'lossless.webp', 'damaged WebP'),
    ):
        with pytest.raises(BadImage, match=message):
            decode(GOOD[name].data[:40])


def test_the_size_of_a_jpeg_is_its_height_and_width():
    decoder = TensorFlowDecoder()
    assert decoder.jpeg_size(GOOD['baseline.jpg'].data) == (pictures.HEIGHT, pictures.WIDTH)
