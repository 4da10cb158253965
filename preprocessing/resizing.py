"""Sizes and places: what all recipes do to the geometry of a picture."""

import tensorflow.compat.v1 as tf


def resize(image, height, width):
    """Resize a picture bilinearly, with the sampling grid of TF-Slim's time, to float32.

    Released weights were trained and measured with that grid; `tf.image.resize` shifts it by half
    a pixel.
    """
    # From float32 the operation is faster than from uint8, the conversion included.
    image = tf.cast(image, tf.float32)[tf.newaxis]
    resized = tf.raw_ops.ResizeBilinear(images=image, size=[height, width])
    return tf.squeeze(resized, [0])


def to_grey(image):
    """Turn a colour picture into a grey one of one channel; a grey one stays what it is."""
    if image.shape[-1] == 1:
        return image
    return tf.image.rgb_to_grayscale(image)


def flip(image, uniform):
    """Mirror a picture left to right where the random number is below one half."""
    return tf.cond(uniform < 0.5, lambda: tf.reverse(image, [1]), lambda: tf.identity(image))


def fit_to_size(image, height, width):
    """Cut the central part out of a picture, or pad it with zeros on all sides."""
    return tf.image.resize_with_crop_or_pad(image, height, width)
