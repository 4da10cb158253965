"""Decode pictures inside a graph; all graphs use these functions."""

import tensorflow.compat.v1 as tf


def decode_image(encoded, channels=3):
    """Decode a JPEG, PNG, BMP or the first frame of a GIF to uint8 [height, width, channels].

    With one channel, return the picture in grey.
    """
    image = tf.io.decode_image(encoded, channels=channels, expand_animations=False)
    image.set_shape([None, None, channels])
    return image


def decode_and_crop(encoded, choose_window, channels=3):
    """Decode the window that `choose_window` picks from the picture's [height, width, channels].

    A window is [top, left, height, width]. The pixels are those of `decode_image`, but only about
    the window of a JPEG is decoded.
    """
    encoded = tf.convert_to_tensor(encoded)
    part = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: _crop_jpeg(encoded, choose_window, channels),
        lambda: _crop_decoded(decode_image(encoded, channels), choose_window),
    )
    part.set_shape([None, None, channels])
    return part


def crop(image, window):
    """Crop a window [top, left, height, width] of a decoded picture."""
    top, left, height, width = tf.unstack(window)
    part = tf.slice(image, [top, left, 0], [height, width, -1])
    part.set_shape([None, None, image.shape[-1]])
    return part


def _crop_decoded(image, choose_window):
    return crop(image, choose_window(tf.shape(image)))


def _crop_jpeg(encoded, choose_window, channels):
    shape = tf.image.extract_jpeg_shape(encoded)
    top, left, height, width = tf.unstack(choose_window(shape))
    # A JPEG stores colours at half the resolution, and they are interpolated from neighbouring
    # columns. Without these, the outermost columns would differ from those of the whole picture.
    before = tf.minimum(left, 1)
    after = tf.minimum(shape[1] - left - width, 1)
    window = [top, left - before, height, before + width + after]
    part = tf.image.decode_and_crop_jpeg(encoded, window, channels=channels)
    return tf.slice(part, [0, before, 0], [-1, width, -1])
