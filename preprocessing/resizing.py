"""Resize, crop, flip and convert pictures, for all recipes."""

import tensorflow.compat.v1 as tf


def resize(image, height, width):
    """Resize a picture bilinearly to float32, with the sampling grid that TF-Slim used.

    Released weights were trained and evaluated with this grid; `tf.image.resize` shifts it by half
    a pixel.
    """
    # The operation is faster on float32 than on uint8, including the conversion.
    image = tf.cast(image, tf.float32)[tf.newaxis]
    resized = tf.raw_ops.ResizeBilinear(images=image, size=[height, width])
    return tf.squeeze(resized, [0])


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
