"""Prepare pictures for a frozen graph that takes pixels."""

import dataclasses
import math
from collections.abc import Callable

import tensorflow.compat.v1 as tf

from classifiers.model_info import ModelInfo
from common.errors import UserError
from preprocessing import decoding, preprocessing_factory, recipe_names
from serving.model.engines import described

_FLOATS = (tf.float32, tf.float16, tf.bfloat16)
_WHOLE_NUMBERS = (tf.uint8, tf.int32)
# The defaults of label_image.
_DEFAULT_MEAN, _DEFAULT_STD = 0.0, 255.0
# The (mean, deviation) of each recipe, exactly or nearly, as label_image takes them.
_SCALINGS = {'inception': (127.5, 127.5), 'lenet': (128.0, 128.0), 'vgg': (114.8, 1.0)}
_NEAR_MEAN, _NEAR_STD = 12, 0.01  # VGG's channels have means from 103.9 to 123.7.


@dataclasses.dataclass(frozen=True)
class Preparation:
    """A function from an encoded picture to the graph's pixels, and lines for the log."""

    prepare: Callable
    info: ModelInfo
    lines: tuple


def takes_pictures(tensor):
    """Return whether a tensor may be a batch of pictures [batch, height, width, channels]."""
    if tensor.dtype not in _FLOATS + _WHOLE_NUMBERS:
        return False
    ndims = tensor.shape.ndims
    return ndims is None or (ndims == 4 and tensor.shape.as_list()[3] in (None, 1, 3))


def are_given(options):
    """Return whether the options say how pixels are prepared."""
    given = (options.preprocessing_name, options.input_mean, options.input_std)
    return any(value is not None for value in given)


def prepared_inside(options, info, is_described):
    """Return (info, lines) for a graph that takes encoded pictures."""
    if are_given(options):
        raise UserError(
            f'{options.path}: takes encoded pictures and prepares them itself; leave out '
            '--preprocessing_name, --input_mean and --input_std, or name the node that takes '
            'pixels with --input_layer'
        )
    if is_described:
        return info, ()
    info = info.replace(image_size=0, preprocessing_name='')
    size = f'; the size {options.width}x{options.height} has no effect' if options.height else ''
    return info, (f'The graph decodes and prepares pictures itself{size}',)


def choose(options, info, tensor, stored=None, described_in=''):
    """Choose how pictures are prepared for the input `tensor`.

    `stored` is the graph's own description, from the file `described_in`.
    """
    _, rows, columns, depth = tensor.shape.as_list() if tensor.shape.ndims else [None] * 4
    channels = _channels(options, depth, info)
    height, why = _side(options, '--input_height', options.height, rows, info)
    width, _ = _side(options, '--input_width', options.width, columns, info)
    name, prepare, recipe_why = _recipe(options, info, tensor, channels, described_in)
    warnings = _contradictions(options, stored, described_in) if stored else ()
    return Preparation(
        lambda encoded: prepare(encoded, height, width),
        info.replace(image_size=height, channels=channels, preprocessing_name=name),
        (f'Using image size {width}x{height} ({why})', f'Using {recipe_why}', *warnings),
    )


def _channels(options, fixed, info):
    if fixed and info.channels and fixed != info.channels:
        flag = '--use_grayscale' if info.channels == 1 else '--nouse_grayscale'
        raise UserError(f'{flag}: {options.path} takes pictures of {fixed} channels')
    return fixed or info.channels or 3


def _side(options, flag, asked, fixed, info):
    """Return (height or width, why)."""
    if asked and fixed and asked != fixed:
        flag = '--image_size' if options.image_size else flag
        raise UserError(f'{flag}={asked}: {options.path} takes pictures of {fixed} pixels')
    if asked:
        return asked, 'as requested'
    if fixed:
        return fixed, 'the shape of its input'
    if info.image_size:
        return info.image_size, f'the default of {info.model_name or "such networks"}'
    raise UserError(
        f'{options.path}: the size of its pictures is not known; pass --image_size '
        '(or --input_width and --input_height)'
    )


def _contradictions(options, stored, described_in):
    """List a line if the flags ask for another preparation than the network was trained with."""
    scaling = _scaling_asked_for(options)
    if not scaling:
        return described.recipe_warnings(options, stored, described_in)
    recipe = recipe_names.recipe_of(stored.preprocessing_name)
    mean, std = _SCALINGS.get(recipe, (math.inf, 1.0))
    if abs(scaling[0] - mean) <= _NEAR_MEAN and abs(scaling[1] / std - 1) <= _NEAR_STD:
        return ()
    flags = '--input_mean and --input_std'
    return (described.contradiction(flags, _formula(*scaling), stored, described_in),)


def _scaling_asked_for(options):
    """Return the (mean, deviation) of the flags, or None."""
    if options.input_mean is None and options.input_std is None:
        return None
    return (
        _DEFAULT_MEAN if options.input_mean is None else options.input_mean,
        _DEFAULT_STD if options.input_std is None else options.input_std,
    )


def _formula(mean, std):
    return f'(pixels - {mean:g}) / {std:g}'


def _recipe(options, info, tensor, channels, described_in):
    """Return (name of the preprocessing, function of (encoded, height, width), why)."""
    scaling = _scaling_asked_for(options)
    if scaling:
        if options.preprocessing_name:
            raise UserError(
                f'--preprocessing_name={options.preprocessing_name} contradicts --input_mean and '
                '--input_std: pass one or the other'
            )
        return '', _scaling(channels, *scaling), f'{_formula(*scaling)} (as requested)'
    name = options.preprocessing_name
    if name is None and tensor.dtype in _WHOLE_NUMBERS:
        return '', _scaling(channels, 0.0, 1.0), f'pixels as they are ({tensor.dtype.name})'
    trained = f'as {info.model_name} is trained' if info.model_name else 'as such networks are'
    why = 'as requested' if name else f'from {described_in}' if described_in else trained
    name = name or info.preprocessing_name
    if not name:
        raise UserError(
            f'{options.path}: takes pixels, and their preparation is not known; pass '
            f'--preprocessing_name ({", ".join(preprocessing_factory.RECIPES)}, or the name of '
            'the network), or --input_mean and --input_std'
        )
    recipe = preprocessing_factory.get_preprocessing(name, use_grayscale=channels == 1)
    return name, recipe.from_bytes, f'preprocessing {name} ({why})'


def _scaling(channels, mean, std):
    """Return label_image's preparation: the resized picture, (pixels - mean) / std."""

    def prepare(encoded, height, width):
        image = tf.cast(decoding.decode_image(encoded, channels), tf.float32)
        image = tf.raw_ops.ResizeBilinear(images=image[tf.newaxis], size=[height, width])[0]
        return (image - mean) / std

    return prepare


def build(preparation, tensor):
    """Add the preparation to the current graph; return (placeholder of pictures, pixels).

    The placeholder has a fixed size where the graph has one.
    """
    batch = tensor.shape.as_list()[0] if tensor.shape.ndims else None
    pictures = tf.placeholder(tf.string, [batch], 'pictures_to_classify')
    with tf.name_scope('preparing_pictures'):
        images = tf.map_fn(preparation.prepare, pictures, fn_output_signature=tf.float32)
        return pictures, tf.cast(images, tensor.dtype)
