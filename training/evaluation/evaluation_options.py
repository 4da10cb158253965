"""The options of an evaluation: each flag with its default, range and help."""

import dataclasses

from classifiers import checkpoint_paths, model_info
from common.checks import COUNT, DECAY, NOT_NEGATIVE
from common.options import Dead, Ignored, ProgramOptions, like, option
from datasets.records import record_files
from deployment.engine_options import EngineOptions
from training.evaluation.limits import folder_check
from training.options import TrainOptions

MODEL = 'Checkpoint and network'
DATA = 'Data'
PASS = 'The pass over the data'
RESULTS = 'Results'
WATCHING = 'Watching a training'

# The interval of the older Inception tools.
_OLDER_INTERVAL_SECS = 300


@dataclasses.dataclass(frozen=True, kw_only=True)
class EvaluationOptions(ProgramOptions):
    """The options of an evaluation; None means not given."""

    page = 'docs/evaluation.md'
    most_used = (
        'checkpoint_path', 'dataset_dir', 'dataset_name', 'dataset_split_name', 'eval_dir',
        'unknown_dir', 'eval_interval_secs', 'batch_size', 'save_best', 'model_name',
    )  # fmt: skip
    unused = (
        Dead('quantize', False, 'networks trained for quantization are not part of this toolkit'),
        Ignored('input_queue_memory_factor', 16, 'an evaluation reads in order, without a queue'),
        Ignored('num_readers', 4, 'an evaluation reads in order'),
    )

    # Checkpoint and network
    checkpoint_path: str = option(
        MODEL,
        '/tmp/tfmodel/',
        'A checkpoint, a directory, of which the newest checkpoint is used, or a frozen model '
        '(.pb, .onnx).',
        is_path=True,
        older=('checkpoint_dir',),
    )
    model_name: str | None = like(
        TrainOptions, 'model_name', MODEL, help='The network. If not given, the one in model.json.'
    )
    preprocessing_name: str | None = option(
        MODEL,
        None,
        "The preprocessing. If not given, the one used in training, or the network's own.",
    )
    eval_image_size: int | None = option(
        MODEL,
        None,
        'Side of the input in pixels. If not given, the one used in training, or the '
        "network's own.",
        COUNT,
        older=('image_size',),
    )
    use_grayscale: bool | None = like(
        TrainOptions, 'use_grayscale', MODEL, help='Evaluate on pictures of one channel.'
    )
    labels_offset: int | None = like(TrainOptions, 'labels_offset', MODEL)
    use_moving_averages: bool | None = option(
        MODEL, None, 'Use the moving averages if the network was trained with them.', shown=True
    )
    moving_average_decay: float | None = option(
        MODEL,
        None,
        'Use the moving averages of a checkpoint without model.json (any value but 0).',
        DECAY,
    )
    limits: bool = option(
        MODEL,
        True,
        'Also measure what calibrate_image_classifier.py has learnt about the limits of the '
        'classifier.',
    )

    # Data
    dataset_dir: str | None = like(TrainOptions, 'dataset_dir', DATA)
    dataset_name: str | None = like(
        TrainOptions,
        'dataset_name',
        DATA,
        help='The data set. If not given, the one of the training, or the one that --dataset_dir '
        'contains.',
    )
    dataset_split_name: str | None = option(
        DATA,
        None,
        'The split. If not given, test if there is one, otherwise validation.',
        shown='test',
        older=('subset',),
    )
    skip_damaged_records: bool = like(TrainOptions, 'skip_damaged_records', DATA)
    unknown_dir: tuple[str, ...] = option(
        DATA,
        (),
        'A folder of pictures that are of none of the classes: measure how well they are told from '
        'those of the split. May be given several times.',
        is_path=True,
    )

    # The pass over the data
    batch_size: int = option(
        PASS, 100, 'Number of pictures that go through the network at a time.', COUNT
    )
    max_num_batches: int | None = option(
        PASS,
        None,
        'Stop after this many batches. If not given, every example is evaluated once.',
        COUNT,
    )
    num_examples: int | None = option(PASS, None, 'Stop after this many examples.', COUNT)
    test_time_flips: bool = option(
        PASS, False, 'Average the predictions for each picture and its mirror image.'
    )
    num_preprocessing_threads: int = like(
        TrainOptions,
        'num_preprocessing_threads',
        PASS,
        help='Number of pictures to decode in parallel.',
    )
    master: str = option(PASS, '', 'Address of a TensorFlow server that does the computation.')
    engine: str = like(
        EngineOptions,
        'engine',
        PASS,
        help='What runs a frozen model; auto takes ONNX Runtime if the model has an ONNX file.',
    )
    precision: str = like(
        EngineOptions,
        'precision',
        PASS,
        help='Number format of a frozen model; auto takes the fastest whose classes agree.',
    )

    # Results
    eval_dir: str = option(
        RESULTS, '/tmp/tfmodel/', 'Directory for metrics, plots and logs.', is_path=True
    )
    save_best: bool = option(
        RESULTS, False, 'Keep a copy of the most accurate checkpoint in --eval_dir/best.'
    )

    # Watching a training
    eval_interval_secs: int | None = option(
        WATCHING,
        None,
        'Keep evaluating new checkpoints in the directory, with at least this many seconds '
        'between two evaluations. If not given, evaluate the newest one once.',
        NOT_NEGATIVE,
    )
    timeout_secs: float | None = option(
        WATCHING, None, 'Stop if there is no new checkpoint for this many seconds.', NOT_NEGATIVE
    )
    max_evaluations: int | None = option(WATCHING, None, 'Stop after this many evaluations.', COUNT)
    run_once: bool | None = option(
        WATCHING,
        None,
        'Evaluate the newest checkpoint once, whatever --eval_interval_secs says.',
        shown=False,
    )

    @property
    def interval_secs(self):
        """Return the minimum time between two evaluations, or None for a single one."""
        if self.run_once:
            return None
        if self.run_once is False and self.eval_interval_secs is None:
            return _OLDER_INTERVAL_SECS
        return self.eval_interval_secs

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, 'unknown_dir', tuple(dict.fromkeys(self.unknown_dir)))
        if self.test_time_flips and self.unknown_dir:
            raise self.mistake('unknown_dir', 'cannot be combined with --test_time_flips')

    def check_files(self):
        """Check that the records exist, and the checkpoint unless the evaluation waits for it."""
        folder_check.require(self.unknown_dir)
        record_files.require(self.dataset_dir, self.dataset_name, self.dataset_split_name)
        if self.interval_secs is None and not model_info.is_frozen(self.checkpoint_path):
            checkpoint_paths.require(self.checkpoint_path)

    def remarks(self, given):
        """Yield a line for each option that has no effect."""
        interval = self.eval_interval_secs
        if self.run_once and interval is not None:
            yield f'--eval_interval_secs={interval} has no effect with --run_once'
        if self.interval_secs is None:
            for name in ('timeout_secs', 'max_evaluations'):
                if getattr(self, name) is not None:
                    yield f'--{name} has no effect without --eval_interval_secs'
        elif interval is None:
            yield f'--norun_once is understood as --eval_interval_secs={self.interval_secs}'
