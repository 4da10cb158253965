"""Choose windows of pictures."""

import tensorflow.compat.v1 as tf

_ASPECTS = (3 / 4, 4 / 3)


def of_any_size(shape, seed, areas, aspects=_ASPECTS):
    """Choose a random window [top, left, height, width] with this part of a picture's area."""
    picture = tf.constant([[[0.0, 0.0, 1.0, 1.0]]])
    # The box is the whole picture, so a minimum overlap of a tenth would exclude small windows.
    window, _ = sample(shape, picture, seed, 0.0, aspects, areas)
    return window


def sample(shape, boxes, seed, covered, aspects, areas, attempts=100):
    """Choose a random window that covers enough of a box; also return it as a box."""
    begin, size, box = tf.raw_ops.StatelessSampleDistortedBoundingBox(
        image_size=shape,
        bounding_boxes=boxes,
        min_object_covered=covered,
        seed=seed,
        aspect_ratio_range=aspects,
        area_range=areas,
        max_attempts=attempts,
        use_image_if_no_bounding_boxes=True,
    )
    return tf.concat([begin[:2], size[:2]], 0), box
