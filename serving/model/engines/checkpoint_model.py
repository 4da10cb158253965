"""Load a model from a training directory or a checkpoint."""

import tensorflow.compat.v1 as tf

from classifiers import build, resolve, restore, watch
from classifiers.model_request import ModelRequest, StoredModel
from serving.model.engines.loaded_model import LoadedModel


def load(options):
    """Build the network of the newest good checkpoint of `options.path`, and load its weights."""
    checkpoint = watch.find_checkpoint(options.path)
    request = ModelRequest.of(options, image_size=options.height)
    info, lines = resolve.resolve(request, StoredModel.beside(checkpoint.path))
    with tf.Graph().as_default() as graph:
        classifier = build.build(info)
        plan = restore.inference(
            checkpoint.path,
            info.model_name,
            classifier.network.variables,
            # On request they are used even if no model.json mentions them.
            use_averages=bool(info.moving_average_decay or options.use_moving_averages),
            network_flag=options.network_flag,
        )
        restore_variables = plan.init_fn(initialize=True)
    return LoadedModel(
        graph,
        classifier.image_bytes,
        classifier.network.probabilities,
        info,
        initialize=lambda session: restore_variables(None, session),
        lines=(*lines, *plan.notes),
    )
