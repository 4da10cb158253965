"""The recipe of the Inception papers: random crops of any area and colour, values in [-1, 1].

Going Deeper with Convolutions, arXiv:1409.4842, section 6.
"""

import tensorflow.compat.v1 as tf

from preprocessing import arrays, decoding
from preprocessing.operations import colour, randomness, resizing, windows
from preprocessing.operations.randomness import Draw
from preprocessing.recipe import Recipe

_MAX_BRIGHTNESS = 32.0 / 255.0
_MAX_HUE = 0.2
_FACTORS = (0.5, 1.5)  # For saturation and contrast.

_ORDERINGS = (
    ('brightness', 'saturation', 'hue', 'contrast'),
    ('saturation', 'brightness', 'contrast', 'hue'),
    ('contrast', 'hue', 'brightness', 'saturation'),
    ('hue', 'saturation', 'contrast', 'brightness'),
)
_FAST = ('brightness', 'saturation')


def distort_color(image, color_ordering=0, fast_mode=True, scope=None, seed=None):
    """Change the colours of a picture with values in [0, 1], in one of four orders.

    Fast mode does not change hue and contrast. `seed` is (seed of the run, number of the example).
    """
    if color_ordering not in range(len(_ORDERINGS)):
        raise ValueError(
            f'color_ordering must be in [0, {len(_ORDERINGS) - 1}], not {color_ordering}'
        )
    with tf.name_scope(scope, 'distort_color', [image]):
        return _distort(image, randomness.draw(seed), color_ordering, fast_mode)


def _distort(images, draws, ordering, fast_mode):
    """Change the colours of one picture, or in fast mode of a batch."""

    def factor(which, low, high):
        return randomness.between(randomness.of_each(draws, which), low, high)

    def hue(image):
        delta = randomness.between(draws[Draw.HUE], -_MAX_HUE, _MAX_HUE)
        return colour.adjust_hue(image, delta)

    changes = {
        'brightness': lambda x: colour.adjust_brightness(
            x, factor(Draw.BRIGHTNESS, -_MAX_BRIGHTNESS, _MAX_BRIGHTNESS)
        ),
        'saturation': lambda x: colour.adjust_saturation(x, factor(Draw.SATURATION, *_FACTORS)),
        'contrast': lambda x: colour.adjust_contrast(x, factor(Draw.CONTRAST, *_FACTORS)),
        'hue': hue,
    }
    for name in _ORDERINGS[ordering]:
        if name in _FAST or not fast_mode:
            images = changes[name](images)
    return tf.clip_by_value(images, 0.0, 1.0)


def distorted_bounding_box_crop(
    image,
    bbox,
    min_object_covered=0.1,
    aspect_ratio_range=(0.75, 1.33),
    area_range=(0.05, 1.0),
    max_attempts=100,
    scope=None,
    seed=None,
):
    """Crop a random window that overlaps a box, and return the picture and the window as a box.

    Boxes are [1, count, 4], each (ymin, xmin, ymax, xmax) as a fraction of the picture.
    """
    with tf.name_scope(scope, 'distorted_bounding_box_crop', [image, bbox]):
        window, box = windows.sample(
            tf.shape(image),
            bbox,
            randomness.resolve(seed),
            min_object_covered,
            aspect_ratio_range,
            area_range,
            max_attempts,
        )
        return decoding.crop(image, window), box


def _window(shape, height, width, seed, draws):
    """Choose a window with 5% to 100% of the area and an aspect ratio from 3/4 to 4/3."""
    del height, width, draws
    return windows.of_any_size(shape, seed, (0.05, 1.0))


def _fit(picture, height, width, draws):
    # Mirror first, because the window has fewer bytes than the resized picture.
    return resizing.resize(resizing.flip(picture, draws[Draw.FLIP]), height, width)


def _scale(images):
    return images * 2.0 - 1.0


def preprocess_for_train(
    image,
    height,
    width,
    bbox,
    fast_mode=True,
    scope=None,
    add_image_summaries=True,
    random_crop=True,
    use_grayscale=False,
    seed=None,
):
    """Distort a decoded picture at random for training.

    `bbox` is [1, count, 4] as in `distorted_bounding_box_crop`; None means the whole picture.
    """
    with tf.name_scope(scope, 'distort_image', [image, height, width, bbox]):
        seed = randomness.resolve(seed)
        draws = randomness.draw(seed)
        image = tf.image.convert_image_dtype(image, tf.float32)
        if use_grayscale:
            image = resizing.to_grey(image)
        if random_crop and bbox is None:
            window = _window(tf.shape(image), height, width, seed, draws)
            part = decoding.crop(image, window)
        elif random_crop:
            part, box = distorted_bounding_box_crop(image, bbox, seed=seed)
            if add_image_summaries:
                boxes = tf.concat([bbox, box], 1)
                outlined = tf.image.draw_bounding_boxes(image[tf.newaxis], boxes)
                tf.summary.image('image_with_distorted_bounding_box', outlined)
        else:
            part = image
        part = _fit(part, height, width, draws)
        distorted = _distort_in_random_order(part, draws, fast_mode)
        if add_image_summaries:
            tf.summary.image('cropped_resized_image', part[tf.newaxis])
            tf.summary.image('final_distorted_image', distorted[tf.newaxis])
        return _scale(distorted)


def _distort_in_random_order(image, draws, fast_mode):
    if fast_mode:
        return _distort(image, draws, 0, fast_mode)
    ordering = randomness.whole_number(draws[Draw.ORDERING], len(_ORDERINGS))
    branches = [
        lambda number=number: _distort(image, draws, number, fast_mode)
        for number in range(len(_ORDERINGS))
    ]
    distorted = tf.switch_case(ordering, branches)
    distorted.set_shape(image.shape)
    return distorted


def preprocess_for_eval(
    image,
    height,
    width,
    central_fraction=arrays.CENTRAL_FRACTION,
    scope=None,
    central_crop=True,
    use_grayscale=False,
):
    """Crop the central part of a decoded picture, and resize it if a size is given."""
    with tf.name_scope(scope, 'eval_image', [image, height, width]):
        if use_grayscale:
            image = resizing.to_grey(image)
        if central_crop and central_fraction:
            image = tf.image.central_crop(image, central_fraction)
        largest = image.dtype.max if image.dtype.is_integer else 1.0
        if height and width:
            image = resizing.resize(image, height, width)
        # Last and in one step, because the network's input is usually smaller than the picture.
        return tf.cast(image, tf.float32) * (2.0 / largest) - 1.0


def preprocess_image(
    image,
    height,
    width,
    is_training=False,
    bbox=None,
    fast_mode=True,
    add_image_summaries=True,
    crop_image=True,
    use_grayscale=False,
    seed=None,
):
    """Prepare a decoded picture for training or evaluation."""
    if is_training:
        return preprocess_for_train(
            image,
            height,
            width,
            bbox,
            fast_mode,
            add_image_summaries=add_image_summaries,
            random_crop=crop_image,
            use_grayscale=use_grayscale,
            seed=seed,
        )
    return preprocess_for_eval(
        image, height, width, central_crop=crop_image, use_grayscale=use_grayscale
    )


def _finish(pictures, draws):
    return _scale(_distort(pictures * (1.0 / 255.0), draws, 0, fast_mode=True))


RECIPE = Recipe(
    preprocess_image=preprocess_image,
    window=_window,
    fit=_fit,
    finish=_finish,
    interpolates=True,
)
