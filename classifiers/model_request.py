"""What a user requests of a classifier, and a classifier on disk."""

import dataclasses
import os

from classifiers import model_info
from classifiers.model_info import ModelInfo

NETWORK_FLAG = '--model_name'  # In most programs; the server calls it --network.


@dataclasses.dataclass(frozen=True)
class ModelRequest:
    """The flags that describe a classifier; None means not given."""

    model_name: str | None = None
    labels_offset: int | None = None
    use_grayscale: bool | None = None
    image_size: int | None = None
    preprocessing_name: str | None = None
    moving_average_decay: float | None = None
    use_moving_averages: bool | None = None
    dataset_name: str | None = None
    network_flag: str = NETWORK_FLAG  # What the program calls the flag behind `model_name`.

    @classmethod
    def of(cls, options, **renamed):
        """Make a request from the options of the same names; `renamed` options override them."""
        names = {field.name for field in dataclasses.fields(cls)}
        shared = names & {field.name for field in dataclasses.fields(options)}
        return cls(**{**{name: getattr(options, name) for name in shared}, **renamed})


@dataclasses.dataclass(frozen=True)
class StoredModel:
    """A model on disk: its description, the description's path, and its checkpoint."""

    info: ModelInfo | None = None  # None if there is no description.
    path: str = model_info.FILE_NAME
    checkpoint: str | None = None

    @classmethod
    def beside(cls, checkpoint):
        """Read the description beside a checkpoint."""
        return cls(
            model_info.read_beside(checkpoint),
            model_info.path_beside(checkpoint),
            os.fspath(checkpoint),
        )
