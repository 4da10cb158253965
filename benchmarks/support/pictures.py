"""Draw pictures that are like photographs, and read them from a folder."""

import io
import os

from benchmarks.support import programs


def draw_photograph(generator, width, height):
    """Return a JPEG with the spectrum of a photo: amplitudes fall with the frequency."""
    import numpy as np
    from PIL import Image

    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    amplitude = np.maximum(np.hypot(rows, columns), 1 / width) ** -1.2

    def plane(deviation):
        phase = np.exp(2j * np.pi * generator.random(amplitude.shape))
        values = np.fft.irfft2(amplitude * phase, s=(height, width))
        return np.clip(128 + values / values.std() * deviation, 0, 255).astype(np.uint8)

    pixels = np.stack([plane(52), plane(18), plane(18)], axis=-1)
    stream = io.BytesIO()
    Image.fromarray(pixels, 'YCbCr').convert('RGB').save(stream, 'JPEG', quality=90)
    return stream.getvalue()


def provide(folder, count, width, height):
    """Write `count` photographs into a folder, in another process: this one stays small."""
    os.makedirs(folder, exist_ok=True)
    programs.run(*programs.own(write, folder, count, width, height))


def write(folder, count, width, height):
    """Write `count` photographs into a folder."""
    import numpy as np

    generator = np.random.default_rng(0)
    for number in range(count):
        with open(os.path.join(folder, f'{number:02d}.jpg'), 'wb') as stream:
            stream.write(draw_photograph(generator, width, height))


def read(folder):
    """Return the bytes of the JPEG files in a folder."""
    found = []
    for name in sorted(os.listdir(folder)):
        if name.endswith('.jpg'):
            with open(os.path.join(folder, name), 'rb') as stream:
                found.append(stream.read())
    return found
