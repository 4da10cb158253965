"""The options of export_inference_graph.py."""

import dataclasses
import os

from classifiers import checkpoint_paths, file_kinds
from common import files
from common.checks import COUNT, NOT_NEGATIVE, OneOf
from common.errors import UserError
from common.options import Dead, ProgramOptions, option
from serving import early_checks

WHAT = 'What to export'
HOW = 'How to write it'
SUMMARY = 'What a model contains'

FORMATS = ('graph_def', 'frozen', 'saved_model', 'tflite', 'onnx', 'safetensors', 'keras')
# The formats that contain weights and no graph.
WEIGHTS = ('safetensors',)
TFLITE_PRECISIONS = ('float32', 'float16', 'int8')
_NO_VIDEOS = 'there are no networks for videos here'


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportOptions(ProgramOptions):
    """What to export, and how; None means not given."""

    page = 'docs/exporting.md'
    most_used = ('checkpoint_path', 'model_name', 'output_file', 'format', 'summarize')
    unused = (
        Dead('quantize', False, 'use --format=tflite --tflite_precision=int8 instead'),
        Dead('is_video_model', False, _NO_VIDEOS),
        Dead('num_frames', None, _NO_VIDEOS, kind=int),
    )

    # What to export
    checkpoint_path: str | None = option(
        WHAT, None, 'A checkpoint, or a directory of checkpoints with model.json.', is_path=True
    )
    model_name: str | None = option(
        WHAT, None, "The network; by default the checkpoint's, else inception_v3."
    )
    dataset_name: str | None = option(
        WHAT, None, "The data set with the classes; by default the checkpoint's, else imagenet."
    )
    dataset_dir: str | None = option(
        WHAT, None, "The directory of that data set's manifest or label file.", is_path=True
    )
    labels_offset: int | None = option(
        WHAT, None, 'The label of the first output; by default 0.', NOT_NEGATIVE
    )
    image_size: int | None = option(
        WHAT,
        None,
        "Side of the input in pixels; by default the checkpoint's or the network's own.",
        COUNT,
        older=('default_image_size',),
    )
    preprocessing_name: str | None = option(
        WHAT, None, "The preprocessing; by default the checkpoint's or the network's own."
    )
    use_grayscale: bool | None = option(WHAT, None, 'The network takes pictures of one channel.')
    use_moving_averages: bool | None = option(
        WHAT, None, 'Export the moving averages; by default if the network was trained with them.'
    )

    # How to write it
    output_file: str | None = option(
        HOW, None, 'The file to write; for saved_model a new directory.', is_path=True
    )
    format: str = option(
        HOW,
        'graph_def',
        'graph_def is the graph without weights, for freeze_graph.py; the others need a '
        'checkpoint.',
        OneOf(FORMATS),
    )
    write_text_graphdef: bool = option(HOW, False, 'Write the GraphDef as text.')
    for_app: bool = option(
        HOW, False, 'Leave out the decoding of pictures, so that `input` takes pixels only.'
    )
    is_training: bool = option(HOW, False, 'Write the graph that training uses.')
    batch_size: int | None = option(
        HOW, None, 'A fixed batch size; by default any number of pictures.', COUNT
    )
    tflite_precision: str = option(
        HOW, 'float32', 'The number format of a tflite model.', OneOf(TFLITE_PRECISIONS)
    )
    num_calibration_pictures: int = option(
        HOW, 100, 'Pictures of the data set with which int8 is calibrated.', COUNT
    )
    num_check_pictures: int = option(
        HOW, 10, 'Pictures on which the new format is compared with the graph.', COUNT
    )
    limits: bool = option(
        HOW, True, 'Append what calibrate_image_classifier.py learnt about the checkpoint.'
    )

    # What a model contains
    summarize: str | None = option(
        SUMMARY,
        None,
        'List inputs, outputs and sizes of this graph, MetaGraph, checkpoint, training directory '
        'or SavedModel.',
        is_path=True,
    )

    def __post_init__(self):
        """Check each option by itself, and those that exclude each other."""
        super().__post_init__()
        if self.tflite_precision != 'float32' and self.format != 'tflite':
            raise self.mistake(
                'tflite_precision', f'is for --format=tflite, not for --format={self.format}'
            )
        if self.format == 'graph_def':
            return
        for name in ('is_training', 'write_text_graphdef'):
            if getattr(self, name):
                raise self.mistake(name, f'is for --format=graph_def, not for {self.format}')
        for name in ('for_app', 'batch_size') if self.format in (*WEIGHTS, 'keras') else ():
            if getattr(self, name):
                raise self.mistake(name, f'is for graphs; --format={self.format} has none')
        if self.format == 'saved_model' and self.for_app:
            raise self.mistake('for_app', 'must be False: --format=saved_model takes pictures')
        if self.tflite_precision == 'int8' and not self.dataset_dir:
            raise self.mistake(
                'tflite_precision',
                'needs pictures to calibrate with; name the directory of their records with '
                '--dataset_dir',
            )

    def check_files(self):
        """Raise a UserError unless the checkpoint exists and the output can be written."""
        if self.summarize:
            _check_summarized(self.summarize)
            return
        if not self.checkpoint_path:
            if not self.output_file:
                raise UserError('--output_file is missing: name the file to write the graph to')
            if self.format != 'graph_def':
                raise self.mistake('format', 'needs weights; name them with --checkpoint_path')
        if self.output_file and self.format != 'saved_model':
            require_writable('output_file', self.output_file)
        if self.checkpoint_path:
            checkpoint_paths.require(self.checkpoint_path)


def require_writable(flag, path):
    """Raise a UserError unless a file can be written to the path that a flag names."""
    try:
        files.require_file(path)
    except OSError as error:
        raise UserError(f'--{flag}={path}: {error.strerror}; name a file to write') from None


def _check_summarized(path):
    if os.path.exists(f'{path}.index') or os.path.isdir(path):
        return
    if other := file_kinds.foreign(path):
        raise UserError(f'{path}: {other}')
    early_checks.require_readable(path)
