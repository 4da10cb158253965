"""The options of a model: how to read it, and how to run it."""

import dataclasses

from classifiers.model_request import NETWORK_FLAG
from common import processors
from common.checks import COUNT, NOT_NEGATIVE, Range
from common.options import Options, option
from deployment.engine_options import SPEED, EngineOptions

MODEL = 'The model'
FOREIGN = 'Frozen graphs of other programs (as in label_image)'
OUTPUT = 'Output'

_MOST = 1_000_000  # Of milliseconds, threads and pictures.


@dataclasses.dataclass(frozen=True)
class ModelOptions(Options):
    """Which model to use, and what its files do not say; None means not given."""

    path: str = ''  # A training directory, a checkpoint, a frozen graph (.pb), or an ONNX file.
    label_file: str | None = None
    network_flag: str = NETWORK_FLAG  # What the program calls the flag behind `model_name`.

    model_name: str | None = option(
        MODEL, None, 'The network, if there is no model.json that names it.'
    )
    labels_offset: int | None = option(
        MODEL,
        None,
        'The label of the first output: 1 for a network without a background class.',
        NOT_NEGATIVE,
    )
    image_size: int | None = option(MODEL, None, 'Side of the input in pixels.', COUNT)
    preprocessing_name: str | None = option(
        MODEL, None, 'The preprocessing: inception, vgg, torch, lenet or cifarnet.'
    )
    use_grayscale: bool | None = option(MODEL, None, 'The network takes pictures of one channel.')
    use_moving_averages: bool | None = option(
        MODEL, None, 'Use the moving averages; by default if the network was trained with them.'
    )
    input_layer: str | None = option(
        FOREIGN, None, 'The node that takes pictures or pixels, if it is not found.'
    )
    output_layer: str | None = option(
        FOREIGN, None, 'The node with the scores of the classes, if there is no softmax.'
    )
    input_mean: float | None = option(
        FOREIGN, None, 'Subtracted from every pixel (0 to 255) of the resized picture.'
    )
    input_std: float | None = option(FOREIGN, None, 'Every pixel is then divided by this.')
    input_width: int | None = option(FOREIGN, None, 'Width of the input in pixels.', COUNT)
    input_height: int | None = option(FOREIGN, None, 'Height of the input in pixels.', COUNT)
    allow_unsafe_graph: bool = option(
        FOREIGN, False, 'Run a graph even if it can read or change files.'
    )

    def __post_init__(self):
        """Check each option by itself, and those that contradict each other."""
        super().__post_init__()
        if self.input_std == 0:
            raise self.mistake('input_std', 'must not be 0: pixels are divided by it')
        for name in ('input_width', 'input_height') if self.image_size else ():
            if getattr(self, name) not in (None, self.image_size):
                raise self.mistake(
                    name, f'contradicts --image_size={self.image_size}; pass one of them'
                )

    @property
    def height(self):
        """Return the requested height, or None."""
        return self.input_height or self.image_size

    @property
    def width(self):
        """Return the requested width, or None."""
        return self.input_width or self.image_size


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictorOptions(EngineOptions):
    """How a model is run; None leaves the choice to the program."""

    num_pictures: int | None = None  # All that will be classified, if known, as fast as possible.

    max_concurrency: int | None = option(
        SPEED,
        None,
        'Batches that run at the same time; by default as many as there are cores.',
        Range(1, _MOST),
    )
    max_batch_size: int | None = option(
        SPEED, None, 'Pictures per batch; by default 1, with a GPU 8.', Range(1, _MOST)
    )
    batch_wait_ms: float | None = option(
        SPEED,
        None,
        'Milliseconds that a batch waits for more pictures; by default 0, with a GPU 2.',
        Range(0, _MOST),
    )
    max_queue: int | None = option(
        SPEED,
        64,
        'Pictures that may wait; the server answers 503 to more.',
        Range(1, _MOST),
    )

    def resolved(self, **defaults):
        """Return a copy in which every choice is made; `defaults` are those of an engine."""
        defaults = {
            'max_concurrency': processors.available(),
            'max_batch_size': 1,
            'batch_wait_ms': 0.0,
            **defaults,
        }
        left_open = {name for name in defaults if getattr(self, name) is None}
        return dataclasses.replace(self, **{name: defaults[name] for name in left_open})


@dataclasses.dataclass(frozen=True, kw_only=True)
class TopOptions(Options):
    """How many classes are shown, in the terminal and by the server."""

    num_top_predictions: int = option(OUTPUT, 5, 'Classes per picture, best first.', COUNT)
