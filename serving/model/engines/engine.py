"""The interface of all engines: a loaded model, whichever library runs it."""

import typing

from classifiers.model_info import ModelInfo
from classifiers.verdicts import Outputs
from serving.model.model_options import PredictorOptions


class Engine(typing.Protocol):
    """A model that is loaded and warmed up. Several threads may call `run`.

    Loading raises a UserError for a model that cannot be used, and a MemoryError if memory is
    short.
    """

    name: str  # 'tensorflow' or 'onnx', as in --engine.
    precision: str  # 'float32', 'bfloat16' or 'int8'.
    # With the number of classes, perhaps without their names. Its `limits` are {} if `run` gives no
    # verdicts.
    info: ModelInfo
    lines: tuple[str, ...]  # For the log: what was chosen and why.
    options: PredictorOptions  # With every choice made.
    refuses_damaged: bool  # Whether `run` itself refuses incomplete pictures.

    def run(self, pictures: list[bytes]) -> Outputs:
        """Return the probabilities of normalised pictures, and verdicts if its limits are known.

        Raise BadImage if a picture cannot be read, and ImageTooLarge if memory is short.
        """

    def close(self):
        """Free the model; no run may be in progress."""
