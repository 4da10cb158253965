"""Tools for drawing the sample pictures: petals, lines, soft backgrounds and light."""

import colorsys
import io
import math
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

# Pictures are drawn at twice their size and shrunk, which smooths the edges.
_SUPERSAMPLING = 2
_SIDES = 180, 420


def colour(hue, saturation, value):
    """Return (red, green, blue); hue is in turns, saturation and value are from 0 to 1."""
    saturation, value = min(max(saturation, 0.0), 1.0), min(max(value, 0.0), 1.0)
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def mix(first, second, share):
    """Blend two colours; a share of 0 gives the first."""
    return tuple(round(a + (b - a) * share) for a, b in zip(first, second, strict=True))


def shade(tone, factor):
    """Lighten a colour (factor above 1), or darken it and make it warmer (factor below 1)."""
    if factor >= 1:
        return tuple(min(255, round(part * factor)) for part in tone)
    red, green, blue = tone
    return round(red * factor**0.85), round(green * factor**1.15), round(blue * factor)


class Brush:
    """Draw in a shape's own units: its centre is (0, 0), its radius is 1, and y points up."""

    def __init__(self, image, centre, radius, turn=0.0, squash=1.0):
        # Opaque colours need no blending, which takes three times as long.
        self._draw = {3: ImageDraw.Draw(image), 4: ImageDraw.Draw(image, 'RGBA')}
        self._centre = np.asarray(centre, float)
        self.radius = radius
        cosine, sine = math.cos(turn), math.sin(turn)
        turned = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([1.0, squash])
        self._matrix = radius * np.diag([1.0, -1.0]) @ turned

    def polygon(self, points, fill):
        """Fill the outline through `points`, rows of (x, y)."""
        self._draw[len(fill)].polygon(self._place(points), fill=fill)

    def line(self, points, fill, width):
        """Draw a bent line of `width`, a part of the radius."""
        pixels = max(1, round(width * self.radius))
        self._draw[len(fill)].line(self._place(points), fill=fill, width=pixels, joint='curve')

    def disc(self, x, y, radius, fill, squash=1.0):
        """Fill a circle, or an ellipse that is `squash` times as high as wide."""
        angles = np.linspace(0, 2 * math.pi, 25)[:-1]
        outline = np.stack([np.cos(angles), squash * np.sin(angles)], 1)
        self.polygon(np.array([x, y]) + radius * outline, fill)

    def dots(self, points, radius, fill):
        """Fill small round dots around each of `points`."""
        size = max(0.7, radius * self.radius)
        for x, y in (np.asarray(points) @ self._matrix.T + self._centre).tolist():
            self._draw[len(fill)].ellipse((x - size, y - size, x + size, y + size), fill=fill)

    def petals(self, angles, inner, outer, width, tones, widest=0.6, tip=0.8):
        """Draw a ring of petals, each shaded from `tones[0]` at its edge to `tones[-1]` inside.

        `widest` is where along its length a petal is widest; a `tip` above 1 makes it pointed.
        """
        angles = np.asarray(angles, float)
        along = np.linspace(0, 1, 10)
        power = math.log(0.5) / math.log(widest)
        half = np.sin(math.pi * along**power) ** tip * width / 2
        across = np.concatenate([half, -half[::-1]])
        along = np.concatenate([along, along[::-1]])
        directions = np.stack([np.cos(angles), np.sin(angles)], 1)
        sideways = np.stack([-directions[:, 1], directions[:, 0]], 1)
        lengths = np.broadcast_to(outer, angles.shape) - inner
        for petal, length in enumerate(lengths):
            for layer, tone in enumerate(tones):
                scale = 1 - layer / (len(tones) + 0.5)
                x = inner + length * along * (0.35 + 0.65 * scale)
                y = across * scale
                self.polygon(x[:, None] * directions[petal] + y[:, None] * sideways[petal], tone)

    def _place(self, points):
        return (np.asarray(points, float) @ self._matrix.T + self._centre).ravel().tolist()


def even_angles(rng, count, jitter=0.3):
    """Return `count` angles around the circle from a random start, each a little off."""
    step = 2 * math.pi / count
    start = rng.uniform(0, step)
    return [start + step * (i + jitter * rng.uniform(-0.5, 0.5)) for i in range(count)]


def curve(start, end, bend, count=14):
    """Return points of a line from `start` to `end` that swings out sideways by `bend`."""
    along = np.linspace(0, 1, count)[:, None]
    start, end = np.asarray(start, float), np.asarray(end, float)
    sideways = np.array([end[1] - start[1], start[0] - end[0]])
    return start + (end - start) * along + sideways * bend * np.sin(math.pi * along)


def blank_picture(name):
    """Return (random generator of the picture called `name`, its canvas)."""
    rng = random.Random(name)
    width = rng.randint(*_SIDES)
    height = min(max(round(width * rng.uniform(0.62, 1.6)), _SIDES[0]), _SIDES[1])
    return rng, Image.new('RGB', (width * _SUPERSAMPLING, height * _SUPERSAMPLING))


def new_picture(name):
    """Return (random generator of the picture called `name`, its background)."""
    rng, canvas = blank_picture(name)
    width, height = (side // _SUPERSAMPLING for side in canvas.size)
    small = max(8, width // 4), max(8, height // 4)
    painter = rng.choice((_bokeh, _bokeh, _meadow, _boards, _wall))
    background = painter(rng, small)
    blur = rng.uniform(0.6, 3.0)
    background = background.filter(ImageFilter.GaussianBlur(blur))
    return rng, background.resize(canvas.size, Image.Resampling.BILINEAR)


def _gradient(upper, lower, size):
    column = np.linspace(0, 1, size[1])[:, None, None]
    rows = np.asarray(upper) * (1 - column) + np.asarray(lower) * column
    return Image.fromarray(np.repeat(rows, size[0], axis=1).astype(np.uint8))


def any_tone(rng, darkest=0.15, lightest=0.95, strongest=0.8):
    """Return any colour."""
    return colour(rng.random(), rng.uniform(0.05, strongest), rng.uniform(darkest, lightest))


def _green(rng):
    return colour(rng.uniform(0.2, 0.42), rng.uniform(0.3, 0.8), rng.uniform(0.15, 0.75))


def _bokeh(rng, size):
    tones = [_green(rng), any_tone(rng)]
    rng.shuffle(tones)
    image = _gradient(*tones, size)
    brush = Brush(image, (0, 0), max(size))
    for _ in range(rng.randint(5, 22)):
        tone = any_tone(rng, darkest=0.3) + (rng.randint(60, 190),)
        brush.disc(rng.random(), -rng.random(), rng.uniform(0.03, 0.16), tone)
    return image


def _meadow(rng, size):
    sky = colour(rng.uniform(0.5, 0.65), rng.uniform(0.05, 0.6), rng.uniform(0.6, 1.0))
    grass = _green(rng)
    image = _gradient(sky, mix(sky, (255, 255, 255), 0.4), size)
    horizon = size[1] * rng.uniform(0.2, 0.9)
    draw = ImageDraw.Draw(image, 'RGBA')
    draw.rectangle((0, horizon, size[0], size[1]), fill=grass)
    for _ in range(rng.randint(20, 60)):
        x, y = rng.uniform(0, size[0]), rng.uniform(horizon, size[1])
        tone = shade(grass, rng.uniform(0.6, 1.5))
        draw.line((x, y, x + rng.uniform(-5, 5), y - rng.uniform(4, 16)), fill=tone, width=2)
    return image


def _boards(rng, size):
    wood = colour(rng.uniform(0.04, 0.12), rng.uniform(0.1, 0.6), rng.uniform(0.25, 0.9))
    image = Image.new('RGB', size, wood)
    draw = ImageDraw.Draw(image)
    upright = rng.random() < 0.5
    width = rng.randint(9, 24)
    for start in range(0, max(size), width):
        box = (
            (start, 0, start + width - 1, size[1])
            if upright
            else (0, start, size[0], start + width - 1)
        )
        draw.rectangle(box, fill=shade(wood, rng.uniform(0.8, 1.2)), outline=shade(wood, 0.6))
    return image


def _wall(rng, size):
    upper = any_tone(rng, strongest=0.5)
    return _gradient(upper, shade(upper, rng.uniform(0.5, 1.5)), size)


def shrink(image):
    """Return the drawing in the size of its picture."""
    return image.reduce(_SUPERSAMPLING)


def photograph(image, rng):
    """Shrink the drawing, add light and noise as in a photograph, and return JPEG bytes."""
    size = image.width // _SUPERSAMPLING, image.height // _SUPERSAMPLING
    image = shrink(image)
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.1)))
    curve_of_film = np.linspace(0, 1, 256, dtype=np.float32) ** rng.uniform(0.75, 1.25)
    pixels = curve_of_film[np.asarray(image)] * _light(rng, size)
    pixels *= np.array([rng.uniform(0.85, 1.15) for _ in range(3)], np.float32)
    grain = np.random.default_rng(rng.getrandbits(32))
    noise = grain.standard_normal(pixels.shape[:2], np.float32)[..., None]
    pixels += rng.uniform(0.0, 0.03) * noise
    image = Image.fromarray((np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    stream = io.BytesIO()
    image.save(stream, 'JPEG', quality=rng.randint(82, 95))
    return stream.getvalue()


def _light(rng, size):
    """Return the brightness of each pixel: sun from one side, and darker corners."""
    x = np.linspace(-1, 1, size[0], dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    angle = rng.uniform(0, 2 * math.pi)
    slope = rng.uniform(0, 0.35) * (math.cos(angle) * x + math.sin(angle) * y)
    corners = rng.uniform(0, 0.2) * (x**2 + y**2)
    return (rng.uniform(0.8, 1.2) * (1 + slope - corners))[..., None]
