"""A model as a graph that takes pictures."""

import dataclasses
from collections.abc import Callable

import tensorflow.compat.v1 as tf

from classifiers.model_info import ModelInfo


@dataclasses.dataclass(frozen=True)
class LoadedModel:
    """A graph that takes normalised pictures, and its description.

    In `info` the number of classes is 0 if it is not known before the first run.
    """

    graph: tf.Graph
    pictures: tf.Tensor  # Strings: a batch of pictures, or a single one.
    output: tf.Tensor  # Probabilities or logits.
    info: ModelInfo
    verdicts: tuple[tf.Tensor, ...] = ()  # Those of verdicts.KINDS, if its limits are known.
    initialize: Callable = lambda session: None  # Fills the variables of a session.
    lines: tuple = ()  # Lines for the log: what was chosen and why.
