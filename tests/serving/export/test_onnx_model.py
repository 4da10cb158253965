"""Graphs that tf2onnx converts only with help."""

import numpy as np
import onnxruntime
import tensorflow.compat.v1 as tf

from serving.export.onnx import onnx_model


def test_a_number_may_be_added_to_a_convolution_whose_biases_are_zero():
    with tf.Graph().as_default() as graph:
        pictures = tf.placeholder(tf.float32, [None, 4, 4, 3], 'input')
        weights = tf.constant(np.ones((1, 1, 3, 2), np.float32))
        net = tf.nn.bias_add(tf.nn.conv2d(pictures, weights, 1, 'SAME'), tf.zeros(2))
        tf.nn.relu6(net + 3.0, name='output')
    model = onnx_model.convert(
        onnx_model.PixelGraph(graph.as_graph_def(), {}, 'input:0', ('output:0',))
    )
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    pixels = np.full((1, 4, 4, 3), 0.5, np.float32)
    (found,) = session.run(None, {'input:0': pixels})
    np.testing.assert_allclose(found, np.full((1, 4, 4, 2), 4.5))
