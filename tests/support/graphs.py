"""Run a part of a graph in a test."""

import tensorflow.compat.v1 as tf


def run(build, *arguments):
    """Build a graph of constants with `build(*arguments)`, and return what it evaluates to."""
    with tf.Graph().as_default(), tf.Session() as session:
        return session.run(build(*(tf.constant(argument) for argument in arguments)))


def run_in_pipeline(build, arguments):
    """Do the same for each of `arguments` inside a tf.data pipeline, and list the results."""
    with tf.Graph().as_default(), tf.Session() as session:
        dataset = tf.data.Dataset.from_tensor_slices(arguments).map(build, num_parallel_calls=2)
        iterator = tf.data.make_initializable_iterator(dataset)
        following = iterator.get_next()
        session.run(iterator.initializer)
        results = []
        while True:
            try:
                results.append(session.run(following))
            except tf.errors.OutOfRangeError:
                return results
