"""Read the variables of a network from a checkpoint, to write them in another program's format."""

import tensorflow.compat.v1 as tf

from classifiers import build, checkpoints, restore


def read(info, checkpoint):
    """Return ({name of a variable: value}, lines for the log), in the order of the network.

    Moving averages take the place of their variables if `info` has a decay. The auxiliary head is
    included if the checkpoint has it; nothing of a training is.
    """
    with tf.Graph().as_default():
        network = build.build(info, with_bytes=False, is_training=True).network
        averages = bool(info.moving_average_decay)
        plan = restore.inference(checkpoint, info.model_name, network.variables, averages)
    reader = tf.train.NewCheckpointReader(checkpoint)
    try:
        values = {v.op.name: reader.get_tensor(name) for name, v in plan.sources.items()}
    except (tf.errors.OpError, RuntimeError) as error:
        raise checkpoints.unreadable(checkpoint, checkpoints.reason(error)) from None
    return values, plan.lines()
