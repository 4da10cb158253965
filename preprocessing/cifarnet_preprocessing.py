"""The recipe of CifarNet: random shifts, flips, brightness and contrast; then standardised."""

import tensorflow.compat.v1 as tf

from preprocessing.operations import colour, randomness, resizing
from preprocessing.operations.randomness import Draw
from preprocessing.recipe import Recipe

_PADDING = 4
_MAX_BRIGHTNESS = 63.0  # For values from 0 to 255.
_CONTRAST = (0.2, 1.8)


def _fit(picture, height, width, draws, padding=_PADDING):
    """Pad with zeros, crop a window of the network's size, and perhaps mirror it."""
    size = tf.shape(picture)
    # A picture that is smaller than the network's input needs more padding.
    before, after = [], []
    for whole, output in ((size[0], height), (size[1], width)):
        missing = tf.maximum(output - whole, 0)
        before.append(padding + missing // 2)
        after.append(padding + missing - missing // 2)
    paddings = tf.stack([before + [0], after + [0]], axis=1)
    padded = tf.pad(picture, paddings)
    shape = tf.shape(padded)
    top = randomness.whole_number(draws[Draw.ROW], shape[0] - height + 1)
    left = randomness.whole_number(draws[Draw.COLUMN], shape[1] - width + 1)
    part = tf.slice(padded, [top, left, 0], [height, width, -1])
    part.set_shape([height, width, picture.shape[-1]])
    return resizing.flip(part, draws[Draw.FLIP])


def _distort_light(images, draws):
    delta = randomness.of_each(draws, Draw.BRIGHTNESS)
    factor = randomness.of_each(draws, Draw.CONTRAST)
    images = colour.adjust_brightness(
        images, randomness.between(delta, -_MAX_BRIGHTNESS, _MAX_BRIGHTNESS)
    )
    return colour.adjust_contrast(images, randomness.between(factor, *_CONTRAST))


def _as_float(image, use_grayscale):
    image = tf.cast(image, tf.float32)
    return resizing.to_grey(image) if use_grayscale else image


def _summarise(name, image, wanted):
    if wanted:
        tf.summary.image(name, image[tf.newaxis])


def preprocess_for_train(
    image,
    output_height,
    output_width,
    padding=_PADDING,
    add_image_summaries=True,
    use_grayscale=False,
    seed=None,
):
    """Distort a decoded picture at random; `seed` is (seed of the run, number of the example)."""
    draws = randomness.draw(seed)
    image = _as_float(image, use_grayscale)
    _summarise('image', image, add_image_summaries)
    part = _fit(image, output_height, output_width, draws, padding)
    distorted = _distort_light(part, draws)
    _summarise('distorted_image', distorted, add_image_summaries)
    return tf.image.per_image_standardization(distorted)


def preprocess_for_eval(
    image, output_height, output_width, add_image_summaries=True, use_grayscale=False
):
    """Crop the centre of a decoded picture, or pad it if it is smaller, and standardise it."""
    image = _as_float(image, use_grayscale)
    _summarise('image', image, add_image_summaries)
    part = resizing.fit_to_size(image, output_height, output_width)
    _summarise('resized_image', part, add_image_summaries)
    return tf.image.per_image_standardization(part)


def preprocess_image(
    image,
    output_height,
    output_width,
    is_training=False,
    add_image_summaries=True,
    use_grayscale=False,
    seed=None,
):
    """Prepare a decoded picture for training or evaluation."""
    options = {'add_image_summaries': add_image_summaries, 'use_grayscale': use_grayscale}
    if is_training:
        return preprocess_for_train(image, output_height, output_width, seed=seed, **options)
    return preprocess_for_eval(image, output_height, output_width, **options)


RECIPE = Recipe(
    preprocess_image=preprocess_image,
    window=None,
    fit=_fit,
    finish=lambda pictures, draws: tf.image.per_image_standardization(
        _distort_light(pictures, draws)
    ),
    interpolates=False,
)
