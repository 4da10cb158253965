"""Changes of colour: of one picture with values in [0, 1], or of a batch with a factor for each.

They are plain arithmetic, which the compiler fuses into one pass over a batch: several times as
fast as `tf.image.adjust_*`, whose results they match.
"""

import tensorflow.compat.v1 as tf

_SMALL = 1e-9


def adjust_brightness(images, delta):
    """Add `delta` to every value."""
    return images + delta


def adjust_contrast(images, factor):
    """Move the values of each channel away from, or towards, their mean."""
    mean = tf.reduce_mean(images, axis=[-3, -2], keepdims=True)
    return (images - mean) * factor + mean


def adjust_saturation(images, factor):
    """Multiply the saturation of the HSV model, at most to full; hue and value stay."""
    channels = tf.split(images, images.shape[-1], axis=-1)
    value = _fold(tf.maximum, channels)
    chroma = value - _fold(tf.minimum, channels)
    # Saturation is chroma / value: the largest factor takes it to 1. A value below zero, which
    # brightness may leave, has no saturation.
    largest = tf.maximum(value, 0.0) / tf.maximum(chroma, _SMALL)
    return value - (value - images) * tf.minimum(factor, largest)


def adjust_hue(image, delta):
    """Turn the hue of one picture by `delta`, where 1 is the whole circle."""
    if image.shape[-1] == 1:
        return image
    return tf.image.adjust_hue(image, delta)


def _fold(function, values):
    result = values[0]
    for value in values[1:]:
        result = function(result, value)
    return result
