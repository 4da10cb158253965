"""The recipe of LeNet: the centre of the picture with values in [-1, 1), without random changes."""

import tensorflow.compat.v1 as tf

from preprocessing import arrays
from preprocessing.operations import resizing
from preprocessing.recipe import Recipe


def _scale(images):
    return (images - arrays.LENET_SCALE) / arrays.LENET_SCALE


def preprocess_image(
    image, output_height, output_width, is_training, use_grayscale=False, seed=None
):
    """Prepare a decoded picture for training or evaluation."""
    del is_training, seed
    image = tf.cast(image, tf.float32)
    if use_grayscale:
        image = resizing.to_grey(image)
    return _scale(resizing.fit_to_size(image, output_height, output_width))


RECIPE = Recipe(
    preprocess_image=preprocess_image,
    window=None,
    fit=lambda picture, height, width, draws: resizing.fit_to_size(picture, height, width),
    finish=lambda pictures, draws: _scale(pictures),
    interpolates=False,
)
