"""Read or compute the features of a data set with the network of a checkpoint."""

import numpy as np

from classifiers import resolve, watch
from classifiers.model_request import ModelRequest, StoredModel
from common.errors import UserError
from common.logs import LOG
from datasets.records.verified_records import SkippedRecords
from heads import features
from heads.audit.by_features.table import FeatureTable


def find_model(options):
    """Return (ModelInfo, path of the checkpoint) that the options mean."""
    checkpoint = watch.find_checkpoint(options.checkpoint_path).path
    info, lines = resolve.resolve(ModelRequest.of(options), StoredModel.beside(checkpoint))
    for line in lines:
        LOG.info('%s', line)
    return info, checkpoint


def read_or_compute(model, collection, options, instead):
    """Return the FeatureTable of a Collection, with the features of what `find_model` returned.

    They are kept in `instead` if the data set's directory is read-only.
    """
    info, checkpoint = model
    parts, intact = [], []
    for dataset in collection.datasets:
        found = features.of_checkpoint(
            info,
            checkpoint,
            dataset,
            options.features_dir or features.default_directory(dataset, instead),
            skipped=SkippedRecords(dataset, LOG.warning),
        )
        parts.append(next(iter(found.arrays[0].values())))
        intact.append(found.is_intact)
    if parts[0].shape[1] < 2:
        raise UserError(f'{checkpoint}: its last layer reads one feature only')
    return FeatureTable(tuple(parts), np.flatnonzero(np.concatenate(intact)))
