"""Strong augmentation: random operations on each picture, then a random rectangle is erased.

RandAugment, arXiv:1909.13719, with its list of operations and a random strength for each; Random
Erasing, arXiv:1708.04896.
"""

import math

import tensorflow.compat.v1 as tf

from preprocessing.operations import randomness
from preprocessing.operations.randomness import Draw

_GREY = 128
_ERASED_SHARE = 0.25  # The share of the pictures.
_ERASED_AREA = (0.02, 1 / 3)
_ERASED_ASPECT = (0.3, 1 / 0.3)


def distort(picture, draws):
    """Apply random operations to one uint8 picture."""
    # The strength is from -1 to 1; operations without a direction use its absolute value.
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
    """Set a random rectangle in a quarter of the images to 0, the middle value of the recipes."""
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
    """Return a mask of `size` positions per image that is true in a random interval."""
    length = tf.minimum(length, float(size))
    start = (uniform * (size - length))[:, tf.newaxis]
    position = tf.range(size, dtype=tf.float32)[tf.newaxis]
    return (position >= start) & (position < start + length[:, tf.newaxis])


def _as_bytes(values):
    return tf.cast(tf.clip_by_value(values, 0.0, 255.0), tf.uint8)


def _blend(other, picture, strength):
    """Blend a picture with another one: 0 keeps it, -0.9 almost replaces it, 0.9 exaggerates it."""
    picture = tf.cast(picture, tf.float32)
    return _as_bytes(picture + (picture - other) * (0.9 * strength))


def _identity(picture, strength):
    del strength
    return tf.identity(picture)


def _brightness(picture, strength):
    return _blend(0.0, picture, strength)


def _contrast(picture, strength):
    return _blend(tf.reduce_mean(tf.cast(picture, tf.float32)), picture, strength)


def _colour(picture, strength):
    """Blend each pixel with its mean, with one matrix product."""
    channels = picture.shape[-1]
    factor = 0.9 * strength
    mean = tf.fill([channels, channels], 1.0 / float(channels))
    pixels = tf.reshape(tf.cast(picture, tf.float32), [-1, channels])
    blended = tf.matmul(pixels, tf.eye(channels) * (1.0 + factor) - mean * factor)
    return tf.reshape(_as_bytes(blended), picture.shape)


def _sharpness(picture, strength):
    """Blend a picture with its smoothed version, except at the border."""
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
    inverted = tf.cast(picture > threshold, tf.uint8) * 255
    return tf.bitwise.bitwise_xor(picture, inverted)


def _stretch(picture, strength):
    """Stretch each channel to the full range of values."""
    del strength
    height, width, channels = picture.shape
    # Process whole rows, because operations on three values at a time are several times slower.
    rows = tf.reshape(tf.cast(picture, tf.float32), [height, width * channels])

    def of_channels(reduce):
        return reduce(tf.reshape(reduce(rows, axis=0), [width, channels]), axis=0)

    low, high = of_channels(tf.reduce_min), of_channels(tf.reduce_max)
    scale = tf.where_v2(high > low, 255.0 / tf.maximum(high - low, 1.0), 1.0)
    offset = tf.where_v2(high > low, low, 0.0)
    stretched = (rows - tf.tile(offset, [width])) * tf.tile(scale, [width])
    return tf.reshape(_as_bytes(stretched), picture.shape)


def _equalise(picture, strength):
    """Equalise the histogram of each channel."""
    del strength
    height, width, channels = picture.shape
    # Each channel has its own 256 counters.
    rows = tf.cast(tf.reshape(picture, [height, width * channels]), tf.int32)
    values = rows + tf.tile(256 * tf.range(channels), [width])
    counts = tf.math.bincount(values, minlength=256 * channels, maxlength=256 * channels)
    counts = tf.reshape(counts, [channels, 256])
    below = tf.cumsum(counts, axis=1)
    # Nothing is above the highest value, so it is not spread.
    highest = tf.reduce_max(tf.where_v2(counts > 0, tf.range(256), 0), axis=1)
    step = (below[:, -1] - tf.gather(counts, highest, batch_dims=1)) // 255
    step = step[:, tf.newaxis]
    table = (below - counts + step // 2) // tf.maximum(step, 1)
    table = tf.where_v2(step > 0, tf.minimum(table, 255), tf.range(256))
    # Compiling makes the lookup six times as fast.
    look_up = tf.function(tf.gather, jit_compile=True, autograph=False)
    equalised = look_up(tf.cast(tf.reshape(table, [-1]), tf.uint8), values)
    return tf.reshape(equalised, picture.shape)


def _transform(picture, matrix):
    """Transform around the centre: output (x, y) is the input at (a x + b y, c x + d y)."""
    # Compiled, this is much faster than TensorFlow's own operation.
    return tf.function(_take_pixels, jit_compile=True, autograph=False)(picture, tf.stack(matrix))


def _take_pixels(picture, matrix):
    height, width, channels = picture.shape
    y = tf.range(height, dtype=tf.float32)[:, tf.newaxis] - (height - 1) / 2
    x = tf.range(width, dtype=tf.float32)[tf.newaxis, :] - (width - 1) / 2
    a, b, c, d = tf.unstack(matrix)
    column = tf.cast(tf.round(a * x + b * y + (width - 1) / 2), tf.int32)
    row = tf.cast(tf.round(c * x + d * y + (height - 1) / 2), tf.int32)
    is_inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    pixels = tf.reshape(picture, [height * width, channels])
    taken = tf.gather(pixels, tf.where_v2(is_inside, row * width + column, 0))
    return tf.where_v2(is_inside[..., tf.newaxis], taken, tf.constant(_GREY, tf.uint8))


def _rotate(picture, strength):
    angle = strength * (math.pi / 6)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    return _transform(picture, (cosine, -sine, sine, cosine))


def _shear_x(picture, strength):
    return _transform(picture, (1.0, 0.3 * strength, 0.0, 1.0))


def _shear_y(picture, strength):
    return _transform(picture, (1.0, 0.0, 0.3 * strength, 1.0))


def _shift_x(picture, strength):
    return _shift(picture, strength, axis=1)


def _shift_y(picture, strength):
    return _shift(picture, strength, axis=0)


def _shift(picture, strength, axis):
    """Shift a picture along an axis, and fill the gap with grey."""
    distance = tf.cast(tf.round(0.3 * strength * float(picture.shape[axis])), tf.int32)
    before, after = tf.maximum(distance, 0), tf.maximum(-distance, 0)
    paddings, begin = [[0, 0]] * 3, [0] * 3
    paddings[axis], begin[axis] = [before, after], after
    padded = tf.pad(picture, paddings, constant_values=_GREY)
    return tf.slice(padded, begin, picture.shape)


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
