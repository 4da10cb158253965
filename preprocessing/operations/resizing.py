"""Resize, crop, flip and convert pictures, for all recipes."""

import tensorflow.compat.v1 as tf

from preprocessing import arrays, decoding


def resize(image, height, width):
    """Resize a picture bilinearly to float32, with the sampling grid that TF-Slim used.

    Released weights were trained and evaluated with this grid; `tf.image.resize` shifts it by half
    a pixel.
    """
    # The operation is faster on float32 than on uint8, including the conversion.
    image = tf.cast(image, tf.float32)[tf.newaxis]
    resized = tf.raw_ops.ResizeBilinear(images=image, size=[height, width])
    return tf.squeeze(resized, [0])


def scaled_centre(image, side, height, width):
    """Scale the shorter side of a picture to `side`, and crop the centre."""
    image = _without_ends(image)
    shape = tf.cast(tf.shape(image)[:2], tf.float32)
    size = tf.cast(tf.math.rint(shape * (side / tf.reduce_min(shape))), tf.int32)
    image = resize(image, size[0], size[1])
    offset = (size - [height, width]) // 2
    window = tf.concat([offset, [height, width]], 0)
    image = decoding.crop(image, window)
    image.set_shape([height, width, None])
    return image


def _without_ends(image):
    """Crop extremely long pictures to their middle; return others unchanged."""
    shape = tf.shape(image)[:2]
    size = tf.minimum(shape, arrays.LONGEST * tf.reduce_min(shape))
    return decoding.crop(image, tf.concat([(shape - size) // 2, size], 0))


def to_grey(image):
    """Convert a colour picture to one grey channel; return a grey picture unchanged."""
    if image.shape[-1] == 1:
        return image
    return tf.image.rgb_to_grayscale(image)


def flip(image, uniform):
    """Mirror a picture left to right if the random number is below one half."""
    return tf.cond(uniform < 0.5, lambda: tf.reverse(image, [1]), lambda: tf.identity(image))


def fit_to_size(image, height, width):
    """Crop the central part of a picture, or pad it with zeros on all sides."""
    return tf.image.resize_with_crop_or_pad(image, height, width)
