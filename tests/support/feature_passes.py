"""A small network, its checkpoints and its features, for the tests of the pass.

    python -m support.feature_passes DATASET_DIR CHECKPOINT FEATURES_DIR BLOCKS

computes the features, and kills itself after so many blocks of four pictures.
"""

import os
import signal
import sys

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import build, restore
from datasets import dataset_factory
from datasets.records.verified_records import VerifiedRecords
from heads import feature_files, features
from heads.cuts import last_layer
from heads.picture_source import PictureSource
from support.files import checkpoint_files, small_models

INFO = small_models.describe(
    'lenet', class_names=[f'class {k}' for k in range(23)], preprocessing_name='inception'
)
BATCH = 4


def write_checkpoint(directory, changes=None):
    """Write random weights, with {variable: number} added to them, and return their path."""
    values = small_models.values(INFO)
    for name, number in (changes or {}).items():
        values[f'LeNet/{name}'] += np.float32(number)
    return checkpoint_files.write(str(directory), values)


class Network:
    """Lenet, fed from a split in small batches, with the weights of a checkpoint."""

    def __init__(self, dataset, checkpoint, skipped=None, **options):
        self.graph = tf.Graph()
        with self.graph.as_default():
            records = VerifiedRecords(dataset, skipped=skipped)
            self.source = PictureSource(records, INFO, batch_size=BATCH, **options)
            network = build.build_network(INFO, self.source.images)
            layer = last_layer(network.logits)
            self._cuts = {layer.name: layer.input}
            self._more = features.of_network(INFO, network, [layer])
            self.session = tf.Session()
            plan = restore.inference(checkpoint, 'lenet', network.variables)
            plan.init_fn()(None, self.session)

    def features(self, features_dir, *, more=False, **options):
        """Return the features of the last layer, and perhaps more."""
        self.graph.finalize()
        cuts = self._more if more else self._cuts
        return features.compute(self.session, self.source, cuts, str(features_dir), **options)


def main(dataset_dir, checkpoint, features_dir, blocks):
    """Compute features, and kill this process after some blocks."""
    feature_files.SYNC_SECS = 0.0
    write = feature_files.FeatureSet.write

    def counted(opened, *arguments):
        write(opened, *arguments)
        if opened.done == int(blocks) * BATCH:
            os.kill(os.getpid(), signal.SIGKILL)

    feature_files.FeatureSet.write = counted
    dataset = dataset_factory.get_dataset('pets', 'train', dataset_dir)
    Network(dataset, checkpoint).features(features_dir)


if __name__ == '__main__':
    main(*sys.argv[1:])
