"""Compare an exported model with the graph that it was made from, on real pictures."""

import dataclasses

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import build
from classifiers.verdicts import KINDS
from common import imagenet
from common.errors import UserError
from datasets import dataset_factory
from datasets.records import random_access, record_files, record_parser
from datasets.samples import painters, sample_flowers
from heads.limits.limits import Limits
from serving.export import verdict_parity
from serving.graphdef import graph_edits

_SPLITS = ('validation', 'test', 'train')
# A larger difference between float formats means that one of them is broken.
FLOAT_TOLERANCE = 1e-3


def pictures_for(options, info, count, splits=_SPLITS):
    """Return encoded pictures of the data set of the options, otherwise of the network's."""
    name = options.dataset_name or info.dataset_name or imagenet.DATASET_NAME
    return pictures(name, options.dataset_dir, count, splits)


def pictures(dataset_name, dataset_dir, count, splits=_SPLITS):
    """Return encoded pictures from the first existing split, or drawn ones without a data set."""
    if not dataset_dir:
        drawn = [(kind, number) for number in range(count) for kind in sample_flowers.CLASS_NAMES]
        return [painters.draw_flower(kind, f'check/{n}') for kind, n in drawn[:count]]
    present = record_files.splits_present(dataset_dir, dataset_name)
    problem = ''
    # The last error is reported: it is about an existing split if there is one.
    for split in sorted(splits, key=present.__contains__):
        try:
            dataset = dataset_factory.get_dataset(dataset_name, split, dataset_dir)
        except UserError as error:
            problem = error
            continue
        return _encoded(dataset, count)
    raise UserError(
        f'{dataset_dir}: has no pictures of {dataset_name} in {", ".join(splits)} ({problem})'
    )


def _encoded(dataset, count):
    """Return encoded pictures from all over a split."""
    read = random_access.RandomAccess(dataset.shards)
    return [
        record_parser.encoded_picture(read.read(number), read.name(number))
        for number in random_access.spread(range(dataset.num_samples), count)
    ]


def pixels(info, encoded):
    """Return the network's input for encoded pictures: [pictures, side, side, channels]."""
    with tf.Graph().as_default() as graph, graph_edits.session(graph) as session:
        picture = tf.placeholder(tf.string, [])
        image = build.preprocess(info, picture)
        return np.stack([session.run(image, {picture: data}) for data in encoded])


def outputs(graph_def, info, images):
    """Run a frozen graph on preprocessed pictures; return {kind: array} of what is compared."""
    fetched = {kind: info.tensor(kind) for kind in compared(info)}
    with tf.Graph().as_default() as graph, graph_edits.session(graph) as session:
        tf.import_graph_def(graph_def, name='')
        return session.run(fetched, {info.tensor('input'): images})


def compared(info):
    """List the kinds of the outputs that are compared: the probabilities, and any verdicts."""
    return ['probabilities', *(kind for kind in KINDS if kind in info.nodes)]


@dataclasses.dataclass(frozen=True)
class Check:
    """Pictures and the results of the frozen graph on them: {kind: array}."""

    pictures: list
    images: np.ndarray
    expected: dict[str, np.ndarray]
    limits: Limits | None = None

    def compare(self, what, found, tolerance=FLOAT_TOLERANCE):
        """Return a line with the largest difference; raise a UserError above the tolerance.

        Without a tolerance, for formats that round on purpose, it is only reported.
        """
        expected, scores = self.expected['probabilities'], found['probabilities']
        difference = float(np.abs(expected - scores).max())
        agreeing = int((expected.argmax(axis=1) == scores.argmax(axis=1)).sum())
        line = (
            f'{what}: largest difference from the graph {difference:.1e}, same top class for'
            f' {agreeing} of {len(scores)} pictures'
        )
        if tolerance is not None and not difference <= tolerance:
            raise UserError(f'{line}; must be at most {tolerance:.0e}, so it was not written')
        if self.limits is None:
            return line
        result = verdict_parity.compare(self.limits, self.expected, found)
        line = f'{line}; {result.line()}'
        if tolerance is not None and not result.difference <= verdict_parity.TOLERANCE:
            raise UserError(
                f'{line}; must be at most {verdict_parity.TOLERANCE:.0e}, so it was not written;'
                ' --nolimits leaves the limits out'
            )
        return line


def check_of(graph_def, info, encoded, limits=None):
    """Run pictures through a frozen graph."""
    images = pixels(info, encoded)
    return Check(encoded, images, outputs(graph_def, info, images), limits)
