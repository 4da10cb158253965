"""Prepare pictures for evaluation with NumPy, as the recipes do it in a graph.

The operations have TensorFlow's order, so that the results are equal. The module loads without
TensorFlow; the recipes' own modules use its constants.
"""

import dataclasses

import numpy as np

from preprocessing import recipe_names

# Inception: the part of each side that the central crop keeps.
CENTRAL_FRACTION = 0.875

# VGG: mean red, green and blue of ImageNet's training pictures.
_VGG_MEANS = (123.68, 116.78, 103.94)
VGG_SIDE = 256
_VGG_USUAL_OUTPUT = 224

# PyTorch: mean and standard deviation of the same pictures, and the part of the shorter side that
# the crop keeps.
_TORCH_MEANS = tuple(255 * mean for mean in (0.485, 0.456, 0.406))
_TORCH_DEVIATIONS = tuple(255 * deviation for deviation in (0.229, 0.224, 0.225))
_TORCH_FRACTION = 0.875

_LUMINANCE = (0.2989, 0.5870, 0.1140)  # The weights of `tf.image.rgb_to_grayscale`.
LONGEST = 32  # Times the shorter side; the rest of a long picture would be cropped anyway.

# LeNet: subtracted from the values from 0 to 255; the difference is divided by it.
LENET_SCALE = 128.0


def vgg_means(channels):
    """Return the mean of each channel of a colour or a grey picture."""
    return _of_channels(_VGG_MEANS, channels)


def torch_statistics(channels):
    """Return the mean and the reciprocal standard deviation of each channel."""
    deviations = _of_channels(_TORCH_DEVIATIONS, channels)
    return _of_channels(_TORCH_MEANS, channels), tuple(1 / each for each in deviations)


def _of_channels(values, channels):
    if channels == 1:
        return (sum(v * w for v, w in zip(values, _LUMINANCE, strict=True)),)
    return values


def vgg_scaled(side, height, width):
    """Return `side`, scaled in proportion for networks with more than 256 pixels."""
    output = max(height, width)
    return side if output <= VGG_SIDE else round(side * output / _VGG_USUAL_OUTPUT)


def torch_side(height, width):
    """Return the length of the shorter side before the crop."""
    return round(max(height, width) / _TORCH_FRACTION)


def prepare(pixels, name, height, width, out=None):
    """Turn decoded pixels into a network's input, as its recipe does in evaluation.

    `name` is the name of a recipe or of a network. `pixels` is a uint8 array [any height, any
    width, 1 or 3 channels]. Return a float32 array [height, width, channels]: `out` if it is given,
    for example one picture of a batch. Several threads may call this function at a time.
    """
    recipe = _RECIPES[recipe_names.recipe_of(name)]
    if out is None:
        out = np.empty((height, width, pixels.shape[2]), np.float32)
    recipe(np.ascontiguousarray(pixels), out)
    return out


def _inception(pixels, out):
    height, width = pixels.shape[:2]
    rows = _central(height, out.shape[0])
    columns = _central(width, out.shape[1])
    _resize(pixels, rows, columns, out)
    out *= np.float32(2.0 / 255.0)
    out -= np.float32(1.0)


def _central(size, output):
    start = int((size - size * CENTRAL_FRACTION) / 2)
    return _Samples.of(size - 2 * start, output, start=start)


def _vgg(pixels, out):
    height, width = out.shape[:2]
    _scaled_centre(pixels, max(vgg_scaled(VGG_SIDE, height, width), height, width), out)
    out -= np.array(vgg_means(out.shape[2]), np.float32)


def _torch(pixels, out):
    _scaled_centre(pixels, torch_side(*out.shape[:2]), out)
    means, factors = torch_statistics(out.shape[2])
    out -= np.array(means, np.float32)
    out *= np.array(factors, np.float32)


def _scaled_centre(pixels, side, out):
    shorter = min(pixels.shape[:2])
    samples = []
    for size, output in zip(pixels.shape[:2], out.shape[:2], strict=True):
        used = min(size, LONGEST * shorter)
        scale = np.float32(side) / np.float32(shorter)
        scaled = int(np.rint(np.float32(used) * scale))
        crop = (scaled - output) // 2
        samples.append(_Samples.of(used, scaled, (size - used) // 2, crop, output))
    _resize(pixels, *samples, out)


def _cifarnet(pixels, out):
    _fit_to_size(pixels, out)
    mean = np.mean(out, dtype=np.float64)
    deviation = np.sqrt(np.mean(np.square(out - mean, dtype=np.float64)))
    out -= np.float32(mean)
    out /= np.float32(max(deviation, 1 / np.sqrt(out.size)))


def _lenet(pixels, out):
    _fit_to_size(pixels, out)
    out -= np.float32(LENET_SCALE)
    out /= np.float32(LENET_SCALE)


_RECIPES = {
    'cifarnet': _cifarnet,
    'inception': _inception,
    'lenet': _lenet,
    'torch': _torch,
    'vgg': _vgg,
}


@dataclasses.dataclass(frozen=True)
class _Samples:
    """Where along one axis to read the two pixels of each output pixel, and their distance."""

    before: np.ndarray
    after: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, size, output, start=0, crop=0, count=None):
        """Scale the `size` pixels from `start` to `output` pixels, and keep `count` from `crop`."""
        count = output if count is None else count
        scale = np.float32(size) / np.float32(output)
        positions = np.arange(crop, crop + count, dtype=np.float32) * scale
        before = np.minimum(positions.astype(np.intp), size - 1)
        after = np.minimum(before + 1, size - 1)
        return cls(before + start, after + start, positions - np.floor(positions))


def _resize(pixels, rows, columns, out):
    """Resize bilinearly, with TF-Slim's sampling grid; only the pixels that count are read.

    First to the left and right, then up and down, with TensorFlow's order of the operations.
    """
    height, width, channels = pixels.shape
    lines = pixels.reshape(height, width * channels)
    top, bottom = rows.before, rows.after
    if len(top) + len(bottom) < bottom[-1] + 1 - top[0]:
        lines = lines[np.concatenate((top, bottom))]
        top, bottom = slice(None, len(top)), slice(len(top), None)
    else:
        lines = lines[top[0] : bottom[-1] + 1]
        top, bottom = top - rows.before[0], bottom - rows.before[0]
    lines = _resize_lines(lines, columns, channels)
    upper, result = lines[top], out.reshape(out.shape[0], -1)
    np.subtract(lines[bottom], upper, out=result)
    result *= rows.weights[:, np.newaxis]
    result += upper


def _resize_lines(lines, columns, channels):
    offsets = np.arange(channels)
    left, right = (
        np.take(lines, (places[:, np.newaxis] * channels + offsets).ravel(), axis=1).astype(
            np.float32
        )
        for places in (columns.before, columns.after)
    )
    right -= left
    right *= np.repeat(columns.weights, channels)
    right += left
    return right


def _fit_to_size(pixels, out):
    """Copy the central part of a picture, with zeros around it if it is smaller."""
    out[...] = 0
    source, target = [], []
    for size, output in zip(pixels.shape[:2], out.shape[:2], strict=True):
        count = min(size, output)
        crop, padding = max(size - output, 0) // 2, max(output - size, 0) // 2
        source.append(slice(crop, crop + count))
        target.append(slice(padding, padding + count))
    out[tuple(target)] = pixels[tuple(source)]
