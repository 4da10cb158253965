"""Preprocessing by name: of a recipe, or of the network that it belongs to."""

import tensorflow.compat.v1 as tf

from common import names
from common.errors import UserError
from nets import nets_factory
from preprocessing import (
    cifarnet_preprocessing,
    decoding,
    inception_preprocessing,
    lenet_preprocessing,
    randomness,
    resizing,
    strong,
    vgg_preprocessing,
)

RECIPES = {
    'cifarnet': cifarnet_preprocessing.RECIPE,
    'inception': inception_preprocessing.RECIPE,
    'lenet': lenet_preprocessing.RECIPE,
    'vgg': vgg_preprocessing.RECIPE,
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

    `name` is a recipe's or a network's. `height` and `width` stand in for a size that is not given
    in the call. In training, augmentation `none` prepares pictures as in evaluation, `slim` is the
    recipe's own and `strong` adds to it.
    """
    if augmentation not in AUGMENTATIONS:
        raise UserError(names.unknown('augmentation', augmentation, AUGMENTATIONS))
    return Preprocessing(
        _recipe(name),
        augmentation if is_training else 'none',
        use_grayscale,
        (height, width),
    )


def known_names():
    """Map the names that `get_preprocessing` takes, those of networks and recipes, to records."""
    return {**nets_factory.MODELS, **RECIPES}


def _recipe(name):
    if name not in RECIPES and name in nets_factory.MODELS:
        name = nets_factory.MODELS[name].preprocessing
    return names.lookup('preprocessing', name, known_names())


class Preprocessing:
    """A recipe for one use: called with a decoded picture, or in steps by an input pipeline."""

    def __init__(self, recipe, augmentation, use_grayscale, size):
        self._recipe = recipe
        self._augmentation = augmentation
        self._use_grayscale = use_grayscale
        self._size = size

    @property
    def channels(self):
        """Return how many channels pictures are decoded to."""
        return 1 if self._use_grayscale else 3

    @property
    def is_random(self):
        """Tell whether pictures are distorted, so that `start` leaves work to `finish`."""
        return self._augmentation != 'none'

    def __call__(self, image, output_height=None, output_width=None, **kwargs):
        """Turn a decoded picture into a network's input.

        Random recipes take `seed`, a pair (seed of the run, number of the example); without it
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
        """Turn an encoded picture into a network's input, as evaluation and serving do."""
        image = decoding.decode_image(encoded, self.channels)
        return self(image, output_height, output_width)

    def start(self, encoded, seed, draws):
        """Decode what training needs of a picture, and bring it to the network's size.

        `draws` are the random numbers that `randomness` draws for `seed`; `finish` takes them too,
        with the pictures that this returned, in batches.
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
        """Turn a batch of what `start` returned into a network's input."""
        if not self.is_random:
            return pictures
        pictures = tf.cast(pictures, tf.float32)
        if self._recipe.interpolates:
            # Between whole numbers `start` has cut the fraction off: half of one is its mean.
            pictures += 0.5
        images = self._recipe.finish(pictures, draws)
        return strong.erase(images, draws) if self._augmentation == 'strong' else images

    def _fit(self, part, height, width, draws):
        """Return a picture of the network's size in bytes, a quarter of the memory of floats."""
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
