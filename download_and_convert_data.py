"""Download a known data set, or take pictures of your own, and convert them to TFRecord files.

python download_and_convert_data.py --dataset_name=flowers --dataset_dir=DIR
python download_and_convert_data.py --dataset_name=my_flower_5 --dataset_dir=DIR
python download_and_convert_data.py --train_directory=TRAIN --validation_directory=VALIDATION \\
    --labels_file=LABELS --output_directory=OUT
"""

import os
import shlex
import sys

from absl import app, flags

from common.errors import UserError, exit_cleanly

FLAGS = flags.FLAGS

# What to convert.
flags.DEFINE_string(
    'dataset_name',
    None,
    'A known data set (flowers, cifar10, cifar100, mnist, fashion_mnist; imagenet, tiny_imagenet,'
    ' mini_imagenet, caltech101, caltech256 from the files you have; sample_flowers, which is'
    ' drawn), or the name of a folder of your own in dataset_dir with one folder a class.',
)
flags.DEFINE_string('dataset_dir', None, 'The directory of the pictures and of the records.')
flags.DEFINE_string('source_url', None, 'Where to download from instead: https, file:// or a path.')
flags.DEFINE_string('csv_file', None, 'A list of your own pictures: path,label[,split] a line.')
flags.DEFINE_string('train_directory', None, 'Ready-made split: folder of the training classes.')
flags.DEFINE_string('validation_directory', None, 'Ready-made split: folder of the held-out ones.')
flags.DEFINE_string('labels_file', None, 'With the two above: the classes in order, one a line.')
flags.DEFINE_string('output_directory', None, 'Where the records go, if not into dataset_dir.')
flags.DEFINE_boolean('background_class', False, 'Keep label 0 for a background class.')
flags.DEFINE_boolean(
    'sample_unknowns', False, 'With sample_flowers: draw a folder of pictures of no kind, too.'
)

# How to split and store it.
flags.DEFINE_float('validation_percentage', 10, 'Part of own pictures that is held out.')
flags.DEFINE_integer('random_seed', 0, 'Seed of the split and of the order of the records.')
flags.DEFINE_integer('num_shards', None, 'Files for each split; else about 1,024 pictures each.')
flags.DEFINE_integer('train_shards', None, 'Files for the training split.')
flags.DEFINE_integer('validation_shards', None, 'Files for the validation split.')
flags.DEFINE_enum(
    'reencode',
    'png',
    ['png', 'jpeg'],
    'How to store what cannot be stored as it is: png keeps every pixel, jpeg (quality 95) is'
    ' smaller and loses some.',
)
flags.DEFINE_integer('max_side', None, 'Shrink pictures whose longer side has more pixels.')
flags.DEFINE_float('max_skipped_fraction', 0.1, 'Stop if more of the pictures than this are bad.')

# How to run.
flags.DEFINE_integer('num_threads', None, 'Processes that convert; else one for each core.')
flags.DEFINE_boolean('overwrite', False, 'Replace records that were made from other pictures.')
flags.DEFINE_boolean('verify', False, 'Convert nothing; check the records against the manifest.')

# Of TF-Slim's visual wake words, which is not among the data sets here.
flags.DEFINE_float('small_object_area_threshold', 0.005, 'Accepted at its default alone.')
flags.DEFINE_string('foreground_class_of_interest', 'person', 'Accepted at its default alone.')


@exit_cleanly
def main(arguments):
    """Turn the flags into a request, and run it."""
    _refuse_leftovers(arguments)
    # The summary lists every picture that TensorFlow's log would grumble about.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    # Nothing here needs Keras 3, a third of the time that TensorFlow takes to start.
    os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')
    from datasets import convert, sources

    options = convert.ConvertOptions(
        num_processes=FLAGS.num_threads,
        command=shlex.join(['python', *sys.argv]),
        **_values(convert.ConvertOptions),
    )
    sources.run(sources.Request(options=options, **_values(sources.Request)))


def _values(kind):
    """Return the values of the flags that are fields of a dataclass, by name."""
    return {name: FLAGS[name].value for name in kind.__dataclass_fields__ if name in FLAGS}


def _refuse_leftovers(arguments):
    if len(arguments) > 1:
        raise UserError(f'{arguments[1]!r} is no flag; flags are written --name=value')
    for name in ('small_object_area_threshold', 'foreground_class_of_interest'):
        if FLAGS[name].value != FLAGS[name].default:
            raise UserError(
                f'--{name}={FLAGS[name].value}: belongs to the visualwakewords data set of TF-Slim,'
                ' which this program does not make'
            )


if __name__ == '__main__':
    app.run(main)
