"""The graph of a training step."""

import types

import tensorflow.compat.v1 as tf

from deployment.model_deploy import Clone
from training import graph


def test_pictures_and_histograms_of_a_clone_on_a_gpu_are_made_on_the_cpu():
    with tf.Graph().as_default():
        with tf.device('/device:GPU:1'):
            images = tf.zeros([1, 2, 2, 3])
            outputs = types.SimpleNamespace(images=images, end_points={'conv': images * 2})
        with tf.device('/device:CPU:0'):
            number = tf.train.get_or_create_global_step()
            pictures = graph._pictures(Clone(outputs, 'clone_1/', '/device:GPU:1'), [], number)
            summaries = list(pictures.op.inputs)
        computed = [op.device for op in tf.get_default_graph().get_operations()]
    assert len(summaries) == 3
    assert {summary.device for summary in summaries} == {'/device:CPU:0'}
    assert '/device:GPU:1' in computed
