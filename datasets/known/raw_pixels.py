"""Pictures stored as bare pixels inside a larger file, as in CIFAR and MNIST."""

import dataclasses
import io

import numpy as np
from PIL import Image

from common import files
from common.errors import UserError


@dataclasses.dataclass(frozen=True, slots=True)
class RawPixels:
    """The position of a picture's 8-bit pixels in a file; calling it returns them as a PNG.

    `planar` means that all values of the first channel come first, as in CIFAR.
    """

    path: str
    offset: int
    height: int
    width: int
    channels: int = 1
    planar: bool = False

    def __call__(self):
        length = self.height * self.width * self.channels
        with open(self.path, 'rb') as stream:
            stream.seek(self.offset)
            data = stream.read(length)
        if len(data) != length:
            raise UserError(f'{self.path}: ends inside the picture at byte {self.offset:,}')
        pixels = np.frombuffer(data, np.uint8)
        if self.planar:
            pixels = pixels.reshape(self.channels, self.height, self.width).transpose(1, 2, 0)
        else:
            pixels = pixels.reshape(self.height, self.width, self.channels)
        picture = Image.fromarray(np.ascontiguousarray(pixels.squeeze()))
        output = io.BytesIO()
        picture.save(output, 'PNG')
        return output.getvalue()


def fingerprint(examples):
    """Return a hash of the files that contain the pixels of `examples`."""
    paths = dict.fromkeys(example.data.path for example in examples)
    return ' '.join(files.digest(path) for path in paths)
