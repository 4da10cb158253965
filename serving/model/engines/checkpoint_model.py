"""Load a model from a training directory or a checkpoint, with its limits if they are there."""

import os

import tensorflow.compat.v1 as tf

from classifiers import build, model_info_checks, resolve, restore, watch
from classifiers.model_request import ModelRequest, StoredModel
from classifiers.verdicts import KINDS, LIMITS_FILES
from common.errors import UserError, one_line
from serving.model.engines.loaded_model import LoadedModel


def load(options):
    """Build the network of the newest good checkpoint of `options.path`, and load its weights."""
    checkpoint = watch.find_checkpoint(options.path)
    request = ModelRequest.of(options, image_size=options.height)
    stored = StoredModel.beside(checkpoint.path)
    info, lines = resolve.resolve(request, stored)
    with tf.Graph().as_default() as graph:
        classifier = build.build(info)
        plan = restore.inference(
            checkpoint.path,
            info.model_name,
            classifier.network.variables,
            # On request they are used even if no model.json mentions them.
            use_averages=bool(info.moving_average_decay or options.use_moving_averages),
            network_flag=options.network_flag,
        )
        restore_variables = plan.init_fn(initialize=True)
        limits, verdicts, warnings = _limits(checkpoint.path, classifier.network)
    if limits and stored.info:
        warnings = _changes(info, stored)
    return LoadedModel(
        graph,
        classifier.image_bytes,
        classifier.network.probabilities,
        info.replace(limits=limits),
        verdicts,
        initialize=lambda session: restore_variables(None, session),
        lines=(*lines, *plan.notes, *warnings),
    )


def _limits(checkpoint, network):
    """Add the outputs of the checkpoint's limits to the graph.

    Return (ModelInfo.limits, their tensors, lines for the log). Limits that cannot be used are a
    warning: the classes are known without them.
    """
    description = os.path.join(os.path.dirname(checkpoint), LIMITS_FILES[0])
    if not os.path.lexists(description):
        return {}, (), ()
    # Late: they import scikit-learn, which takes a second.
    from heads.limits import limits_files, limits_graph

    try:
        limits = limits_files.read(checkpoint, limits_files.AGAIN)
        described = limits.described()
        model_info_checks.check_limits(description, described)
        found = limits_graph.of_network(limits, network)
    except UserError as error:
        problem = str(error)
    except (KeyError, TypeError, ValueError) as error:
        problem = f'{description}: does not fit the network ({one_line(error, 200)})'
    else:
        return described, tuple(found[kind] for kind in KINDS), ()
    return {}, (), (f'WARNING: {problem}; using the model without its limits',)


def _changes(info, stored):
    """List a warning if the flags prepare pictures otherwise than the limits were learnt."""
    names = ('image_size', 'preprocessing_name', 'moving_average_decay')
    changed = [name for name in names if getattr(info, name) != getattr(stored.info, name)]
    if not changed:
        return ()
    values = ', '.join(f'{name} {getattr(info, name)}' for name in changed)
    return (f'WARNING: {values} contradicts {stored.path}: the limits may be wrong for it',)
