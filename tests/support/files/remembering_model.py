"""A classifier that knows only the pictures that it was made from.

Its network has random weights. The last layer is fitted to the drawn flowers, and its limits are
so strict that anything but a copy of them is unknown.
"""

import dataclasses

import numpy as np
from sklearn.linear_model import LogisticRegression

from datasets.samples import painters
from heads.limits import measures
from heads.limits.limits import FEATURES, Limits, PredictionSets, Term
from nets import nets_factory
from support.files import limited_models, small_models

KINDS = ('daisy', 'roses', 'tulips')
_MOST_UNLIKE = 0.01  # 1 - cosine. A copy of a flower has about 0.001, a cat 0.02 or more.


@dataclasses.dataclass(frozen=True)
class RememberingModel:
    """The path of a frozen graph, and the JPEG files of its flowers by kind."""

    path: str
    flowers: dict[str, list[bytes]]


def write(folder, count=4):
    """Draw flowers of every kind, and write a frozen graph that knows them."""
    flowers = {kind: [painters.draw_flower(kind, seed) for seed in range(count)] for kind in KINDS}
    encoded = [data for pictures in flowers.values() for data in pictures]
    outputs = np.repeat(np.arange(len(KINDS)), count)
    info = small_models.describe(class_names=KINDS)
    weights = small_models.values(info)
    directory = small_models.train_dir(folder / 'body', info, weights=weights)
    rows = limited_models.outputs_of(directory, encoded)[1]
    weights.update(_head(info, rows, outputs))
    directory = small_models.train_dir(folder / 'whole', info, weights=weights)
    path = limited_models.frozen(folder / 'flowers.pb', directory, _limits(rows, outputs))
    return RememberingModel(path, flowers)


def _head(info, rows, outputs):
    """Return the weights of a last layer that is fitted to features."""
    fitted = LogisticRegression(C=10, max_iter=1000).fit(rows, outputs)
    head = nets_factory.get_spec(info.model_name).head
    found = {f'{head}/weights': fitted.coef_.T, f'{head}/biases': fitted.intercept_}
    return {name: value.astype(np.float32) for name, value in found.items()}


def _limits(rows, outputs):
    arrays = measures.MEASURES['neighbours_1'].fit(rows, outputs)
    arrays = {name: np.asarray(value, np.float32) for name, value in arrays.items()}
    return Limits(
        temperature=1.0,
        terms=(Term('neighbours_1', FEATURES, arrays, mean=0.0, std=_MOST_UNLIKE),),
        threshold=1.0,
        knots=np.array([0, 1, 2], np.float32),
        p_values=np.array([1, 0.05, 0.01], np.float32),
        accept_known=0.95,
        sets=PredictionSets(1.0, 'lac', {'lac': {'0.9': 0.3}, 'aps': {'0.9': 0.8}}),
        num_held_out=len(rows),
        layers={},
    )
