"""The options of classify_image.py."""

import dataclasses

from common.checks import COUNT, OneOf
from common.errors import UserError
from common.options import ProgramOptions, option, part, positional
from serving import early_checks
from serving.model.model_options import (
    MODEL,
    OUTPUT,
    SPEED,
    ModelOptions,
    PredictorOptions,
    TopOptions,
)
from serving.terminal import picture_arguments

FORMATS = ('table', 'csv', 'json')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassifyOptions(TopOptions, ProgramOptions):
    """What to classify, with which model, and how to print the classes."""

    page = 'docs/classifying.md'
    most_used = ('model', 'label_file', 'model_name', 'format', 'num_top_predictions')

    model: str | None = option(
        MODEL,
        None,
        'A training directory, a checkpoint, a frozen graph (.pb), or its ONNX file (.onnx).',
        is_path=True,
        older=('model_file', 'graph'),
    )
    label_file: str | None = option(
        MODEL,
        None,
        'The class names, `0:daisy` or one name per line.',
        is_path=True,
        older=('labels',),
    )
    of_model: ModelOptions = part(ModelOptions)
    of_predictor: PredictorOptions = part(
        PredictorOptions, omit=('max_concurrency', 'max_batch_size', 'batch_wait_ms', 'max_queue')
    )
    format: str = option(
        OUTPUT,
        'table',
        'How to print the classes; a table has calibrated percentages, if the model knows them.',
        OneOf(FORMATS),
    )
    batch_size: int | None = option(
        SPEED,
        None,
        'Pictures per run of the network; by default 16 with TensorFlow, 1 with ONNX Runtime.',
        COUNT,
    )
    paths: tuple[str, ...] = positional('PICTURE', older=('image_file', 'image'))

    def __post_init__(self):
        """Check the options."""
        super().__post_init__()
        if self.paths.count(picture_arguments.STANDARD_INPUT) > 1:
            raise UserError('standard input (-) can be read only once')

    def check_files(self):
        """Raise a UserError unless the model, the label file and at least one picture exist."""
        if not self.model:
            raise UserError(
                '--model: name a training directory, a checkpoint, a frozen graph (.pb) or its '
                'ONNX file (.onnx)'
            )
        if not self.paths:
            raise UserError('no picture: name files, folders or patterns, or - for standard input')
        early_checks.model(self.model, self.label_file)
        picture_arguments.require_some(self.paths)

    @property
    def model_options(self):
        """Return the options of the model, its file included."""
        return dataclasses.replace(self.of_model, path=self.model, label_file=self.label_file)
