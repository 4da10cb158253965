"""Restore a network from a checkpoint: to start training, to resume it, or for inference.

Each of the three first makes a `Plan`, which compares names, shapes and types with the checkpoint,
because TensorFlow loads a wrong shape into resource variables without an error.
"""

import dataclasses

import tensorflow.compat.v1 as tf

from classifiers import checkpoints, mismatches, scopes
from classifiers.checkpoints import AVERAGE_SUFFIX
from classifiers.model_request import NETWORK_FLAG
from nets import model_specs

# Errors if a checkpoint was removed or replaced after its plan was made. Other errors of a session
# are not caught: distributed sessions recover from them.
_GONE = (
    ValueError,
    tf.errors.NotFoundError,
    tf.errors.DataLossError,
    tf.errors.OutOfRangeError,
)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The variables to restore from a checkpoint, and what happens to the others."""

    checkpoint: str
    variables: dict  # All variables by name.
    sources: dict  # Name in the checkpoint -> variable.
    left_out: dict  # Name of a variable that keeps its initial value -> reason.
    averages: tuple = ()  # Pairs (moving average, variable with its initial value).
    notes: tuple = ()

    def init_fn(self, initialize=False):
        """Add the operations to the current graph; return a function for `Scaffold(init_fn=...)`.

        The function takes `(scaffold, session)` and needs initialized variables; with `initialize`
        it initializes those that are left out. A third argument is another checkpoint with the same
        variables.
        """
        saver = tf.train.Saver(self.sources)
        left_out = [self.variables[name] for name in self.left_out if initialize]
        with tf.name_scope('after_restoring'):
            initial = tf.variables_initializer(left_out)
            start = tf.group(*[tf.assign(a, v.read_value()) for a, v in self.averages])

        def restore(scaffold, session, checkpoint=self.checkpoint):
            del scaffold
            try:
                saver.restore(session, checkpoint)
            except _GONE:
                raise checkpoints.unreadable(checkpoint, 'changed while in use') from None
            session.run([initial, start])

        return restore

    def lines(self, trainable=None):
        """List lines for the log: what is restored, left out and trained."""
        averaged = sum(name != variable.op.name for name, variable in self.sources.items())
        total = len(self.variables)
        note = f', {averaged} of them as moving averages' if averaged else ''
        lines = [f'{len(self.sources)} of {total} variables come from the checkpoint{note}']
        for why in dict.fromkeys(self.left_out.values()):
            names = [name for name, reason in self.left_out.items() if reason == why]
            lines.append(f'Left out ({why}): {mismatches.shortened(names)}')
        if trainable is not None:
            names = [variable.op.name for variable in trainable]
            lines.append(f'{len(names)} variables are trained: {mismatches.shortened(names)}')
            can_train = [name for name in self.left_out if self.variables[name].trainable]
            idle = [name for name in can_train if name not in names]
            if idle:
                lines.append(f'LEFT OUT AND NOT TRAINED, so random: {mismatches.shortened(idle)}')
        return [*lines, *self.notes]


def shadows(averages, variables):
    """List the pairs (shadow, variable) of an applied `tf.train.ExponentialMovingAverage`."""
    pairs = [(averages.average(variable), variable) for variable in variables]
    return [(shadow, variable) for shadow, variable in pairs if shadow is not None]


def warm_start(
    path,
    model_name,
    variables,
    exclude_scopes=(),
    ignore_missing=False,
    use_averages=False,
    averages=(),
):
    """Plan to start training from the weights of another training.

    `variables` are the network's model variables. A head for another number of classes is left out
    automatically; `ignore_missing` accepts a checkpoint without heads. One without the auxiliary
    head, as other programs publish them, is always accepted. With `use_averages` the checkpoint's
    moving averages are used if it has them, because its accuracy was measured with them. All
    `averages` (from `shadows`) start with the values of their variables.
    """
    spec = model_specs.get_spec(model_name)
    held = checkpoints.read_variables(path)
    mismatches.refuse_older_names(path, held)
    variables = _by_name(variables)
    scopes.require_matches('--checkpoint_exclude_scopes', exclude_scopes, [*variables, *held])
    left_out, fit = _leave_out(path, spec, variables, held, exclude_scopes, use_averages)
    mismatches.require_some(path, model_name, [*fit.sources, *fit.wrong], held, exclude_scopes)
    mismatches.require_fit(path, fit.wrong)
    heads = [name for name in fit.missing if scopes.within(name, spec.head_scopes)]
    body = [name for name in fit.missing if name not in heads]
    mismatches.require_body(path, model_name, body)
    auxiliary = f'{spec.auxiliary_head}/' if spec.auxiliary_head else None
    if auxiliary and not any(name.startswith(auxiliary) for name in held):
        unused = [name for name in heads if name.startswith(auxiliary)]
        left_out.update(dict.fromkeys(unused, 'the checkpoint has no auxiliary head'))
        heads = [name for name in heads if name not in unused]
    if not ignore_missing:
        mismatches.require_heads(path, heads)
    left_out.update(dict.fromkeys(heads, 'not in the checkpoint'))
    return Plan(path, variables, fit.sources, left_out, tuple(averages))


def _leave_out(path, spec, variables, held, exclude_scopes, use_averages):
    """Return ({name: reason} of variables to leave out, the fit of the others)."""
    left_out = {
        name: '--checkpoint_exclude_scopes'
        for name in variables
        if scopes.within(name, exclude_scopes)
    }
    wanted = {name: variable for name, variable in variables.items() if name not in left_out}
    fit = _Fit(wanted, held, use_averages)
    for name, (there, here) in list(fit.wrong.items()):
        if scopes.within(name, spec.head_scopes):
            classes = mismatches.other_classes(path, name, there, here)
            if classes:
                left_out[name] = '{} classes in the checkpoint, {} here'.format(*classes)
                del fit.wrong[name]
    return left_out, fit


def resume(path, variables, model_variables, averages=()):
    """Plan to resume a run; `variables` are all global variables of its graph.

    Variables of options that were added since (slots of another optimizer, moving averages) keep
    their initial values; the network must be the same.
    """
    variables = _by_name(variables)
    fit = _Fit(variables, checkpoints.read_variables(path))
    unfit = {**dict.fromkeys(fit.missing), **fit.wrong}
    network = [variable.op.name for variable in model_variables]
    mismatches.require_same_run(path, {n: unfit[n] for n in network if n in unfit})
    late = tuple(pair for pair in averages if pair[0].op.name in unfit)
    for shadow, _ in late:
        del unfit[shadow.op.name]
    left_out = dict.fromkeys(unfit, 'new since the checkpoint was written')
    notes = (
        (f'{len(late)} moving averages start with the values of their variables',) if late else ()
    )
    return Plan(path, variables, fit.sources, left_out, late, notes)


def inference(path, model_name, variables, use_averages=False, network_flag=NETWORK_FLAG):
    """Plan to restore a trained network, including its head, for inference.

    Only the auxiliary head may be missing, because no result depends on it.
    """
    spec = model_specs.get_spec(model_name)
    held = checkpoints.read_variables(path)
    mismatches.refuse_older_names(path, held)
    has_averages = any(name.endswith(AVERAGE_SUFFIX) for name in held)
    if use_averages and not has_averages:
        mismatches.refuse_without_averages(path)
    variables = _by_name(variables)
    fit = _Fit(variables, held, use_averages)
    found = [*fit.sources, *fit.wrong]
    mismatches.require_some(path, model_name, found, held, network_flag=network_flag)
    auxiliary = [f'{spec.auxiliary_head}/'] if spec.auxiliary_head else []
    unused = [n for n in [*fit.missing, *fit.wrong] if scopes.within(n, auxiliary)]
    wrong = {name: shapes for name, shapes in fit.wrong.items() if name not in unused}
    for name, (there, here) in wrong.items():
        if scopes.within(name, spec.head_scopes):
            mismatches.require_same_classes(path, name, there, here)
    mismatches.require_fit(path, wrong, can_train=False, network_flag=network_flag)
    missing = [name for name in fit.missing if name not in unused]
    mismatches.require_body(path, model_name, missing, can_train=False, network_flag=network_flag)
    left_out = dict.fromkeys(unused, 'the auxiliary head is not used here')
    unasked = has_averages and not use_averages
    notes = ('The checkpoint has moving averages; they are not used',) if unasked else ()
    return Plan(path, variables, fit.sources, left_out, notes=notes)


def _by_name(variables):
    return {variable.op.name: variable for variable in variables}


class _Fit:
    """The variables that a checkpoint has, lacks, or has with another shape or type."""

    def __init__(self, variables, held, use_averages=False):
        self.sources = {}  # Name in the checkpoint -> variable.
        self.missing = []  # Names of variables.
        self.wrong = {}  # Name -> (shape, type) in the checkpoint and in the network.
        for name, variable in variables.items():
            here = tuple(variable.shape.as_list()), variable.dtype.base_dtype
            averaged = name + AVERAGE_SUFFIX
            source = averaged if use_averages and averaged in held else name
            if source not in held:
                self.missing.append(name)
            elif held[source] != here:
                self.wrong[name] = held[source], here
            else:
                self.sources[source] = variable
