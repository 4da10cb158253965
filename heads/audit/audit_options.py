"""The options of audit_dataset.py: each flag with its default, range and help."""

import dataclasses
import os

from classifiers import checkpoint_paths
from common.checks import NOT_NEGATIVE, Range
from common.options import ProgramOptions, option
from datasets.records import record_files
from heads.network_options import MODEL, NetworkOptions

DATA = 'Data'
RESULTS = 'Results'

_FOLDER = 'audit'


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuditOptions(NetworkOptions, ProgramOptions):
    """Hold the options of an audit; None means not given."""

    page = 'docs/audit.md'
    most_used = (
        'dataset_dir', 'dataset_name', 'checkpoint_path', 'model_name', 'output_dir',
    )  # fmt: skip

    # Data
    dataset_dir: str | None = option(DATA, None, 'Directory of the records.', is_path=True)
    dataset_name: str | None = option(
        DATA, None, 'The data set. If not given, the one that --dataset_dir contains.'
    )

    # Checkpoint and network
    checkpoint_path: str | None = option(
        MODEL,
        None,
        'A checkpoint, or a directory, of which the newest checkpoint is used. Without it, the '
        'parts that need features of a network are left out.',
        is_path=True,
    )

    # Results
    output_dir: str | None = option(
        RESULTS,
        None,
        'Directory for the page and the table. If not given, audit in --dataset_dir.',
        is_path=True,
    )
    most_thumbnails: int = option(
        RESULTS, 60, 'Number of findings of each kind that the page shows.', NOT_NEGATIVE
    )
    similarity: float = option(
        RESULTS,
        0.95,
        'Correlation from which two pictures that lie on top of each other count as the same.',
        Range(0.5, 1, open_high=True),
    )

    def check_files(self):
        """Check that the directories of the records and of the checkpoint exist."""
        record_files.require_directory(self.dataset_dir)
        record_files.require(self.dataset_dir, self.dataset_name, None)
        if self.checkpoint_path is not None:
            checkpoint_paths.require(self.checkpoint_path)

    def remarks(self, given):
        """Yield a line for each option that has no effect."""
        if self.checkpoint_path is None:
            for flag in sorted(given):
                if self._group_of(flag) == MODEL:
                    yield f'--{flag} has no effect without --checkpoint_path'

    def _group_of(self, flag):
        declared = self.__dataclass_fields__[flag].metadata.get('option', {})
        return declared.get('group')

    def output_path(self, name):
        """Return the path of a file in the directory of the results."""
        return os.path.join(self.output_dir or os.path.join(self.dataset_dir, _FOLDER), name)
