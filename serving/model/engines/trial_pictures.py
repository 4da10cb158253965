"""Draw pictures to test a model with."""

import functools
import io

import numpy as np
from PIL import Image


@functools.cache
def trial_pictures():
    """Return different encoded pictures to test a model with."""
    y, x = np.mgrid[0:240, 0:320]
    ramps = np.stack([x * 255 / 319, y * 255 / 239, (x + y) * 255 / 558], 2)
    waves = np.stack([127 + 127 * np.sin((x + k * y) / (8 + 5 * k)) for k in range(3)], 2)
    rings = np.repeat(127 + 127 * np.cos(np.hypot(x - 160, y - 120) / 9)[..., np.newaxis], 3, 2)
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3))
    pictures = (ramps, waves, rings, noise)
    return tuple(
        _encoded(pixels.astype(np.uint8), kind)
        for pixels, kind in zip(pictures, ('JPEG', 'PNG', 'JPEG', 'JPEG'), strict=True)
    )


def damaged_pictures():
    """Return a JPEG and a PNG without their last bytes, which a tolerant decoder accepts."""
    return tuple(picture[:-2] for picture in trial_pictures()[:2])


def trial_batch(size):
    """List `size` trial pictures, some of them repeatedly."""
    pictures = trial_pictures()
    return [pictures[number % len(pictures)] for number in range(size)]


def _encoded(pixels, kind):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()
