"""Training, from options to an exit status."""

import contextlib
import math
import sys

import tensorflow.compat.v1 as tf

from deployment import cluster
from nets import nets_factory
from training import data_choice, graph, hooks, preparation, saving, session, summaries
from training.head_only import exact, exact_options
from training.head_only.cached_input import CachedInput
from training.head_only.feature_pass import FeaturePass
from training.jobs import run_directory
from training.saving import DivergedError, StatusFile
from training.signals import StopRequest
from training.validation import Validator

# At most this share of the initial values of the statistics may remain at the end.
_REMNANT = 0.05


def train(options):
    """Train, or serve variables to the processes that train; return the exit status.

    It is 0 also for a run that was asked to stop.
    """
    place = cluster.resolve(options.cluster)
    if place.is_distributed and exact_options.is_exact(options):
        raise options.mistake('optimizer', exact_options.SINGLE_PROCESS)
    status = StatusFile(options.train_dir, place)
    if place.is_parameter_server:
        _serve(place, status)
        return 0
    try:
        with StopRequest() as stop, contextlib.ExitStack() as stack:
            if place.is_chief:
                stack.enter_context(saving.claimed(options.train_dir))
            stack.enter_context(status)
            stack.enter_context(data_choice.advising())
            _train(preparation.prepare_run(options, place), stop, status)
    except DivergedError as error:
        print(f'error: {error}', file=sys.stderr)
        return run_directory.EXIT_DIVERGED
    return 0


def _serve(place, status):
    with status:
        server = cluster.start_server(place)
        status.begin()
        cluster.serve(place, server)
        status.end()


def _train(run, stop, status):
    first_step = run.resumed.step if run.resumed else 0
    status.begin(first_step, run.last_step)
    for line in run.lines:
        tf.logging.info('%s', line)
    if run.resumed and run.last_step is not None and first_step >= run.last_step:
        tf.logging.info(
            'Nothing to do: %s is at step %d, and the run ends at %d',
            run.options.train_dir,
            first_step,
            run.last_step,
        )
        status.end(first_step)
        return
    fit = exact.fit if exact_options.is_exact(run.options) else _train_in_steps
    saved_step = fit(run, stop, status)
    status.end(saved_step, bool(stop))
    if run.skipped is not None:
        tf.logging.info('%s', run.skipped.summary())
    if stop:
        tf.logging.info('Stopped on request; run the same command again to resume')
    else:
        tf.logging.info('Finished training.')


def _train_in_steps(run, stop, status):
    """Run the steps that remain; return the step that this process saved last, if any."""
    with tf.Graph().as_default() as training_graph:
        # The user's mistakes are reported before this process waits for others.
        tf.set_random_seed(run.options.seed)
        cache = CachedInput(run) if run.options.cache.passes else None
        step = graph.build(run, run.batches, cache)
        plan = session.plan_start(run, step) if run.place.is_chief else None
        advice = [*_about_batch_norm(run, step)]
        about_cache = cache.lines() if cache else ()
        for line in (*session.start_lines(run, step, plan), *about_cache, *advice):
            tf.logging.info('%s', line)
        status.advise(advice)
        with cluster.joined(run.place) as target, contextlib.ExitStack() as stack:
            if cache:
                stack.callback(cache.close)
            writer = saving.CheckpointWriter(run, step) if run.place.is_chief else None
            creator = session.creator(run, step, plan, writer, target)
            session_hooks = list_hooks(run, step, writer, stop, stack, training_graph, cache)
            session.loop(creator, session_hooks, step.number, run.records)
        return writer.saved_step if writer else None


def list_hooks(run, step, checkpoints, stop, stack, training_graph, cache=None):
    """List the hooks in order: the loss must be checked before a checkpoint is saved."""
    bar = stack.enter_context(hooks.Bar(run.last_step)) if sys.stderr.isatty() else None
    ends = [hooks.LossGuard(step), hooks.Stopper(step, run.last_step, stop)]
    if not run.place.is_chief:
        return [*ends, hooks.Meter(step, run, bar=bar), *step.hooks]
    writer = stack.enter_context(summaries.RunWriter(run.options.train_dir, run.options))
    writer.add_graph(training_graph)
    listed = [
        *ends,
        hooks.Meter(step, run, writer, bar),
        hooks.Recorder(step, run, writer),
        *([FeaturePass(cache, stop)] if cache else []),
        saving.SaverHook(checkpoints, run, step.number),
    ]
    if run.options.validate_every_n_epochs:
        dataset = data_choice.choose_split(run.options, run.options.validation_split_name)
        validator = Validator(run, step, dataset, checkpoints, writer, stop)
        stack.callback(validator.close)
        listed.append(validator)
    return [*listed, *step.hooks]


def _about_batch_norm(run, step):
    """Warn if the statistics of batch norm cannot forget their initial values in this run."""
    decay = run.options.batch_norm_decay
    if decay is None:
        decay = nets_factory.batch_norm_decay(run.info.model_name)
    if not (step.updates_batch_norm and decay and run.last_step):
        return
    if decay**run.last_step > _REMNANT:
        # With this decay, the statistics follow the last third of the run.
        fitting = math.floor(1000 * _REMNANT ** (3 / run.last_step)) / 1000
        yield (
            f'This run of {run.last_step} steps is too short for batch norm with decay {decay}, '
            'whose statistics are used in evaluation: '
            f'pass --batch_norm_decay={max(fitting, 0.5):g}'
        )
