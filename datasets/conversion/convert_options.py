"""The options of a conversion. No TensorFlow and no NumPy: --help reads them."""

import dataclasses

from common.checks import COUNT, OneOf, Range
from common.options import Options, option
from pictures.kinds import REENCODINGS

STORING = 'How to split and store it'
RUNNING = 'How to run'

_ANY = Range()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvertOptions(Options):
    """Hold the options of a conversion; None means not given."""

    validation_percentage: float = option(
        STORING,
        10,
        'Percentage of your own pictures that is held out for validation.',
        Range(0, 100, open_high=True),
    )
    random_seed: int = option(
        STORING, 0, 'Seed of the split and of the order of the records.', _ANY
    )
    num_shards: int | None = option(
        STORING,
        None,
        'Number of files per split. If not given, each file holds about 1,024 pictures.',
        COUNT,
    )
    train_shards: int | None = option(
        STORING, None, 'Number of files of the training split.', COUNT
    )
    validation_shards: int | None = option(
        STORING, None, 'Number of files of the validation split.', COUNT
    )
    reencode: str = option(
        STORING,
        REENCODINGS[0],
        'How to store a picture that cannot be stored as it is. png keeps every pixel; jpeg '
        '(quality 95) is smaller and changes pixels.',
        OneOf(REENCODINGS),
    )
    max_side: int | None = option(
        STORING, None, 'Shrink pictures whose longer side has more pixels than this.', COUNT
    )
    max_skipped_fraction: float = option(
        STORING, 0.1, 'Stop if a larger fraction of the pictures cannot be read.', Range(0, 1)
    )
    num_processes: int | None = option(
        RUNNING,
        None,
        'Number of processes that convert. If not given, one per core.',
        COUNT,
        name='num_threads',
    )
    overwrite: bool = option(
        RUNNING, False, 'Replace existing records that were made from other pictures.'
    )
    command: str | None = None  # What to type to repeat the conversion.
