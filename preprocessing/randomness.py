"""Random numbers that are a pure function of the run's seed and the example's number."""

import enum

import tensorflow.compat.v1 as tf

_PHILOX = 1  # The generator that gives the same numbers on every device.
_OPERATIONS = 2  # As many random operations does strong augmentation apply to one picture.


class Draw(enum.IntEnum):
    """What each of an example's random numbers decides."""

    FLIP = 0
    SCALE = 1
    ROW = 2
    COLUMN = 3
    BRIGHTNESS = 4
    SATURATION = 5
    HUE = 6
    CONTRAST = 7
    ORDERING = 8
    ERASE = 9
    ERASED_AREA = 10
    ERASED_ASPECT = 11
    ERASED_ROW = 12
    ERASED_COLUMN = 13
    OPERATION = 14  # The first of those that choose an operation.
    STRENGTH = OPERATION + _OPERATIONS  # The first of those that say how strongly to apply it.


# Philox makes four numbers at a time; each example has so many fours for itself.
_FOURS = -(-(Draw.STRENGTH + _OPERATIONS) // 4)


def resolve(seed=None):
    """Return `seed` as a tensor (seed of the run, number of the example), a fresh one for None."""
    if seed is None:
        return tf.random.uniform([2], maxval=tf.int64.max, dtype=tf.int64)
    return tf.cast(seed, tf.int64)


def draw(seed):
    """Draw an example's random numbers, uniform in [0, 1), all at once: calls cost more than bits.

    `seed` is a pair (seed of the run, number of the example).
    """
    run_seed, number = tf.unstack(resolve(seed))
    return draw_range(run_seed, number, 1)[0]


def draw_range(run_seed, first, count):
    """Draw the random numbers of `count` examples that follow each other, in a row for each.

    Philox is a function of key and counter, so that an example's numbers are found by its own.
    """
    key = tf.bitcast(tf.cast(run_seed, tf.int64), tf.uint64)
    counter = tf.bitcast(tf.cast(first, tf.int64) * _FOURS, tf.uint64)
    return tf.raw_ops.StatelessRandomUniformV2(
        shape=[count, 4 * _FOURS],
        key=key[tf.newaxis],
        counter=tf.stack([counter, tf.constant(0, tf.uint64)]),
        alg=_PHILOX,
    )


def between(uniform, low, high):
    """Stretch numbers from [0, 1) to [low, high)."""
    return low + uniform * (high - low)


def whole_number(uniform, count):
    """Map a number in [0, 1) to one of 0 .. count - 1."""
    number = tf.cast(uniform * tf.cast(count, tf.float32), tf.int32)
    # Rounding may lift a number just below 1 to `count`.
    return tf.minimum(number, count - 1)


def of_each(draws, which):
    """Return one decision of a picture, or of each picture of a batch, to go with its pixels."""
    return draws[..., which, tf.newaxis, tf.newaxis, tf.newaxis]


def operations(draws):
    """List the (choice, strength) pairs of one picture's strong augmentation."""
    return [(draws[Draw.OPERATION + i], draws[Draw.STRENGTH + i]) for i in range(_OPERATIONS)]
