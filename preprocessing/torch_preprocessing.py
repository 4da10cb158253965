"""The recipe of torchvision's and timm's networks: random crops of any area, standardised colours.

It belongs to weights that were trained there. The mean and the standard deviation are those of
ImageNet's pictures.
"""

import tensorflow.compat.v1 as tf

from preprocessing import arrays, decoding
from preprocessing.operations import randomness, resizing, windows
from preprocessing.operations.randomness import Draw
from preprocessing.recipe import Recipe

_AREAS = (0.08, 1.0)


def _standardise(images):
    means, factors = arrays.torch_statistics(images.shape[-1])
    # NumPy gives the same values with the same two operations.
    return (images - tf.constant(means, tf.float32)) * tf.constant(factors, tf.float32)


def _window(shape, height, width, seed, draws):
    """Choose a window with 8% to 100% of the area and an aspect ratio from 3/4 to 4/3."""
    del height, width, draws
    return windows.of_any_size(shape, seed, _AREAS)


def _fit(picture, height, width, draws):
    return resizing.resize(resizing.flip(picture, draws[Draw.FLIP]), height, width)


def preprocess_for_train(image, output_height, output_width, use_grayscale=False, seed=None):
    """Crop a decoded picture at random; `seed` is (seed of the run, number of the example)."""
    seed = randomness.resolve(seed)
    if use_grayscale:
        image = resizing.to_grey(image)
    window = _window(tf.shape(image), output_height, output_width, seed, None)
    part = decoding.crop(image, window)
    return _standardise(_fit(part, output_height, output_width, randomness.draw(seed)))


def preprocess_for_eval(image, output_height, output_width, use_grayscale=False):
    """Scale a decoded picture, and crop the centre: 7/8 of the shorter side."""
    if use_grayscale:
        image = resizing.to_grey(image)
    side = arrays.torch_side(output_height, output_width)
    return _standardise(resizing.scaled_centre(image, side, output_height, output_width))


def preprocess_image(
    image, output_height, output_width, is_training=False, use_grayscale=False, seed=None
):
    """Prepare a decoded picture for training or evaluation."""
    if is_training:
        return preprocess_for_train(image, output_height, output_width, use_grayscale, seed)
    return preprocess_for_eval(image, output_height, output_width, use_grayscale)


RECIPE = Recipe(
    preprocess_image=preprocess_image,
    window=_window,
    fit=_fit,
    finish=lambda pictures, draws: _standardise(pictures),
    interpolates=True,
)
