"""A model as a graph that takes pictures."""

import dataclasses
from collections.abc import Callable

import tensorflow.compat.v1 as tf

from classifiers.model_info import ModelInfo


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
