"""Build the graph of a ModelInfo: decode, preprocess, network, and outputs with stable names."""

import dataclasses

import tensorflow.compat.v1 as tf
import tf_slim as slim

from nets import nets_factory
from preprocessing import preprocessing_factory


@dataclasses.dataclass(frozen=True)
class Network:
    """The outputs of a network, and its variables in checkpoints."""

    logits: tf.Tensor  # [batch, classes]
    probabilities: tf.Tensor  # [batch, classes]
    features: tf.Tensor  # [batch, size of the feature vector]
    end_points: dict
    variables: list


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A network with its two inputs, of which one is fed; see docs/exporting.md, 'The graph'."""

    input: tf.Tensor  # Preprocessed pixels [batch, side, side, channels].
    image_bytes: tf.Tensor | None  # Normalised pictures [batch].
    network: Network
    nodes: dict[str, str]  # The names of operations for model.json.


def preprocess(info, encoded):
    """Turn one encoded picture into the network's input, as in evaluation."""
    recipe = preprocessing_factory.get_preprocessing(
        info.preprocessing_name, use_grayscale=info.channels == 1
    )
    image = recipe.from_bytes(encoded, info.image_size, info.image_size)
    image.set_shape([info.image_size, info.image_size, info.channels])
    return image


def build_network(info, images, is_training=False, reuse=None):
    """Build the network of `info` on a batch of preprocessed images.

    With `reuse` it shares the variables of an existing network, for validation during training.
    """
    spec = nets_factory.get_spec(info.model_name)
    network_fn = nets_factory.get_network_fn(
        info.model_name, info.num_classes, is_training=is_training
    )
    known = set() if reuse else {variable.ref() for variable in slim.get_model_variables()}
    with tf.variable_scope(tf.get_variable_scope(), reuse=reuse):
        logits, end_points = network_fn(images)
    with tf.name_scope('outputs'):
        predictions = end_points.get(spec.predictions)
        if predictions is None:
            predictions = tf.nn.softmax(logits)
        features = features_in(info, end_points)
    variables = [v for v in slim.get_model_variables() if v.ref() not in known]
    return Network(logits, predictions, features, end_points, variables)


def features_in(info, end_points):
    """Return [batch, size]: the features that the last layer reads, before any dropout."""
    return _as_vectors(end_points[nets_factory.get_spec(info.model_name).features])


def earlier_features(info, network):
    """Return {end point: its mean over height and width} for `ModelSpec.earlier`."""
    earlier = nets_factory.get_spec(info.model_name).earlier
    with tf.name_scope('earlier_features'):
        return {name: _as_vectors(network.end_points[name]) for name in earlier}


def _as_vectors(features):
    """Return [batch, size]: the mean over the height and width of a feature map."""
    if features.shape.ndims == 2:
        return features
    return tf.reduce_mean(features, [1, 2])


def build(info, with_bytes=True, batch_size=None, use_resource=False, is_training=False):
    """Build the exported graph into the current graph, and name its inputs and outputs.

    Reference variables are the default, because the freezing tools of other programs fail with
    resource variables. Without bytes there is only `input`, for programs on phones.
    """
    spec = nets_factory.get_spec(info.model_name)
    shape = [batch_size, info.image_size, info.image_size, info.channels]
    with tf.variable_scope(tf.get_variable_scope(), use_resource=use_resource):
        image_bytes, images = _inputs(info, shape, with_bytes)
        network = build_network(info, images, is_training)
    network = dataclasses.replace(
        network,
        logits=tf.identity(network.logits, 'logits'),
        probabilities=tf.identity(network.probabilities, 'probabilities'),
        features=tf.identity(network.features, 'features'),
    )
    nodes = {
        'input': images.op.name,
        'output': spec.output_node,
        'logits': network.logits.op.name,
        'probabilities': network.probabilities.op.name,
        'features': network.features.op.name,
    }
    if with_bytes:
        nodes['image_bytes'] = image_bytes.op.name
    return Classifier(images, image_bytes, network, nodes)


def _inputs(info, shape, with_bytes):
    """Return (string placeholder or None, `input`)."""
    if not with_bytes:
        return None, tf.placeholder(tf.float32, shape, 'input')
    image_bytes = tf.placeholder(tf.string, shape[:1], 'image_bytes')
    with tf.name_scope('preprocessing'):
        images = tf.map_fn(
            lambda encoded: preprocess(info, encoded), image_bytes, fn_output_signature=tf.float32
        )
    return image_bytes, tf.placeholder_with_default(images, shape, 'input')
