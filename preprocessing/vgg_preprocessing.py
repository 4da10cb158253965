"""The recipe of the VGG paper: crops at a random scale, minus the mean colour.

Very Deep Convolutional Networks, arXiv:1409.1556, section 3.1.
"""

import tensorflow.compat.v1 as tf

from preprocessing import arrays, decoding
from preprocessing.operations import randomness, resizing
from preprocessing.operations.randomness import Draw
from preprocessing.recipe import Recipe

_LARGEST_SIDE = 512


def _subtract_means(images):
    return images - tf.constant(arrays.vgg_means(images.shape[-1]), tf.float32)


def _window(shape, height, width, draws, side_min=arrays.VGG_SIDE, side_max=_LARGEST_SIDE):
    """Choose the part of a picture for a random crop after scaling its shorter side.

    Scaling before cropping would give the same part, but also scale pixels that are not used.
    """
    side_min, side_max = (arrays.vgg_scaled(side, height, width) for side in (side_min, side_max))
    side = side_min + randomness.whole_number(draws[Draw.SCALE], side_max - side_min + 1)
    shorter = tf.minimum(shape[0], shape[1])
    zoom = tf.cast(shorter, tf.float32) / tf.cast(side, tf.float32)

    def part(output, whole, uniform):
        length = tf.cast(tf.round(output * zoom), tf.int32)
        length = tf.clip_by_value(length, 1, whole)
        return randomness.whole_number(uniform, whole - length + 1), length

    top, part_height = part(height, shape[0], draws[Draw.ROW])
    left, part_width = part(width, shape[1], draws[Draw.COLUMN])
    return tf.stack([top, left, part_height, part_width])


def _fit(picture, height, width, draws):
    return resizing.resize(resizing.flip(picture, draws[Draw.FLIP]), height, width)


def preprocess_for_train(
    image,
    output_height,
    output_width,
    resize_side_min=arrays.VGG_SIDE,
    resize_side_max=_LARGEST_SIDE,
    use_grayscale=False,
    seed=None,
):
    """Scale the shorter side of a decoded picture to between the two sizes, and crop at random.

    For outputs larger than 256 pixels, both sides increase in proportion. `seed` is (seed of the
    run, number of the example).
    """
    draws = randomness.draw(seed)
    if use_grayscale:
        image = resizing.to_grey(image)
    window = _window(
        tf.shape(image), output_height, output_width, draws, resize_side_min, resize_side_max
    )
    part = decoding.crop(image, window)
    return _subtract_means(_fit(part, output_height, output_width, draws))


def preprocess_for_eval(image, output_height, output_width, resize_side, use_grayscale=False):
    """Scale the shorter side of a decoded picture to `resize_side`, and crop the centre."""
    if use_grayscale:
        image = resizing.to_grey(image)
    side = max(resize_side, output_height, output_width)
    image = resizing.scaled_centre(image, side, output_height, output_width)
    return _subtract_means(image)


def preprocess_image(
    image,
    output_height,
    output_width,
    is_training=False,
    resize_side_min=arrays.VGG_SIDE,
    resize_side_max=_LARGEST_SIDE,
    use_grayscale=False,
    seed=None,
):
    """Prepare a decoded picture for training, or for evaluation at `resize_side_min`."""
    if is_training:
        return preprocess_for_train(
            image,
            output_height,
            output_width,
            resize_side_min,
            resize_side_max,
            use_grayscale,
            seed=seed,
        )
    side = arrays.vgg_scaled(resize_side_min, output_height, output_width)
    return preprocess_for_eval(image, output_height, output_width, side, use_grayscale)


RECIPE = Recipe(
    preprocess_image=preprocess_image,
    window=lambda shape, height, width, seed, draws: _window(shape, height, width, draws),
    fit=_fit,
    finish=lambda pictures, draws: _subtract_means(pictures),
    interpolates=True,
)
