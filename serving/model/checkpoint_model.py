"""A classifier from a training directory or a checkpoint, released ones included."""

import tensorflow.compat.v1 as tf

from classifiers import build, model_info, resolve, restore, watch
from serving.model.loading import LoadedModel


def load(options):
    """Build the network that the newest good checkpoint of `options.path` belongs to."""
    checkpoint = watch.find(options.path)
    info, lines = describe(options, checkpoint.path)
    with tf.Graph().as_default() as graph:
        classifier = build.build(info)
        plan = restore.inference(
            checkpoint.path,
            info.model_name,
            classifier.network.variables,
            # Asked for, they are used even where no model.json tells of them.
            use_averages=bool(info.moving_average_decay or options.use_moving_averages),
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


def describe(options, checkpoint):
    """Return (ModelInfo, lines for the log) of a checkpoint, by its model.json and the flags."""
    description = model_info.path_beside(checkpoint)
    stored = model_info.read_beside(checkpoint)
    return resolve.resolve(
        stored,
        stored_path=description,
        checkpoint=checkpoint,
        model_name=options.model_name,
        labels_offset=options.labels_offset,
        use_grayscale=options.use_grayscale,
        image_size=options.height,
        preprocessing_name=options.preprocessing_name,
        use_moving_averages=options.use_moving_averages,
    )
