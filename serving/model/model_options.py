"""Which model to use, and how pictures are fed to it."""

import dataclasses

from classifiers.model_request import NETWORK_FLAG


@dataclasses.dataclass(frozen=True)
class ModelOptions:
    """Which model to use, and what it does not say itself; None stands for what was not given."""

    path: str  # A training directory, a checkpoint, or a frozen graph (.pb).
    model_name: str | None = None  # The network, as nets_factory names it.
    network_flag: str = NETWORK_FLAG  # What the program calls the flag behind `model_name`.
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
