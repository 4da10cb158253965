"""Compare the logits of an imported network with those of the network that its weights come from.

Both get the same random pictures, each through its own preprocessing. The module for a kind of file
has two functions:

    missing(layout)   why the network cannot be built, or ''
    logits(path, layout, info, pixels, use_averages)   of uint8 pixels [count, size, size, channels]
"""

import dataclasses
import importlib

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import build, restore
from common.errors import UserError
from weights import sources
from weights.layouts import hub_config, registry
from weights.readers import source_file
from weights.verification import pictures

_MODULES = {sources.TORCH: 'torch_networks', sources.KERAS: 'keras_networks'}
TOLERANCE = 1e-4
_PICTURES = 4


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The largest differences between the logits of two networks."""

    pictures: int
    size: int
    absolute: float
    largest: float  # The largest logit of the other network, without its sign.

    @property
    def relative(self):
        """Return the largest difference as a share of the largest logit."""
        return self.absolute / self.largest if self.largest else float('inf')

    @property
    def is_equal(self):
        """Return whether the difference can come from rounding."""
        return self.relative <= TOLERANCE  # False for NaN.

    def line(self):
        """Return the result for the log."""
        return (
            f'largest difference of the logits of {self.pictures} random pictures of '
            f'{self.size} pixels: {self.absolute:.3g}, which is {self.relative:.2g} of the '
            f'largest logit ({self.largest:.3g})'
        )


def require(path, model_name=None, use_averages=True):
    """Raise a UserError unless the network that a file comes from can be built here."""
    source, layout = _open(path, model_name, use_averages)
    module = _module(source)
    if module is None:
        raise UserError(f'--verify: {path}: only files of PyTorch and Keras can be compared')
    if module.missing(layout):
        raise UserError(f'--verify: {path}: {module.missing(layout)}')


def _open(path, model_name, use_averages):
    source = source_file.open_source(path, use_averages)
    layout, _ = registry.find(source, model_name)
    return source, hub_config.adapt(layout, path)[0]


def _module(source):
    name = _MODULES.get(source.kind)
    return importlib.import_module(f'weights.verification.{name}') if name else None


def verify(path, imported, use_averages=True):
    """Return a line about the comparison; raise a UserError if the logits differ.

    `path` is the file, `imported` what `weights.importing.import_file` returned for it, with or
    without its moving averages.
    """
    compared = compare(path, imported.path, imported.info, use_averages)
    if not compared.is_equal:
        raise UserError(f'--verify: {imported.path}: {compared.line()}; at most {TOLERANCE:g}')
    return compared.line()


def compare(path, checkpoint, info, use_averages=True):
    """Return the Comparison of a file with the checkpoint that was written from it."""
    source, layout = _open(path, info.model_name, use_averages)
    shown = pictures.random(info.image_size, _PICTURES, info.channels)
    there = _module(source).logits(path, layout, info, shown, use_averages)
    return difference(our_logits(checkpoint, info, shown), there, info.image_size)


def difference(here, there, size):
    """Return the Comparison of two arrays of logits."""
    if here.shape != there.shape:
        raise UserError(f'{here.shape[1]} classes here, {there.shape[1]} in the other network')
    absolute = np.abs(here.astype(np.float64) - there).max()
    return Comparison(len(here), size, float(absolute), float(np.abs(there).max()))


def our_logits(checkpoint, info, shown):
    """Return the logits of a checkpoint for uint8 pictures of the network's size.

    The recipe of `info` gets them with a frame, and removes it.
    """
    recipe = info.preprocessing_name
    inputs = pictures.prepared(pictures.framed(shown, recipe), recipe, info.image_size)
    with tf.Graph().as_default():
        classifier = build.build(info, with_bytes=False)
        network = classifier.network
        init_fn = restore.inference(checkpoint, info.model_name, network.variables).init_fn(True)
        threads = tf.ConfigProto(intra_op_parallelism_threads=2, inter_op_parallelism_threads=1)
        with tf.Session(config=threads) as session:
            init_fn(None, session)
            each = [session.run(network.logits, {classifier.input: [image]}) for image in inputs]
    return np.concatenate(each)
