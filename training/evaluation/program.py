"""Evaluate one checkpoint, all new ones or a frozen model; write files, events and lines."""

import contextlib
import os

import tensorflow.compat.v1 as tf

from classifiers import checkpoints, model_info, watch
from common import files, locks
from common.errors import UserError
from training import data_choice
from training.evaluation import frozen_evaluator, plots, predictions, preparation, reports
from training.evaluation.best_checkpoint import BestCheckpoint
from training.evaluation.evaluation_summaries import Events
from training.evaluation.evaluator import DivergedCheckpointError
from training.evaluation.limits import drawings, unknown_folders
from training.evaluation.limits.known import KnownPictures
from training.jobs import run_directory

_LOCK = '.evaluation.lock'
_HISTORY = 'metrics.csv'
_PREDICTIONS = 'predictions.csv'
_CONFUSION = 'confusion_matrix.png'
_MISTAKES = 'worst_mistakes.png'
_RELIABILITY = 'reliability.png'
_UNKNOWNS = 'unknowns.png'
_PLOTS = (_CONFUSION, _MISTAKES, _RELIABILITY, _UNKNOWNS)
_FILES = (_HISTORY, run_directory.FIGURES, _PREDICTIONS, *_PLOTS)
# How often training may delete the newest checkpoint during its evaluation.
_ATTEMPTS = 5
_MOST_LINES = 100


def run(options, stop=None, report=print, load_frozen=None):
    """Evaluate according to the options, and return the number of evaluated checkpoints.

    `stop` is an event that ends the waiting; `report` is called with each line of the results.
    `load_frozen(path, engine, precision, **options)` loads a frozen model: it returns an object
    with `info`, `lines`, `run(encoded pictures)` and `close()`.
    """
    for notice in options.notices:
        tf.logging.info('%s', notice)
    frozen_evaluator.check_options(options)
    done = 0
    with data_choice.advising(), _Program(options, report, load_frozen) as program:
        for checkpoint in _checkpoints(options, stop):
            try:
                done += program.evaluate(checkpoint)
            except UserError as error:
                if not _is_passing(error, checkpoint, options):
                    raise
                tf.logging.warning('SKIPPED %s', error)
            if done == (options.max_evaluations if _is_watching(options) else 1):
                break
    return done


def _is_watching(options):
    return options.interval_secs is not None and not _is_single(options.checkpoint_path)


def _is_single(path):
    """Return whether a path is a checkpoint or a frozen model, not a directory."""
    return model_info.is_frozen(path) or checkpoints.files_of(checkpoints.prefix_of(path))


def _is_passing(error, checkpoint, options):
    """Return whether to continue with the next checkpoint: this one is deleted or has diverged."""
    is_watching = _is_watching(options)
    if not is_watching and not os.path.isdir(options.checkpoint_path):
        return False
    return (
        isinstance(error, checkpoints.UnreadableCheckpointError)
        or (is_watching and isinstance(error, DivergedCheckpointError))
        # The model.json may have been deleted or changed, too.
        or checkpoints.fingerprint(checkpoint.path) != checkpoint.fingerprint
    )


def _checkpoints(options, stop):
    """Yield the checkpoints to evaluate; a single evaluation ends with the first that works."""
    path = options.checkpoint_path
    if _is_watching(options):
        yield from watch.wait_for_new(
            path, options.timeout_secs, min_interval_secs=options.interval_secs, stop=stop
        )
        return
    if options.interval_secs is not None:
        tf.logging.info('%s is a single model; it is evaluated once', path)
    is_frozen = model_info.is_frozen(path)
    find = frozen_evaluator.as_checkpoint if is_frozen else watch.find_checkpoint
    for _ in range(_ATTEMPTS):
        yield find(path)
    raise UserError(f'{path}: its checkpoints are deleted faster than they can be evaluated')


class _Program:
    """Evaluate checkpoints into an eval_dir, which is locked meanwhile."""

    def __init__(self, options, report, load_frozen):
        self._options = options
        self._load_frozen = load_frozen
        self._report = report
        self._directory = options.eval_dir
        self._best = BestCheckpoint(self._path(run_directory.BEST))
        self._prepared = None
        self._misfit = None  # What was said of limits that do not fit a checkpoint.

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            _make_directory(self._directory)
            busy = f'--eval_dir={self._directory}: another evaluation is using it'
            stack.enter_context(locks.Lock(self._path(_LOCK), busy))
            for name in _FILES:
                files.remove_parts(self._directory, name)
            files.remove_parts(self._path(run_directory.BEST))
            self._history = reports.History(self._path(_HISTORY))
            self._events = stack.enter_context(Events(self._directory))
            stack.callback(self._close_evaluator)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self._stack.__exit__(*error)

    def _path(self, name):
        return os.path.join(self._directory, name)

    def _close_evaluator(self):
        if self._prepared:
            self._prepared.evaluator.close()
        self._prepared = None

    def evaluate(self, checkpoint):
        """Evaluate a checkpoint unless this was done before; return whether it was done now."""
        self._prepare(checkpoint)
        if self._is_known(checkpoint):
            tf.logging.info('Already evaluated according to %s: %s', _HISTORY, checkpoint.path)
            return False
        self._evaluate(checkpoint)
        return True

    def _is_known(self, checkpoint):
        """Return whether it was evaluated before; a single evaluation is always done."""
        key = reports.key(checkpoint, self._prepared.dataset, self._prepared.settings)
        return _is_watching(self._options) and key in self._history

    def _prepare(self, checkpoint):
        """Create the evaluator, again if the checkpoint has another network or limits."""
        stored = model_info.read_beside(checkpoint.path)
        limits = self._limits_of(checkpoint)
        before = self._prepared
        if before and stored == before.stored and not limits and not before.evaluator.limits:
            return
        self._close_evaluator()
        options = self._options
        self._prepared = preparation.prepare(options, checkpoint, stored, limits, self._load_frozen)
        if options.save_best:
            self._best.check(self._prepared.identity)
        tf.logging.info('%s', self._prepared.summary(bool(options.dataset_split_name)))

    def _limits_of(self, checkpoint):
        """Return the limits of a checkpoint, or None."""
        options = self._options
        try:
            return preparation.limits_of(options, checkpoint.path)
        except UserError as error:
            if not _is_watching(options):
                raise
            # The training has gone on since calibrate_image_classifier.py ran.
            if not self._misfit:
                tf.logging.info('Evaluating without limits: %s', error)
            self._misfit = error
            return None

    def _evaluate(self, checkpoint):
        prepared = self._prepared
        with contextlib.ExitStack() as stack:
            held = None
            if self._options.save_best:
                held = stack.enter_context(self._best.holding(checkpoint))
            prepared.evaluator.restore(checkpoint.path)
            tf.logging.info('Starting evaluation at %s', reports.now())
            mistakes = predictions.WorstMistakes()
            known = KnownPictures(prepared.evaluator.limits, prepared.info.num_classes)
            metrics = self._pass([mistakes.add, known.add, _log_progress])
            tf.logging.info('Finished evaluation at %s', reports.now())
            if prepared.evaluator.skipped is not None:
                tf.logging.info('%s', prepared.evaluator.skipped.summary())
            evaluation = reports.Evaluation(
                checkpoint=checkpoint,
                info=prepared.info,
                dataset=prepared.dataset,
                settings=prepared.settings,
                metrics=metrics,
                finished_at=reports.now(),
                limits=known.figures(),
                unknowns=self._unknowns(known.scores),
            )
            self._publish(evaluation, mistakes, known.scores)
            if held:
                self._keep_if_best(evaluation, held)

    def _pass(self, calls):
        """Pass over the split, call each of `calls` with each batch, and return the Metrics."""
        info, evaluator = self._prepared.info, self._prepared.evaluator
        with predictions.table(
            self._path(_PREDICTIONS),
            reports.class_names(info),
            info.labels_offset,
            with_verdicts=bool(evaluator.limits),
        ) as write:

            def on_batch(batch):
                for call in (write, *calls):
                    call(batch)

            return evaluator.count(on_batch)

    def _unknowns(self, known):
        """Return the UnknownFigures of each folder."""
        found = []
        for folder in self._options.unknown_dir:
            tf.logging.info('Evaluating the pictures in %s', folder)
            found.append(
                unknown_folders.evaluate(
                    folder,
                    self._prepared.evaluator,
                    self._options.batch_size,
                    known,
                    tf.logging.warning,
                )
            )
        return tuple(found)

    def _publish(self, evaluation, mistakes, known):
        """Print the results, and write them to the eval_dir."""
        for line in reports.lines(evaluation):
            self._report(line)
        files.write_json(self._path(run_directory.FIGURES), reports.as_json(evaluation))
        pictures = dict(self._draw(evaluation, mistakes, known))
        for name, picture in pictures.items():
            with files.atomic_write(self._path(name)) as stream:
                picture.save(stream, 'png')
        for name in {*_PLOTS} - {*pictures}:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(name))
        tags = {f'eval/{name.removesuffix(".png")}': shown for name, shown in pictures.items()}
        self._events.add(evaluation, tags)
        self._history.add(evaluation)

    def _draw(self, evaluation, mistakes, known):
        """Yield the plots with their file names."""
        prepared = self._prepared
        of = prepared.font.writable(prepared.dataset.dataset_name, 'data set')
        place = f'{of}, {prepared.dataset.split_name}, step {evaluation.checkpoint.step}'
        metrics = evaluation.metrics
        title = f'{place}: accuracy {metrics.accuracy:.2%} of {metrics.count}'
        yield _CONFUSION, plots.confusion_matrix(metrics.confusion, prepared.font, title)
        tiles = mistakes.tiles(prepared.evaluator.records)
        if tiles:
            title = f'{place}: the surest mistakes (blue: true class, red: taken for)'
            yield _MISTAKES, plots.mistakes_sheet(tiles, prepared.font, title)
        if evaluation.limits:
            title = f'{place}: reliability of the probabilities'
            yield _RELIABILITY, drawings.reliability(evaluation.limits, prepared.font, title)
        if any(each.count for each in evaluation.unknowns):
            title = f'{place}: pictures of none of the classes'
            threshold = prepared.evaluator.limits.get('threshold')
            yield (
                _UNKNOWNS,
                drawings.unknown_scores(
                    known, evaluation.unknowns, threshold, prepared.font, title
                ),
            )

    def _keep_if_best(self, evaluation, held):
        try:
            if self._best.offer(evaluation, reports.as_json(evaluation), held):
                tf.logging.info('Best so far, kept in %s', self._path(run_directory.BEST))
        except checkpoints.UnreadableCheckpointError as error:
            tf.logging.warning('NOT KEPT %s', error)


def _make_directory(directory):
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError as error:
        raise UserError(f'--eval_dir={directory}: cannot be created ({error.strerror})') from None


def _log_progress(batch):
    step = -(-batch.batches // _MOST_LINES)
    if batch.number % step == 0 or batch.number == batch.batches:
        tf.logging.info('Evaluation [%d/%d]', batch.number, batch.batches)
