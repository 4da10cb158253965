"""Pictures of no thing at all: textures, noise and blank pictures."""

import io
import math

import numpy as np
from PIL import Image, ImageFilter

from datasets.samples.drawing import any_tone, blank_picture, photograph, shade, shrink


def _grid(image, rng):
    """Return the coordinates of each pixel, turned by any angle, in parts of the shorter side."""
    x, y = np.arange(image.width)[None, :], np.arange(image.height)[:, None]
    angle = rng.uniform(0, 2 * math.pi)
    cosine, sine = math.cos(angle), math.sin(angle)
    short = min(image.size)
    return (cosine * x + sine * y) / short, (cosine * y - sine * x) / short


def _mixed(share, first, second):
    """Return a picture that is `second` where `share`, an array, is 1 and `first` where it is 0."""
    share = share[..., None]
    pixels = np.asarray(first) * (1 - share) + np.asarray(second) * share
    return Image.fromarray(pixels.astype(np.uint8))


def _stripes(image, rng):
    across, _ = _grid(image, rng)
    waves = np.sin(2 * math.pi * across * rng.uniform(4, 25))
    sharpness = rng.choice((0.6, 5.0))
    return _mixed(0.5 + 0.5 * np.tanh(sharpness * waves), any_tone(rng), any_tone(rng))


def _checks(image, rng):
    across, along = _grid(image, rng)
    squares = rng.uniform(4, 16)
    odd = (np.floor(across * squares) + np.floor(along * squares)) % 2
    return _mixed(odd, any_tone(rng), any_tone(rng))


def _bricks(image, rng):
    rows = rng.uniform(7, 16)
    x, y = np.arange(image.width)[None, :], np.arange(image.height)[:, None]
    down = rows * y / min(image.size)
    row = np.floor(down)
    along = rows * x / min(image.size) / 2.2 + 0.5 * (row % 2)
    joint = ((down - row < 0.1) | (along - np.floor(along) < 0.05)).astype(float)
    tones = np.random.default_rng(rng.getrandbits(32)).uniform(0.75, 1.2, (64, 64, 1))
    brick = np.asarray(any_tone(rng)) * tones[row.astype(int) % 64, np.floor(along).astype(int)]
    pixels = brick * (1 - joint[..., None]) + np.asarray(any_tone(rng)) * joint[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _fabric(image, rng):
    across, along = _grid(image, rng)
    threads = 2 * math.pi * rng.uniform(25, 60)
    warp, weft = np.sin(threads * across), np.sin(threads * along)
    over = np.sin(threads / 2 * across) * np.sin(threads / 2 * along) > 0
    tone = any_tone(rng)
    return _mixed(0.5 + 0.5 * np.where(over, warp, weft), shade(tone, 0.6), shade(tone, 1.3))


def _marble(image, rng):
    """Draw veins: waves that are bent by clouds of several sizes."""
    clouds = sum(_clouds(image, rng, cells) * 2.0**-step for step, cells in enumerate((3, 6, 12)))
    across, _ = _grid(image, rng)
    veins = np.abs(np.sin(2 * math.pi * (across * rng.uniform(1, 4) + rng.uniform(1, 2) * clouds)))
    return _mixed(veins ** rng.uniform(0.3, 1.5), any_tone(rng), any_tone(rng))


def _clouds(image, rng, cells):
    """Return smooth random values from 0 to 1, in about `cells` patches along each side."""
    random = np.random.default_rng(rng.getrandbits(32))
    few = Image.fromarray(random.uniform(0, 1, (cells + 1, cells + 1)).astype(np.float32))
    return np.asarray(few.resize(image.size, Image.Resampling.BICUBIC))


def _noise(image, rng):
    """Draw coloured or grey noise, in grains of one pixel or of several."""
    random = np.random.default_rng(rng.getrandbits(32))
    grain = rng.choice((1, 1, 2, 4, 8, 16))
    bands = rng.choice((1, 3))
    size = image.height // grain, image.width // grain, bands
    pixels = random.integers(0, 256, size).repeat(3 // bands, axis=2)
    noise = Image.fromarray(pixels.astype(np.uint8)).resize(image.size, Image.Resampling.NEAREST)
    return noise.filter(ImageFilter.GaussianBlur(grain)) if rng.random() < 0.3 else noise


def _blank(image, rng):
    """Paint all of the picture in one tone, which may be black or white."""
    tone = rng.choice(((0, 0, 0), (255, 255, 255), any_tone(rng), any_tone(rng), any_tone(rng)))
    return Image.new('RGB', image.size, tone)


_PAINTERS = {
    'stripes': _stripes,
    'checks': _checks,
    'bricks': _bricks,
    'fabric': _fabric,
    'marble': _marble,
}
# The light and the grain of a photograph would change these.
_EXACT_PAINTERS = {'noise': _noise, 'blank': _blank}
KINDS = (*_PAINTERS, *_EXACT_PAINTERS)


def draw_texture(kind, seed):
    """Return the picture of this kind and `seed` as JPEG bytes."""
    rng, image = blank_picture(f'{kind}/{seed}')
    if kind in _PAINTERS:
        return photograph(_PAINTERS[kind](image, rng), rng)
    image = _EXACT_PAINTERS[kind](shrink(image), rng)
    stream = io.BytesIO()
    image.save(stream, 'JPEG', quality=95)
    return stream.getvalue()
