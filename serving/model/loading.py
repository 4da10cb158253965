"""A trained classifier, from whichever file it lies in, as one graph that takes pictures."""

import dataclasses
import os
from collections.abc import Callable

import tensorflow.compat.v1 as tf

from classifiers import model_info
from classifiers.model_info import ModelInfo
from common.errors import UserError


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """Which model to use, and what it does not say itself; None stands for what was not given."""

    path: str  # A training directory, a checkpoint, or a frozen graph (.pb).
    model_name: str | None = None  # The network, as nets_factory names it.
    label_file: str | None = None
    labels_offset: int | None = None
    image_size: int | None = None
    preprocessing_name: str | None = None
    use_grayscale: bool | None = None
    use_moving_averages: bool | None = None
    # For graphs that other programs made, as TensorFlow's label_image knows them.
    input_layer: str | None = None
    output_layer: str | None = None
    input_mean: float | None = None
    input_std: float | None = None
    input_width: int | None = None
    input_height: int | None = None
    allow_unsafe_graph: bool = False  # Run whatever a frozen graph holds.

    @property
    def height(self):
        """Return the height that was asked for, or None."""
        return self.input_height or self.image_size

    @property
    def width(self):
        """Return the width that was asked for, or None."""
        return self.input_width or self.image_size


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A graph whose one input takes normalised pictures, and what is known of it.

    `info` lacks the number of classes (0) where only a run can tell it; its names may be empty.
    """

    graph: tf.Graph
    pictures: tf.Tensor  # Strings: a batch of pictures, or a single one.
    output: tf.Tensor  # Probabilities, or logits that are to become such.
    info: ModelInfo
    initialize: Callable = lambda session: None  # Fills the variables of a session.
    lines: tuple = ()  # What was chosen, and why.


def load(options):
    """Load the model that `options.path` names."""
    # Here, since both modules need the records above.
    from serving.model import checkpoint_model, graph_model

    _check(options)
    if model_info.is_graph(options.path):
        return graph_model.load(options)
    _refuse_graph_flags(options)
    return checkpoint_model.load(options)


def _check(options):
    if os.path.isfile(os.path.join(options.path, 'saved_model.pb')):
        raise UserError(
            f'{options.path}: a SavedModel; name the training directory or the frozen graph (.pb) '
            'that it was made from'
        )
    for name in ('image_size', 'input_width', 'input_height'):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UserError(f'--{name}={value}: at least 1 is valid')
    if (options.labels_offset or 0) < 0:
        raise UserError(f'--labels_offset={options.labels_offset}: at least 0 is valid')
    if options.input_std == 0:
        raise UserError('--input_std=0: pixels are divided by it, so it cannot be 0')
    if options.image_size:
        for name in ('input_width', 'input_height'):
            value = getattr(options, name)
            if value not in (None, options.image_size):
                raise UserError(
                    f'--{name}={value} contradicts --image_size={options.image_size}: pass one'
                )


def _refuse_graph_flags(options):
    """Refuse what only the nodes of a foreign graph have to be told."""
    for name in ('input_layer', 'output_layer', 'input_mean', 'input_std'):
        value = getattr(options, name)
        if value is not None:
            raise UserError(
                f'--{name}={value}: {options.path} is a checkpoint, whose graph is built here; '
                'the flag is for frozen graphs'
            )
    if options.height != options.width:
        raise UserError(
            f'--input_width={options.width} and --input_height={options.height}: '
            'networks built from a checkpoint take squares'
        )
