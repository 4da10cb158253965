"""Train by an exact fit of the last layers: --optimizer=lbfgs."""

import contextlib
import time

import tensorflow.compat.v1 as tf

from common.errors import UserError
from datasets.records import record_parser
from heads import features as head_features
from heads import solver
from training import data_choice, saving, session, summaries
from training.head_only import exact_graph, exact_options, fit_report
from training.validation import Validator


class _StopAskedError(Exception):
    """End a fit early, because the user stops the program."""


def fit(run, stop, status):
    """Fit the last layers of a `Run` and save them as the checkpoint of step 1.

    Return the step of the checkpoint, or None if the run was stopped before.
    """
    _require_two_classes(run)
    with tf.Graph().as_default() as fit_graph, contextlib.ExitStack() as stack:
        # Also without --seed, so that a run that was interrupted finds its features again.
        tf.set_random_seed(run.options.seed or 0)
        graph = exact_graph.build_graph(run)
        plan = session.plan_start(run, graph.step)
        for line in (*session.start_lines(run, graph.step, plan), *exact_graph.lines(run, graph)):
            tf.logging.info('%s', line)
        status.advise([])
        checkpoints = saving.CheckpointWriter(run, graph.step)
        creator = session.creator(run, graph.step, plan, checkpoints, run.place.master)
        writer = stack.enter_context(summaries.RunWriter(run.options.train_dir, run.options))
        writer.add_graph(fit_graph)
        validator = _validator(run, graph, checkpoints, writer, stop, stack)
        with creator.create_session() as opened:
            fitting = _Fit(run, graph, opened, stop)
            if fitting.run():
                checkpoints.begin(run.resumed)
                checkpoints.save(opened)
                fitting.record(writer)
                if validator:
                    validator.validate(opened)
        return checkpoints.saved_step


def _require_two_classes(run):
    """Raise UserError before the features are computed, if no head can be fitted to them."""
    info = run.info
    found = record_parser.outputs(run.dataset, info.labels_offset, info.num_classes, run.skipped)
    first = next(found, None)
    if all(output == first for output in found):
        raise UserError(
            f'--optimizer={exact_options.NAME}: all pictures of split {run.dataset.split_name!r} '
            f'in {run.options.dataset_dir} are of one class; it needs pictures of two'
        )


def _validator(run, graph, checkpoints, writer, stop, stack):
    options = run.options
    if not options.validate_every_n_epochs:
        return None
    dataset = data_choice.choose_split(options, options.validation_split_name)
    validator = Validator(run, graph.step, dataset, checkpoints, writer, stop)
    stack.callback(validator.close)
    return validator


class _Fit:
    """The features and the fits of one run."""

    def __init__(self, run, graph, opened, stop):
        self._run = run
        self._graph = graph
        self._session = opened
        self._stop = stop
        self._solutions = {}

    def run(self):
        """Set the variables of the last layers and the global step; return False if stopped."""
        began = time.monotonic()
        found = self._features()
        if found is None:
            return False
        try:
            for fitted in self._graph.fitted:
                self._fit_layer(fitted, found)
        except _StopAskedError:
            return False
        self._session.run(self._graph.finish)
        self._seconds = time.monotonic() - began
        return True

    def _features(self):
        run, graph = self._run, self._graph
        return head_features.compute(
            self._session,
            graph.source,
            graph.cuts,
            run.features_dir,
            stop=lambda: bool(self._stop),
        )

    def _fit_layer(self, fitted, found):
        name = fitted.layer.name
        rows, outputs = found.arrays[0][name], found.outputs
        if not found.is_intact.all():
            # In place of a damaged record, the features have the next one a second time.
            rows, outputs = rows[found.is_intact], outputs[found.is_intact]
        for line in fit_report.before(name, outputs, self._run.info):
            tf.logging.info('%s', line)
        solution = solver.fit(
            rows,
            outputs,
            self._run.info.num_classes,
            self._run.class_weights,
            self._run.options.seed or 0,
            self._report,
        )
        for line in fit_report.after(name, solution):
            tf.logging.info('%s', line)
        fitted.set(self._session, solution.weights, solution.biases)
        self._solutions[name] = solution

    def _report(self, row):
        tf.logging.info('%s', fit_report.row(row))
        if self._stop:
            raise _StopAskedError

    def record(self, writer):
        """Log the loss as training does after a step, and add the results to the events."""
        solution = self._solutions[self._graph.fitted[0].layer.name]
        tf.logging.info(
            'global step 1: loss = %.4f (%.3f sec/step) %.1f images/sec',
            solution.loss,
            self._seconds,
            self._graph.source.count / self._seconds,
        )
        writer.add_scalars(fit_report.scalars(solution), 1)
        writer.add_summary(self._session.run(self._graph.step.pictures), 1)
