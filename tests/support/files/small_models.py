"""Small classifiers, in the files that the programs write."""

import os

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import build, model_info, restore
from classifiers.model_request import ModelRequest
from classifiers.resolve import resolve
from nets import nets_factory
from support.files import checkpoint_files

CLASSES = ('daisy', 'dandelion', 'roses', 'sunflowers', 'tulips')


def describe(model_name='lenet', image_size=None, class_names=CLASSES, **given):
    """Return the ModelInfo of a small network."""
    names = dict(enumerate(class_names))
    return resolve(
        ModelRequest(model_name, image_size=image_size, **given),
        dataset_classes=len(names),
        dataset_labels=names,
    )[0]


def values(info, seed=0):
    """Return {variable name: weights} whose outputs differ between pictures."""
    with tf.Graph().as_default():
        variables = build.build(info).network.variables
        shapes = {variable.op.name: variable.shape.as_list() for variable in variables}
    generator = np.random.default_rng(seed)
    return {name: _value(name, shape, generator) for name, shape in sorted(shapes.items())}


def _value(name, shape, generator):
    if name.endswith(('moving_variance', 'gamma')):
        return generator.uniform(0.5, 1.5, shape).astype(np.float32)
    # A depthwise convolution adds up one channel alone.
    summed = shape[:2] if name.endswith('depthwise_weights') else shape[:-1]
    spread = np.sqrt(2 / np.prod(summed)) if len(shape) > 1 else 0.1
    return generator.normal(0, spread, shape).astype(np.float32)


def telling(info, pictures, seed=0):
    """Return weights with which a network of any depth tells these pictures apart, but not well.

    Random weights add up over many layers until one class has it all.
    """
    found = values(info, seed)
    with tf.Graph().as_default(), tf.Session() as session:
        network = build.build(info).network
        for variable in network.variables:
            variable.load(found[variable.op.name], session)
        logits = session.run(network.logits, {'image_bytes:0': pictures})
    mean, spread = logits.mean(axis=0), logits.std(axis=0).mean()
    head = nets_factory.get_spec(info.model_name).head
    for name in [name for name in found if name.startswith(f'{head}/')]:
        is_bias = name.endswith('biases')
        found[name] = (found[name] - (mean if is_bias else 0)) / spread
    return found


def train_dir(directory, info=None, seed=0, step=1, described=True, weights=None):
    """Write a training directory with one checkpoint, and return it."""
    info = info or describe()
    checkpoint_files.write(directory, weights or values(info, seed), step=step)
    if described:
        model_info.write(directory, info)
    return os.fspath(directory)


def graph_def(checkpoint, info, with_bytes=True, output='probabilities'):
    """Return the frozen GraphDef of a checkpoint, as TensorFlow's own tools make it."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        network = build.build(info, with_bytes).network
        restore.inference(checkpoint, info.model_name, network.variables).init_fn()(None, session)
        return tf.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), [output])


def frozen(path, directory, info=None, described=True, **options):
    """Freeze the newest checkpoint of a training directory to `path`, and return that."""
    info = info or model_info.read_beside(directory)
    checkpoint = tf.train.latest_checkpoint(directory)
    nodes = {'image_bytes': 'image_bytes', 'input': 'input', 'probabilities': 'probabilities'}
    data = graph_def(checkpoint, info, **options).SerializeToString()
    with open(path, 'wb') as stream:
        stream.write(data)
    if described:
        described_as = info.replace(nodes=nodes, graph_sha256=model_info.graph_sha256(path))
        model_info.write(model_info.path_beside(path), described_as)
    return os.fspath(path)
