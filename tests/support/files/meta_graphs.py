"""MetaGraphs and checkpoints as programs of TensorFlow 1.x wrote them."""

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.core.framework import variable_pb2

SIDE, CLASSES = 4, 3


def train(directory, saver_of=None, has_pipeline_input=False, **options):
    """Write a checkpoint and its .meta; return (prefix, {input name: array}, expected outputs).

    The graph has reference variables, a queue with its runner, an iterator, summaries, Adam,
    and operations and collections of libraries that no longer exist. `saver_of` makes the Saver
    from the variables of the network.
    """
    with tf.Graph().as_default() as graph, tf.Session() as session:
        pictures, labels = _queue()
        _iterator()
        if not has_pipeline_input:
            pictures = tf.placeholder(tf.float32, [None, SIDE, SIDE, 1], 'pictures')
        with tf.variable_scope(tf.get_variable_scope(), use_resource=False):
            variables, probabilities, logits = _network(pictures, **options)
            _optimizer(logits, labels)
        saver = (saver_of or (lambda found: tf.train.Saver()))(variables)
        session.run(tf.global_variables_initializer())
        fed = np.random.default_rng(1).normal(size=(2, SIDE, SIDE, 1)).astype(np.float32)
        expected = None if has_pipeline_input else session.run(probabilities, {pictures: fed})
        prefix = saver.save(session, f'{directory}/model.ckpt', 7, write_meta_graph=False)
        meta = tf.train.export_meta_graph(graph=graph, saver_def=saver.as_saver_def())
    _age(meta)
    with open(f'{prefix}.meta', 'wb') as stream:
        stream.write(meta.SerializeToString())
    return prefix, {'pictures:0': fed}, expected


def _queue():
    queue = tf.FIFOQueue(8, [tf.float32, tf.int32], [[SIDE, SIDE, 1], []], name='fifo_queue')
    one = queue.enqueue([tf.zeros([SIDE, SIDE, 1]), tf.constant(0)])
    tf.train.add_queue_runner(tf.train.QueueRunner(queue, [one]))
    return queue.dequeue_many(2, name='fifo_queue_Dequeue')


def _iterator():
    dataset = tf.data.Dataset.from_tensors(tf.zeros([2]))
    tf.data.make_initializable_iterator(dataset).get_next(name='next')


def _network(pictures, partitioner=None):
    """Return (variables, probabilities, logits): a convolution with batch norm, and a head."""
    normal = tf.random_normal_initializer(seed=4)
    weights = tf.get_variable('conv/weights', [3, 3, 1, 6], initializer=normal)
    mean = tf.get_variable('conv/mean', [6], trainable=False, initializer=normal)
    ones = tf.ones([6])
    net = tf.nn.conv2d(pictures, weights, 1, 'SAME')
    net = tf.nn.fused_batch_norm(net, ones, ones, mean, ones, is_training=False)[0]
    net = tf.reduce_mean(tf.nn.relu(net), [1, 2])
    head = tf.get_variable('head', [6, CLASSES], initializer=normal, partitioner=partitioner)
    logits = tf.matmul(net, tf.convert_to_tensor(head), name='logits')
    return [weights, mean, head], tf.nn.softmax(logits, name='probabilities'), logits


def _optimizer(logits, labels):
    step = tf.train.get_or_create_global_step()
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    tf.summary.scalar('loss', loss)
    averages = tf.train.ExponentialMovingAverage(0.9)
    with tf.control_dependencies([averages.apply([tf.trainable_variables()[0]])]):
        tf.train.AdamOptimizer().minimize(loss, step)
    tf.summary.merge_all()


def _age(meta):
    """Add what today's TensorFlow no longer knows, and the devices of a cluster."""
    for node in meta.graph_def.node:
        node.device = '/job:worker/task:0/device:GPU:0'
    meta.graph_def.node.add(name='train_op/old', op='ContribOperationOf2019', input=['logits'])
    meta.meta_info_def.tensorflow_version = '1.13.1'
    meta.meta_info_def.any_info.type_url = 'type.googleapis.com/tensorflow.contrib.Gone'
    gone = variable_pb2.VariableDef(variable_name='nowhere:0', snapshot_name='nowhere/read:0')
    meta.collection_def['trainable_variables'].bytes_list.value.append(gone.SerializeToString())
    meta.collection_def['contrib_class_gone'].bytes_list.value.append(b'\x0a\xff\xff')
    meta.collection_def['while_context'].bytes_list.value.append(b'\xff\xff')
