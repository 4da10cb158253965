"""Change the colours of a picture with values in [0, 1], or of a batch with one factor per picture.

The functions use plain arithmetic, which the compiler fuses into one pass over a batch. They match
`tf.image.adjust_*` and are several times as fast.
"""

import tensorflow.compat.v1 as tf

_SMALL = 1e-9


def adjust_brightness(images, delta):
    """Add `delta` to every value."""
    return images + delta


def adjust_contrast(images, factor):
    """Scale the distance of the values of each channel from their mean."""
    mean = tf.reduce_mean(images, axis=[-3, -2], keepdims=True)
    return (images - mean) * factor + mean


def adjust_saturation(images, factor):
    """Multiply the saturation of the HSV model, up to 1; hue and value do not change."""
    channels = tf.split(images, images.shape[-1], axis=-1)
    value = _fold(tf.maximum, channels)
    chroma = value - _fold(tf.minimum, channels)
    # Saturation is chroma / value, so this factor is the largest one. A value below zero, which
    # a change of brightness can cause, has no saturation.
    largest = tf.maximum(value, 0.0) / tf.maximum(chroma, _SMALL)
    return value - (value - images) * tf.minimum(factor, largest)


def adjust_hue(image, delta):
    """Rotate the hue of one picture by `delta`; 1 is a full circle."""
    if image.shape[-1] == 1:
        return image
    return tf.image.adjust_hue(image, delta)


def _fold(function, values):
    result = values[0]
    for value in values[1:]:
        result = function(result, value)
    return result
