"""Random numbers that depend only on the seed of the run and the number of the example."""

import enum

import tensorflow.compat.v1 as tf

_PHILOX = 1  # This generator gives the same numbers on every device.
_OPERATIONS = 2  # The number of random operations that strong augmentation applies to a picture.


class Draw(enum.IntEnum):
    """The decision for which each random number of an example is used."""

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
    OPERATION = 14  # The first of the numbers that choose operations.
    STRENGTH = OPERATION + _OPERATIONS  # The first of the numbers that set their strength.


# Philox makes four numbers at a time; each example gets this many groups of four.
_FOURS = -(-(Draw.STRENGTH + _OPERATIONS) // 4)


def resolve(seed=None):
    """Return `seed` as a tensor (seed of the run, number of the example); random for None."""
    if seed is None:
        return tf.random.uniform([2], maxval=tf.int64.max, dtype=tf.int64)
    return tf.cast(seed, tf.int64)


def draw(seed):
    """Draw all random numbers of an example, uniform in [0, 1), in one call because calls are slow.

    `seed` is a pair (seed of the run, number of the example).
    """
    run_seed, number = tf.unstack(resolve(seed))
    return draw_range(run_seed, number, 1)[0]


def draw_range(run_seed, first, count):
    """Draw the random numbers of `count` consecutive examples, one row per example.

    Philox is a function of key and counter, so the number of an example selects its numbers.
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
    """Map numbers in [0, 1) to [low, high)."""
    return low + uniform * (high - low)


def whole_number(uniform, count):
    """Map a number in [0, 1) to a whole number below `count`."""
    number = tf.cast(uniform * tf.cast(count, tf.float32), tf.int32)
    # Rounding can turn a number just below 1 into `count`.
    return tf.minimum(number, count - 1)


def of_each(draws, which):
    """Return one number per picture, in a shape that can be combined with the pixels."""
    return draws[..., which, tf.newaxis, tf.newaxis, tf.newaxis]


def operations(draws):
    """List the (choice, strength) pairs for the strong augmentation of one picture."""
    return [(draws[Draw.OPERATION + i], draws[Draw.STRENGTH + i]) for i in range(_OPERATIONS)]
