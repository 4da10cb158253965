"""Classify pictures from Python code, with a model of any kind that server.py serves."""

import dataclasses
import io
import os
import zlib

import numpy as np
from PIL import Image, ImageOps

from common import processors
from common.errors import UserError
from pictures import gate
from pictures.decode import LibraryDecoder
from pictures.kinds import BadImage
from serving import early_checks
from serving.model.model_options import ModelOptions, PredictorOptions
from serving.model.predictor import Prediction, Predictor, likely, predictions
from serving.terminal import picture_files
from serving.terminal.picture_arguments import PictureFile

_OF_PREDICTOR = {field.name for field in dataclasses.fields(PredictorOptions)}
# Modes of Pillow that PNG can store, and those that become RGB without loss of range.
_STORED = ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I;16')
_CONVERTED = ('CMYK', 'HSV', 'LAB', 'RGBX', 'YCbCr')


@dataclasses.dataclass(frozen=True)
class Classification:
    """The classes of one picture; docs/serving.md explains what is said of it with limits."""

    predictions: tuple[Prediction, ...]  # The most probable classes, best first.
    # Of all classes, in the order of Classifier.labels.
    probabilities: np.ndarray = dataclasses.field(compare=False)
    # Without limits of the model, all of these are None, and `likely` is ().
    calibrated: np.ndarray | None = dataclasses.field(default=None, compare=False)
    is_known: bool | None = None
    p_known: float | None = None
    unknown_score: float | None = None
    likely: tuple[str, ...] = ()  # The labels of the prediction set at 90%, best first.

    @property
    def label(self):
        """Return the name of the most probable class."""
        return self.predictions[0].label

    @property
    def probability(self):
        """Return the probability of that class."""
        return self.predictions[0].probability


class Classifier:
    """A model that is loaded; `load_classifier` makes it. Several threads may call it."""

    def __init__(self, path, **options):
        of_predictor = {name: options.pop(name) for name in _OF_PREDICTOR & options.keys()}
        of_model = ModelOptions(path=os.fspath(path), **options)
        early_checks.model(of_model.path, of_model.label_file)
        self._predictor = Predictor(
            of_model, PredictorOptions(**{'max_queue': None, **of_predictor})
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def labels(self):
        """List the names of all classes."""
        return list(self._predictor.labels)

    def classify(self, pictures, top=5):
        """Return the Classification of a picture, or a list of them for several pictures.

        A picture is a path (str or os.PathLike), the content of a file (bytes), a Pillow image, or
        a NumPy array of uint8 [height, width] or [height, width, channels]. Several pictures are
        any other iterable, or an array of four dimensions. Raise BadImage for a picture that cannot
        be read; the message begins with its path, or its number if there are several.
        """
        if top < 1:
            raise UserError(f'top={top}: must be at least 1')
        if _is_one(pictures):
            return self._classify(pictures, top, 'the picture')
        numbered = ((picture, f'picture {number}') for number, picture in enumerate(pictures, 1))
        ahead = 2 * processors.available()
        return list(
            processors.mapped(lambda each: self._classify(each[0], top, each[1]), numbered, ahead)
        )

    def close(self):
        """Finish the pictures in progress, and free the model."""
        self._predictor.close()

    def _classify(self, picture, top, name):
        if isinstance(picture, str | os.PathLike):
            name = os.fspath(picture)
        try:
            (outcome,) = self._predictor.predict([_normalised(picture).data])
        except BadImage as error:
            raise type(error)(f'{name}: {error}') from None
        best, verdict = predictions(self.labels, outcome, top), outcome.verdict
        if not verdict:
            return Classification(best, outcome.probabilities)
        return Classification(
            best,
            outcome.probabilities,
            verdict.probabilities,
            verdict.is_known,
            verdict.p_known,
            verdict.unknown_score,
            likely(self.labels, outcome, self._predictor.info.limits),
        )


def _is_one(pictures):
    if isinstance(pictures, np.ndarray):
        return pictures.ndim < 4
    return isinstance(pictures, str | os.PathLike | bytes | bytearray | memoryview | Image.Image)


def _normalised(picture):
    """Return the NormalisedImage of a picture of any accepted type."""
    if isinstance(picture, str | os.PathLike):
        # Absolute, because `-` alone would be standard input.
        return picture_files.read(PictureFile(os.path.abspath(picture)))
    if isinstance(picture, bytes | bytearray | memoryview):
        return gate.normalise(bytes(picture), LibraryDecoder())
    if isinstance(picture, np.ndarray):
        picture = _image_of(picture)
    elif not isinstance(picture, Image.Image):
        raise TypeError(
            f'{type(picture).__name__}: must be a path, bytes, a Pillow image or a NumPy array'
        )
    # Written just now: it need not be read to its end.
    return gate.normalise(_as_png(picture), LibraryDecoder(), verify=False)


def _image_of(pixels):
    """Return a Pillow image of an array."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    is_image = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (2, 3, 4))
    if pixels.dtype != np.uint8 or not is_image or not pixels.size:
        raise BadImage(
            f'an array of {pixels.dtype} {list(pixels.shape)}: must be uint8 [height, width] or '
            '[height, width, 1 to 4]'
        )
    return Image.fromarray(np.ascontiguousarray(pixels))


def _as_png(image):
    """Return a lossless PNG of a Pillow image, upright as its EXIF data says."""
    image = ImageOps.exif_transpose(image)
    if image.mode in _CONVERTED:
        image = image.convert('RGB')
    if image.mode not in _STORED:
        raise BadImage(f'a Pillow image of mode {image.mode}: convert it to RGB')
    stream = io.BytesIO()
    image.save(stream, 'PNG', compress_type=zlib.Z_RLE)
    return stream.getvalue()
