"""Download a known data set, or take pictures of your own, and convert them to TFRecord files.

python download_and_convert_data.py --dataset_name=flowers --dataset_dir=DIR
python download_and_convert_data.py --dataset_name=my_flower_5 --dataset_dir=DIR
python download_and_convert_data.py --train_directory=TRAIN --validation_directory=VALIDATION \\
    --labels_file=LABELS --output_directory=OUT
"""

import os
import shlex
import sys

from absl import flags

from common import flag_tables as cli

FLAGS = flags.FLAGS
_MOST_USED = (
    'dataset_name', 'dataset_dir', 'validation_percentage', 'train_directory',
    'validation_directory', 'labels_file', 'output_directory', 'num_shards', 'overwrite', 'verify',
)  # fmt: skip
_WHAT = (
    (
        'string',
        'dataset_name',
        None,
        'A known data set (flowers, cifar10, cifar100, mnist, fashion_mnist; imagenet, '
        'tiny_imagenet, mini_imagenet, caltech101, caltech256 from the files you have; '
        'sample_flowers, which is drawn), or the name of a folder of your own in dataset_dir with '
        'one folder a class.',
    ),
    ('path', 'dataset_dir', None, 'The directory of the pictures and of the records.'),
    ('path', 'source_url', None, 'Where to download from instead: https, file:// or a path.'),
    ('path', 'csv_file', None, 'A list of your own pictures: path,label[,split] a line.'),
    ('path', 'train_directory', None, 'Ready-made split: folder of the training classes.'),
    ('path', 'validation_directory', None, 'Ready-made split: folder of the held-out ones.'),
    ('path', 'labels_file', None, 'With the two above: the classes in order, one a line.'),
    ('path', 'output_directory', None, 'Where the records go, if not into dataset_dir.'),
    ('boolean', 'background_class', False, 'Keep label 0 for a background class.'),
    ('boolean', 'sample_unknowns', False, 'sample_flowers: draw pictures of no kind, too.'),
)
_HOW = (
    ('float', 'validation_percentage', 10, 'Part of own pictures that is held out.'),
    ('integer', 'random_seed', 0, 'Seed of the split and of the order of the records.'),
    ('integer', 'num_shards', None, 'Files for each split; else about 1,024 pictures each.'),
    ('integer', 'train_shards', None, 'Files for the training split.'),
    ('integer', 'validation_shards', None, 'Files for the validation split.'),
    (
        ['png', 'jpeg'],
        'reencode',
        'png',
        'how to store what cannot be stored as it is. png keeps every pixel, jpeg (quality 95) is '
        'smaller and loses some.',
    ),
    ('integer', 'max_side', None, 'Shrink pictures whose longer side has more pixels.'),
    ('float', 'max_skipped_fraction', 0.1, 'Stop if more of the pictures than this are bad.'),
)
_RUN = (
    ('integer', 'num_threads', None, 'Processes that convert; else one for each core.'),
    ('boolean', 'overwrite', False, 'Replace records that were made from other pictures.'),
    ('boolean', 'verify', False, 'Convert nothing; check the records against the manifest.'),
)
_NO_WAKE_WORDS = "TF-Slim's data set visualwakewords is not made here"
_DEAD = (
    cli.Dead('small_object_area_threshold', 0.005, _NO_WAKE_WORDS),
    cli.Dead('foreground_class_of_interest', 'person', _NO_WAKE_WORDS),
)
_GROUPS = {
    'What to convert': _WHAT,
    'How to split and store it': _HOW,
    'How to run': _RUN,
    cli.OLDER_NAMES: cli.without_effect(_DEAD),
}


def main(_):
    """Turn the flags into a request, and run it."""
    cli.refuse_dead(_DEAD)
    # The summary lists every picture that TensorFlow's log would grumble about.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    # Nothing here needs Keras 3, a third of the time that TensorFlow takes to start.
    os.environ.setdefault('TF_USE_LEGACY_KERAS', '1')
    from datasets import sources
    from datasets.conversion import convert

    command = shlex.join(['python', *sys.argv])
    options = cli.filled(convert.ConvertOptions, num_processes=FLAGS.num_threads, command=command)
    sources.run(cli.filled(sources.Request, options=options))


if __name__ == '__main__':
    cli.define(_GROUPS)
    cli.run(main, most_used=_MOST_USED, page='docs/datasets.md')
