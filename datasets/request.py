"""The options of download_and_convert_data.py. No TensorFlow and no NumPy: --help reads them."""

import dataclasses

from common.options import Dead, ProgramOptions, option, part
from datasets.conversion.convert_options import RUNNING, ConvertOptions

SOURCE = 'What to convert'

_NO_WAKE_WORDS = "TF-Slim's data set visualwakewords is not supported"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request(ProgramOptions):
    """Hold which pictures to convert, and how; None means not given."""

    page = 'docs/datasets.md'
    most_used = (
        'dataset_name', 'dataset_dir', 'validation_percentage', 'train_directory',
        'validation_directory', 'labels_file', 'output_directory', 'num_shards', 'overwrite',
        'verify',
    )  # fmt: skip
    unused = (
        Dead('small_object_area_threshold', 0.005, _NO_WAKE_WORDS),
        Dead('foreground_class_of_interest', 'person', _NO_WAKE_WORDS),
    )

    dataset_name: str | None = option(
        SOURCE,
        None,
        'A published data set (flowers, cifar10, cifar100, mnist and fashion_mnist are downloaded; '
        'imagenet, tiny_imagenet, mini_imagenet, caltech101 and caltech256 are read from files '
        'that you have; sample_flowers is drawn), or the name of a folder in --dataset_dir that '
        'has one folder of your own pictures per class.',
    )
    dataset_dir: str | None = option(
        SOURCE, None, 'The directory of the pictures and of the records.', is_path=True
    )
    source_url: str | None = option(
        SOURCE, None, 'Download from here instead: https, file:// or a path.', is_path=True
    )
    csv_file: str | None = option(
        SOURCE, None, 'A list of your own pictures, one path,label[,split] per line.', is_path=True
    )
    train_directory: str | None = option(
        SOURCE,
        None,
        'For pictures that are already split: the folder of the training classes.',
        is_path=True,
    )
    validation_directory: str | None = option(
        SOURCE,
        None,
        'For pictures that are already split: the folder of the validation classes.',
        is_path=True,
    )
    labels_file: str | None = option(
        SOURCE,
        None,
        'For pictures that are already split: the classes in order, one per line.',
        is_path=True,
    )
    output_directory: str | None = option(
        SOURCE,
        None,
        'The directory of the records. If not given, --dataset_dir.',
        is_path=True,
    )
    background_class: bool = option(SOURCE, False, 'Reserve label 0 for a background class.')
    sample_unknowns: bool = option(
        SOURCE, False, 'sample_flowers: also draw pictures that show none of the classes.'
    )
    options: ConvertOptions = part(ConvertOptions)
    verify: bool = option(
        RUNNING, False, 'Convert nothing; check existing records against their manifest.'
    )

    @property
    def output_dir(self) -> str | None:
        """Return the directory of the records."""
        return self.output_directory or self.dataset_dir
