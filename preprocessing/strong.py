"""Strong augmentation: a few random operations on each picture, then a rectangle erased.

RandAugment, arXiv:1909.13719, with its list of operations and a strength drawn for each; Random
Erasing, arXiv:1708.04896.
"""

import math

import tensorflow.compat.v1 as tf

from preprocessing import randomness
from preprocessing.randomness import Draw

_GREY = 128.0
_ERASED_SHARE = 0.25  # Of the pictures.
_ERASED_AREA = (0.02, 1 / 3)
_ERASED_ASPECT = (0.3, 1 / 0.3)


def distort(picture, draws):
    """Apply random operations to one uint8 picture."""
    # The strength goes from -1 to 1; operations without a direction take its size.
    branches = _OPERATIONS
    for choice, strength in randomness.operations(draws):
        strength = randomness.between(strength, -1.0, 1.0)
        number = randomness.whole_number(choice, len(branches))
        distorted = tf.switch_case(
            number,
            [lambda f=f, x=picture, s=strength: f(x, s) for f in branches],
        )
        distorted.set_shape(picture.shape)
        picture = distorted
    return picture


def erase(images, draws):
    """Set a random rectangle in a quarter of a batch's images to 0, the recipes' middle value."""
    height, width = images.shape[1], images.shape[2]
    area = randomness.between(draws[:, Draw.ERASED_AREA], *_ERASED_AREA) * height * width
    aspect = tf.exp(
        randomness.between(draws[:, Draw.ERASED_ASPECT], *(math.log(a) for a in _ERASED_ASPECT))
    )
    rows = _covered(height, tf.sqrt(area * aspect), draws[:, Draw.ERASED_ROW])
    columns = _covered(width, tf.sqrt(area / aspect), draws[:, Draw.ERASED_COLUMN])
    chosen = draws[:, Draw.ERASE, tf.newaxis, tf.newaxis] < _ERASED_SHARE
    erased = chosen & rows[:, :, tf.newaxis] & columns[:, tf.newaxis, :]
    return tf.where_v2(erased[..., tf.newaxis], 0.0, images)


def _covered(size, length, uniform):
    """Return for each image which of `size` positions a random interval covers."""
    length = tf.minimum(length, float(size))
    start = (uniform * (size - length))[:, tf.newaxis]
    position = tf.range(size, dtype=tf.float32)[tf.newaxis]
    return (position >= start) & (position < start + length[:, tf.newaxis])


def _as_bytes(values):
    return tf.cast(tf.clip_by_value(values, 0.0, 255.0), tf.uint8)


def _blend(other, picture, strength):
    """Mix a picture with another one: 0 keeps it, -0.9 nearly replaces it, 0.9 exaggerates."""
    picture = tf.cast(picture, tf.float32)
    return _as_bytes(picture + (picture - other) * (0.9 * strength))


def _identity(picture, strength):
    del strength
    return tf.identity(picture)


def _brightness(picture, strength):
    return _blend(0.0, picture, strength)


def _grey(picture):
    return tf.reduce_mean(tf.cast(picture, tf.float32), axis=-1, keepdims=True)


def _contrast(picture, strength):
    return _blend(tf.reduce_mean(_grey(picture)), picture, strength)


def _colour(picture, strength):
    return _blend(_grey(picture), picture, strength)


def _sharpness(picture, strength):
    """Blend with a smoothed picture, except at the border."""
    channels = picture.shape[-1]
    kernel = tf.constant([[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]]) / 13.0
    kernel = tf.tile(kernel[:, :, tf.newaxis, tf.newaxis], [1, 1, channels, 1])
    values = tf.cast(picture, tf.float32)
    detail = (
        values[1:-1, 1:-1]
        - tf.nn.depthwise_conv2d(values[tf.newaxis], kernel, [1, 1, 1, 1], 'VALID')[0]
    )
    detail = tf.pad(detail, [[1, 1], [1, 1], [0, 0]])
    return _as_bytes(values + detail * (0.9 * strength))


def _posterise(picture, strength):
    """Keep the four to eight highest bits of each value."""
    dropped = tf.cast(tf.round(4.0 * tf.abs(strength)), tf.uint8)
    return tf.bitwise.left_shift(tf.bitwise.right_shift(picture, dropped), dropped)


def _solarise(picture, strength):
    """Invert the values above a threshold."""
    threshold = tf.cast(255.0 * (1.0 - tf.abs(strength)), tf.uint8)
    return tf.where_v2(picture > threshold, 255 - picture, picture)


def _stretch(picture, strength):
    """Stretch each channel to the whole range of values."""
    del strength
    values = tf.cast(picture, tf.float32)
    low = tf.reduce_min(values, axis=[0, 1])
    high = tf.reduce_max(values, axis=[0, 1])
    scale = tf.where_v2(high > low, 255.0 / tf.maximum(high - low, 1.0), 1.0)
    offset = tf.where_v2(high > low, low, 0.0)
    return _as_bytes((values - offset) * scale)


def _equalise(picture, strength):
    """Map the values of each channel so that all are about equally frequent."""
    del strength
    channels = [_equalise_channel(c) for c in tf.unstack(picture, axis=-1)]
    return tf.stack(channels, axis=-1)


def _equalise_channel(values):
    values = tf.cast(values, tf.int32)
    counts = tf.math.bincount(tf.reshape(values, [-1]), minlength=256, maxlength=256)
    below = tf.cumsum(counts)
    # What the most frequent end holds has no room to be spread in.
    step = (below[255] - counts[tf.reduce_max(values)]) // 255
    table = (below - counts + step // 2) // tf.maximum(step, 1)
    table = tf.where_v2(step > 0, tf.clip_by_value(table, 0, 255), tf.range(256))
    return tf.gather(tf.cast(table, tf.uint8), values)


def _transform(picture, matrix):
    """Move the pixels: output (x, y) takes the input's (a x + b y + c, d x + e y + f)."""
    height, width = (float(size) for size in picture.shape[:2])
    a, b, c, d, e, f = (tf.convert_to_tensor(value, tf.float32) for value in matrix)
    # The centre stays in its place, but for the shift (c, f).
    x, y = (width - 1) / 2, (height - 1) / 2
    row = [a, b, c + x - a * x - b * y, d, e, f + y - d * x - e * y, 0.0, 0.0]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=picture[tf.newaxis],
        transforms=tf.stack(row)[tf.newaxis],
        output_shape=picture.shape[:2],
        fill_value=_GREY,
        interpolation='BILINEAR',
        fill_mode='CONSTANT',
    )[0]


def _rotate(picture, strength):
    angle = strength * (math.pi / 6)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return _transform(picture, (cosine, -sine, 0.0, sine, cosine, 0.0))


def _shear_x(picture, strength):
    return _transform(picture, (1.0, 0.3 * strength, 0.0, 0.0, 1.0, 0.0))


def _shear_y(picture, strength):
    return _transform(picture, (1.0, 0.0, 0.0, 0.3 * strength, 1.0, 0.0))


def _shift_x(picture, strength):
    shift = 0.3 * strength * float(picture.shape[1])
    return _transform(picture, (1.0, 0.0, shift, 0.0, 1.0, 0.0))


def _shift_y(picture, strength):
    shift = 0.3 * strength * float(picture.shape[0])
    return _transform(picture, (1.0, 0.0, 0.0, 0.0, 1.0, shift))


_OPERATIONS = (
    _identity,
    _stretch,
    _equalise,
    _posterise,
    _solarise,
    _brightness,
    _contrast,
    _colour,
    _sharpness,
    _rotate,
    _shear_x,
    _shear_y,
    _shift_x,
    _shift_y,
)
