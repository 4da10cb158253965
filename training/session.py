"""The session of a training run: how its variables get their values, and its loop."""

import tensorflow.compat.v1 as tf

from classifiers import restore, watch
from common.errors import UserError, reason
from datasets.records import pipelines
from deployment import cluster, precision


def plan_start(run, step):
    """Return the plan to restore variables from a checkpoint; None means random initial values."""
    if run.resumed:
        return restore.resume(
            run.resumed.path, tf.global_variables(), step.network, averages=step.averages
        )
    if run.warm_start:
        return restore.warm_start(
            run.warm_start.path,
            run.info.model_name,
            step.network,
            exclude_scopes=run.exclude_scopes,
            ignore_missing=run.options.ignore_missing_vars,
            use_averages=run.takes_averages,
            averages=step.averages,
        )
    return None


def start_lines(run, step, plan):
    """Yield lines for the log: what training starts with, and what it changes."""
    if not (run.options.clone_on_cpu or tf.config.list_physical_devices('GPU')):
        yield 'no GPU found: training on the CPU'
    if not run.place.is_chief:
        yield f'This is worker {run.place.task}; the chief initializes the variables'
        return
    if run.resumed:
        yield f'Resuming the run in {run.options.train_dir} at step {run.resumed.step}'
    elif run.warm_start:
        yield f'Fine-tuning from {run.warm_start.path}'
    if plan:
        yield from plan.lines(step.trained)
    else:
        yield f'All {len(step.network)} variables start at random; {len(step.trained)} are trained'
        if len(step.trained) < len(tf.trainable_variables()):
            yield 'WITHOUT --checkpoint_path, variables outside --trainable_scopes stay random'


def creator(run, step, plan, writer, target):
    """Return the session creator of this process; `writer` saves the chief's checkpoints."""
    config = cluster.session_config(
        run.place, run.options.gpu_allow_growth is not False, run.options.log_device_placement
    )
    if run.precision:
        precision.rewrite(config, run.precision)
    global_step = tf.train.get_global_step()
    scaffold = tf.train.Scaffold(
        # The step comes last, because workers start when all variables are initialized.
        init_op=tf.variables_initializer(
            [v for v in tf.global_variables() if v is not global_step]
        ),
        local_init_op=step.local_init_op,
        saver=None if writer is None else writer.saver,
    )
    if writer is None:
        return cluster.worker_session_creator(scaffold, target, config)
    fill = _VariableInitializer(run, plan, global_step, writer)
    return _ChiefSessionCreator(scaffold, fill, target, config)


class _VariableInitializer:
    """Set the variables of a new session."""

    def __init__(self, run, plan, global_step, writer):
        self._restore = plan.init_fn() if plan else None
        self._train_dir = run.options.train_dir
        self._global_step = global_step
        self._is_counting = global_step.is_initialized()
        self._writer = writer
        self._is_first = True

    def __call__(self, session):
        """Set the variables as planned, or in later sessions from the last checkpoint.

        Later sessions follow after a parameter server was killed, which restarts empty.
        """
        newest = None if self._is_first else watch.newest_good(self._train_dir)
        if newest:
            self._writer.restore(session, newest)
        elif self._restore:
            self._restore(None, session)
        if not session.run(self._is_counting):
            session.run(self._global_step.initializer)
        self._is_first = False


class _ChiefSessionCreator(tf.train.SessionCreator):
    """Set all variables, then start the pipeline at their step."""

    def __init__(self, scaffold, fill, target, config):
        self._scaffold = scaffold
        self._fill = fill
        self._target = target
        self._config = config

    def create_session(self):
        manager = cluster.session_manager(self._scaffold)
        return manager.prepare_session(
            self._target, self._scaffold.init_op, config=self._config, init_fn=self._fill
        )


def loop(session_creator, hooks, number, records):
    """Train until a hook stops the session; fetching the tensor `number` runs a step.

    `records` are the VerifiedRecords that the pipeline reads.
    """
    with tf.train.MonitoredSession(
        session_creator, hooks, stop_grace_period_secs=cluster.STOP_GRACE_PERIOD_SECS
    ) as session:
        while not session.should_stop():
            try:
                session.run(number)
            except tf.errors.OpError as error:
                _refuse_bad_input(error, records)
                raise


def _refuse_bad_input(error, records):
    """Raise UserError if the input failed.

    A session treats the end of its input as success, and would save a checkpoint.
    """
    if isinstance(error, tf.errors.OutOfRangeError) or 'IteratorGetNext' in str(error):
        if records.error:
            raise records.error from None
        pipelines.require_pictures(records, list(records.recent))
        raise UserError(
            f'a record or its picture cannot be read ({reason(error)[:200]}); check the data set '
            'with download_and_convert_data.py --verify'
        ) from None
