"""The pictures of a split in file order, in batches of one size, as input of any graph."""

import tensorflow.compat.v1 as tf

from datasets.records import pipelines
from datasets.records.pipelines import BLOCK
from preprocessing import preprocessing_factory, recipe_names
from preprocessing.operations import randomness

# A network's results for a picture differ in the last bits between a batch of one and larger
# batches, so all batches are equally large. The size itself makes no difference.
BATCH_SIZE = 32


class PictureSource:
    """Tensors of the current graph that pass over the pictures of a split once or several times.

    `images`, `outputs` and `numbers` (of the records) are those of the next batch. Pass 0 prepares
    pictures as in evaluation; later ones augment them, differently in each pass. The last batch is
    filled up with the last picture.
    """

    def __init__(
        self,
        records,
        info,
        *,
        batch_size=BATCH_SIZE,
        passes=1,
        augmentation='none',
        seed=0,
        num_threads=4,
    ):
        """Add the pipelines of a split to the current graph.

        `records` are `VerifiedRecords`; `info` is the `ModelInfo` of the network that is fed.
        """
        self.records = records
        self.info = info
        self.batch_size = batch_size
        self.passes = passes
        self._augmentation = augmentation
        self._seed = seed
        self._num_threads = num_threads
        with tf.device('/cpu:0'), tf.name_scope('picture_source'):
            self._first = tf.placeholder_with_default(tf.constant(0, tf.int64), [], 'first')
            pipeline = [self._pipeline(number) for number in range(passes)]
            iterator = tf.data.Iterator.from_structure(
                tf.data.get_output_types(pipeline[0]), tf.data.get_output_shapes(pipeline[0])
            )
            self._starts = [iterator.make_initializer(each) for each in pipeline]
            self.images, self.outputs, self.numbers = iterator.get_next()

    @property
    def count(self):
        """Return the number of pictures in a pass."""
        return self.records.dataset.num_samples

    def start(self, session, number=0, first=0):
        """Let the next batch be the one that begins with record `first` in a pass."""
        session.run(self._starts[number], {self._first: first})

    def describe(self, number):
        """Return everything that decides how pictures are prepared in a pass, as JSON."""
        described = {
            'recipe': recipe_names.recipe_of(self.info.preprocessing_name),
            'size': self.info.image_size,
            'channels': self.info.channels,
        }
        if number:
            random = {'augmentation': self._augmentation, 'seed': self._seed, 'pass': number}
            described.update(random)
        return described

    def _pipeline(self, number):
        preprocess = preprocessing_factory.get_preprocessing(
            self.info.preprocessing_name,
            is_training=number > 0,
            use_grayscale=self.info.channels == 1,
            height=self.info.image_size,
            width=self.info.image_size,
            augmentation=self._augmentation,
        )
        start = pipelines.starter(preprocess, tf.constant(self._seed, tf.int64))
        finish = pipelines.finisher(preprocess)

        @tf.autograph.experimental.do_not_convert
        def start_picture(encoded, output, record, place, draws):
            return *start(encoded, output, place, draws), record

        @tf.autograph.experimental.do_not_convert
        def finish_batch(pictures, draws, outputs, records):
            return *finish(pictures, draws, outputs), records

        size, threads = self.batch_size, self._num_threads
        batches = (self.count - self._first + size - 1) // size
        firsts = tf.data.Dataset.range(self._first, self._first + batches * size, BLOCK)
        return (
            firsts.map(self._block_reader(number), num_parallel_calls=2)
            .unbatch()
            .map(start_picture, num_parallel_calls=threads)
            .batch(size, drop_remainder=True)
            .map(finish_batch)
            .prefetch(2)
            .with_options(pipelines.options(threads))
        )

    def _block_reader(self, number):
        """Return a function that reads the examples from a record on."""

        @tf.autograph.experimental.do_not_convert
        def read_block(first):
            wanted = tf.minimum(first + tf.range(BLOCK, dtype=tf.int64), self.count - 1)
            encoded, outputs, _, records = pipelines.read_examples(
                self.records, self.records.replaced, wanted, [BLOCK]
            )
            # Each picture of each pass has random numbers of its own.
            places = wanted + number * self.count
            draws = randomness.draw_range(self._seed, first + number * self.count, BLOCK)
            return encoded, outputs, records, places, draws

        return read_block
