"""Write checkpoints with any names and values, and damage them."""

import os

import numpy as np
import tensorflow.compat.v1 as tf


def write(directory, values=None, name='model.ckpt', step=None, v1=False, state=True):
    """Save {variable name: array} and return the checkpoint's prefix."""
    os.makedirs(directory, exist_ok=True)
    values = {'w': np.zeros(3, np.float32)} if values is None else values
    version = tf.train.SaverDef.V1 if v1 else tf.train.SaverDef.V2
    with tf.Graph().as_default(), tf.Session() as session:
        variables = {key: tf.Variable(np.asarray(value)) for key, value in values.items()}
        saver = tf.train.Saver(variables, write_version=version, max_to_keep=None)
        if state and os.path.exists(os.path.join(directory, 'checkpoint')):
            known = tf.train.get_checkpoint_state(str(directory)).all_model_checkpoint_paths
            saver.set_last_checkpoints(list(known))
        session.run(tf.global_variables_initializer())
        path = os.path.join(directory, name)
        return saver.save(
            session, path, global_step=step, write_meta_graph=False, write_state=state
        )


def random_values(shapes, seed=0):
    """Return an array for each name, with values that no initializer produces."""
    generator = np.random.default_rng(seed)
    return {name: generator.random(shape, np.float32) for name, shape in shapes.items()}


def truncate(path, fraction=0.5):
    """Cut a file, as a full disk or a half-done copy would."""
    os.truncate(path, int(os.path.getsize(path) * fraction))


def flip(path):
    """Change one bit in the middle of a file."""
    with open(path, 'r+b') as stream:
        stream.seek(os.path.getsize(path) // 2)
        byte = stream.read(1)[0]
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte ^ 1]))
