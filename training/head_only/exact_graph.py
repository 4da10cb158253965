"""The graph of an exact fit: the network in evaluation mode, on pictures in file order."""

import dataclasses

import tensorflow.compat.v1 as tf

from classifiers import build, scopes
from common.errors import UserError
from heads import features
from heads.cuts import LinearLayer, last_layer
from heads.picture_source import PictureSource
from nets import model_specs
from training import summaries
from training.graph import TrainingStep
from training.head_only import exact_options


@dataclasses.dataclass(frozen=True)
class FittedLayer:
    """A last layer, and the way to set its variables."""

    layer: LinearLayer
    _assigned: tuple  # Pairs of placeholders and operations, for weights and biases.

    def set(self, session, weights, biases):
        """Set the weights [features, classes] and biases; a convolution has the same in 4-D."""
        for value, (placeholder, assign) in zip((weights, biases), self._assigned, strict=True):
            session.run(assign, {placeholder: value.reshape(placeholder.shape)})


@dataclasses.dataclass(frozen=True)
class ExactGraph:
    """The parts of the graph that an exact fit uses."""

    step: TrainingStep
    source: PictureSource
    fitted: list  # A `FittedLayer` each for the logits and those of an auxiliary head.
    finish: tf.Operation  # Sets the global step to 1.
    cuts: dict  # What is computed once: see heads.features.of_network.


def build_graph(run):
    """Build the ExactGraph of a `Run` into the current graph."""
    global_step = tf.train.get_or_create_global_step()
    source = PictureSource(run.records, run.info, num_threads=run.options.num_preprocessing_threads)
    network = build.build_network(run.info, source.images)
    fitted = [_settable(layer) for layer in _chosen(run, _last_layers(network))]
    trained = [v for each in fitted for v in (each.layer.weights, each.layer.biases)]
    finish = global_step.assign(1, read_value=False)
    step = TrainingStep(
        number=global_step,
        loss=None,
        scalars={'learning_rate': tf.constant(0.0)},
        pictures=tf.summary.merge(summaries.histograms_of_weights(network.variables)),
        trained=trained,
        network=network.variables,
        averages=[],
        updates_batch_norm=False,
        local_init_op=tf.group(tf.local_variables_initializer(), tf.tables_initializer()),
    )
    cuts = features.of_network(run.info, network, [each.layer for each in fitted])
    return ExactGraph(step, source, fitted, finish, cuts)


def _last_layers(network):
    """List the last layer, then that of the auxiliary head, if the network has one."""
    logits = [network.logits]
    if 'AuxLogits' in network.end_points:
        logits.append(network.end_points['AuxLogits'])
    layers = [last_layer(each) for each in logits]
    for layer in layers:
        if layer.biases is None:
            raise UserError(
                f'--optimizer={exact_options.NAME}: the layer {layer.name} has no biases, so it '
                'cannot be fitted; choose another optimizer'
            )
    return layers


def _chosen(run, layers):
    """Return the layers inside --trainable_scopes; the logits must be among them."""
    names = {variable.op.name for variable in _trainable(run)}
    chosen = [layer for layer in layers if {layer.weights.op.name, layer.biases.op.name} <= names]
    if layers[0] not in chosen:
        raise UserError(
            f'--trainable_scopes={run.options.trainable_scopes}: --optimizer={exact_options.NAME} '
            f'fits {layers[0].name}, which is not in these scopes; pass --trainable_scopes=head'
        )
    return chosen


def _trainable(run):
    """List the variables in --trainable_scopes.

    Its `head` includes an auxiliary head, which a network in evaluation mode may lack.
    """
    auxiliary = model_specs.get_spec(run.info.model_name).auxiliary_head
    variables = tf.trainable_variables()
    wanted = [
        scope
        for scope in run.trainable_scopes
        if scope != auxiliary or any(scopes.within(v.op.name, [scope]) for v in variables)
    ]
    return scopes.trainable(variables, wanted)


def _settable(layer):
    assigned = []
    for variable in (layer.weights, layer.biases):
        placeholder = tf.placeholder(tf.float32, variable.shape)
        assigned.append((placeholder, variable.assign(placeholder, read_value=False)))
    return FittedLayer(layer, tuple(assigned))


def lines(run, graph):
    """Yield lines for the log: what is computed once, and what is fitted."""
    names = ', '.join(fitted.layer.name for fitted in graph.fitted)
    sizes = ' and '.join(f'{each.layer.input.shape.as_list()[1]:,}' for each in graph.fitted)
    yield (
        f'--optimizer={exact_options.NAME}: the features of {graph.source.count:,} pictures, '
        f'prepared as in evaluation, are computed once ({sizes} numbers a picture); then '
        f'logistic regression fits {names}'
    )
    fitted = {variable.op.name for variable in graph.step.trained}
    others = [variable.op.name for variable in _trainable(run) if variable.op.name not in fitted]
    if run.trainable_scopes and others:
        yield (
            f'{len(others)} other variables in --trainable_scopes are not trained, because this '
            'optimizer fits only last layers'
        )
