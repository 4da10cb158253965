"""The options of calibrate_image_classifier.py: each flag with its default, range and help."""

import dataclasses

from classifiers import checkpoint_paths
from common.checks import NOT_NEGATIVE, Range
from common.errors import UserError
from common.options import ProgramOptions, option
from datasets.records import record_files
from heads.network_options import MODEL, NetworkOptions

DATA = 'Data'
LIMITS = 'What is learnt'


@dataclasses.dataclass(frozen=True, kw_only=True)
class CalibrateOptions(NetworkOptions, ProgramOptions):
    """Hold the options of a calibration; None means not given."""

    page = 'docs/knowing_its_limits.md'
    most_used = (
        'checkpoint_path', 'dataset_dir', 'dataset_name', 'accept_known', 'only_if_stale',
    )  # fmt: skip

    # Data
    dataset_dir: str | None = option(DATA, None, 'Directory of the records.', is_path=True)
    dataset_name: str | None = option(
        DATA,
        None,
        'The data set. If not given, the one that the network was trained on, or the only one in '
        '--dataset_dir.',
    )
    train_split_name: str = option(DATA, 'train', 'The split that the network was trained on.')
    held_out_split_name: str | None = option(
        DATA,
        None,
        'A split that it was not trained on; it may be missing.',
        shown='validation',
    )

    # Checkpoint and network
    checkpoint_path: str | None = option(
        MODEL,
        None,
        'A checkpoint, or a directory, of which the newest checkpoint is used. The results are '
        'written beside it.',
        is_path=True,
    )
    labels_offset: int | None = option(
        MODEL,
        None,
        'Subtracted from the labels. If not given, as in training.',
        NOT_NEGATIVE,
    )

    # What is learnt
    accept_known: float = option(
        LIMITS,
        0.95,
        'The share of pictures of the classes that are to be accepted as known.',
        Range(0.5, 1, open_high=True),
    )
    only_if_stale: bool = option(
        LIMITS, False, 'Do nothing if the checkpoint has limits for this share already.'
    )

    def check_files(self):
        """Check that the directories of the records and of the checkpoint exist."""
        if self.checkpoint_path is None:
            raise UserError('--checkpoint_path is missing: a checkpoint or the directory of one')
        checkpoint_paths.require(self.checkpoint_path)
        record_files.require_directory(self.dataset_dir)
        record_files.require(self.dataset_dir, self.dataset_name, None)
