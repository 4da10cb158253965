"""Find a preprocessing recipe by its name or by the name of a network."""

import importlib

import tensorflow.compat.v1 as tf

from common import checks
from common.errors import UserError
from preprocessing import decoding, recipe_names
from preprocessing.operations import randomness, resizing, strong

RECIPES = {
    name: importlib.import_module(f'preprocessing.{name}_preprocessing').RECIPE
    for name in recipe_names.RECIPES
}

AUGMENTATIONS = ('none', 'slim', 'strong')


def get_preprocessing(
    name,
    is_training=False,
    use_grayscale=False,
    height=None,
    width=None,
    augmentation='slim',
):
    """Return a `Preprocessing`, a function `(image, output_height, output_width, **kwargs)`.

    `name` is the name of a recipe or a network. `height` and `width` are the default size. In
    training, augmentation `none` prepares pictures as in evaluation, `slim` is the recipe's own,
    and `strong` adds random operations to it.
    """
    if augmentation not in AUGMENTATIONS:
        raise UserError(checks.unknown('augmentation', augmentation, AUGMENTATIONS))
    return Preprocessing(
        RECIPES[recipe_names.recipe_of(name)],
        augmentation if is_training else 'none',
        use_grayscale,
        (height, width),
    )


class Preprocessing:
    """A recipe for one purpose, to call with a decoded picture or in steps in an input pipeline."""

    def __init__(self, recipe, augmentation, use_grayscale, size):
        self._recipe = recipe
        self._augmentation = augmentation
        self._use_grayscale = use_grayscale
        self._size = size

    @property
    def channels(self):
        """Return the number of channels to decode."""
        return 1 if self._use_grayscale else 3

    @property
    def is_random(self):
        """Return whether pictures are distorted, so that `finish` is needed after `start`."""
        return self._augmentation != 'none'

    def __call__(self, image, output_height=None, output_width=None, **kwargs):
        """Turn a decoded picture into a network's input.

        Random recipes accept `seed`, a pair (seed of the run, number of the example); without it,
        every call differs.
        """
        height, width = self._sizes(output_height, output_width)
        if self._augmentation == 'strong':
            return self._distort_strongly(image, height, width, **kwargs)
        return self._recipe.preprocess_image(
            image,
            height,
            width,
            is_training=self._augmentation == 'slim',
            use_grayscale=self._use_grayscale,
            **kwargs,
        )

    def from_bytes(self, encoded, output_height=None, output_width=None):
        """Turn an encoded picture into a network's input, for evaluation and serving."""
        image = decoding.decode_image(encoded, self.channels)
        return self(image, output_height, output_width)

    def start(self, encoded, seed, draws):
        """Decode the part of a picture that training needs, and resize it for the network.

        `draws` are the random numbers from `randomness`. Pass them to `finish` too, with batches of
        the pictures that this method returns.
        """
        height, width = self._sizes(None, None)
        if not self.is_random:
            return self.from_bytes(encoded)
        if self._recipe.window is None:
            part = decoding.decode_image(encoded, self.channels)
        else:
            part = decoding.decode_and_crop(
                encoded,
                lambda shape: self._recipe.window(shape, height, width, seed, draws),
                self.channels,
            )
        return self._fit(part, height, width, draws)

    def finish(self, pictures, draws):
        """Turn a batch of pictures from `start` into a network's input."""
        if not self.is_random:
            return pictures
        pictures = tf.cast(pictures, tf.float32)
        if self._recipe.interpolates:
            # `start` has truncated interpolated values, by one half on average.
            pictures += 0.5
        images = self._recipe.finish(pictures, draws)
        return strong.erase(images, draws) if self._augmentation == 'strong' else images

    def _fit(self, part, height, width, draws):
        """Return a uint8 picture of the network's size, a quarter of the memory of floats."""
        picture = tf.cast(self._recipe.fit(part, height, width, draws), tf.uint8)
        picture.set_shape([height, width, self.channels])
        return strong.distort(picture, draws) if self._augmentation == 'strong' else picture

    def _distort_strongly(self, image, height, width, seed=None):
        seed = randomness.resolve(seed)
        draws = randomness.draw(seed)
        image = tf.image.convert_image_dtype(image, tf.uint8)
        if self._use_grayscale:
            image = resizing.to_grey(image)
        if self._recipe.window is not None:
            window = self._recipe.window(tf.shape(image), height, width, seed, draws)
            image = decoding.crop(image, window)
        picture = self._fit(image, height, width, draws)
        return self.finish(picture[tf.newaxis], draws[tf.newaxis])[0]

    def _sizes(self, height, width):
        height, width = (
            given or own for given, own in zip((height, width), self._size, strict=True)
        )
        if not height or not width:
            raise UserError(
                'preprocessing needs the height and the width of the network input:'
                ' give them to get_preprocessing or in the call'
            )
        return height, width
