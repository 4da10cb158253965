"""Evaluate one checkpoint, all new ones or a frozen model; write files, events and lines."""

import contextlib
import os

import tensorflow.compat.v1 as tf

from classifiers import checkpoints, model_info, resolve, watch
from classifiers.model_request import ModelRequest, StoredModel
from common import files, locks
from common.errors import UserError
from training import data_choice
from training.evaluation import fonts, frozen_evaluator, plots, predictions, reports
from training.evaluation.best_checkpoint import BestCheckpoint
from training.evaluation.evaluation_summaries import Events
from training.evaluation.evaluator import DivergedCheckpointError, Evaluator
from training.evaluation.frozen_evaluator import FrozenEvaluator
from training.jobs import run_directory

_LOCK = '.evaluation.lock'
_HISTORY = 'metrics.csv'
_PREDICTIONS = 'predictions.csv'
_CONFUSION = 'confusion_matrix.png'
_MISTAKES = 'worst_mistakes.png'
_FILES = (_HISTORY, run_directory.FIGURES, _PREDICTIONS, _CONFUSION, _MISTAKES)
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
        self._stored = self._evaluator = self._info = None

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
        if self._evaluator:
            self._evaluator.close()
        self._evaluator = None

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
        key = reports.key(checkpoint, self._dataset, self._settings)
        return _is_watching(self._options) and key in self._history

    def _prepare(self, checkpoint):
        """Create the evaluator, again if a restarted training has another network."""
        stored = model_info.read_beside(checkpoint.path)
        if self._evaluator and stored == self._stored:
            return
        self._close_evaluator()
        options = self._options
        self._dataset = data_choice.choose_split(
            options, options.dataset_split_name, stored.dataset_name if stored else ''
        )
        engine = None
        if model_info.is_frozen(checkpoint.path):
            engine = self._load_engine(checkpoint.path)
        described = engine.info if engine else stored
        self._info, lines = _resolve(options, described, checkpoint, self._dataset)
        for line in lines if engine is None else engine.lines:
            tf.logging.info('%s', line)
        self._evaluator = self._make_evaluator(engine)
        self._stored = stored
        self._settings = _settings(options, self._info, self._evaluator.examples)
        names = reports.class_names(self._info)
        labels = range(self._info.labels_offset, self._info.labels_offset + len(names))
        self._font = fonts.choose_font(names, labels)
        if options.save_best:
            self._best.check(self._identity())
        tf.logging.info('%s', self._summary())

    def _load_engine(self, path):
        """Load a frozen model with the options that also describe a checkpoint."""
        options = self._options
        return self._load_frozen(
            path,
            options.engine,
            options.precision,
            model_name=options.model_name,
            labels_offset=options.labels_offset,
            image_size=options.eval_image_size,
            preprocessing_name=options.preprocessing_name,
            use_grayscale=options.use_grayscale,
            use_moving_averages=options.use_moving_averages,
        )

    def _make_evaluator(self, engine):
        """Return the evaluator of a frozen model's engine, or without one of checkpoints."""
        options = self._options
        limits = {
            'batch_size': options.batch_size,
            'max_batches': options.max_num_batches,
            'max_examples': options.num_examples,
            'skip_damaged': options.skip_damaged_records,
        }
        if engine:
            return FrozenEvaluator(engine, self._info, self._dataset, **limits)
        return Evaluator(
            self._info,
            self._dataset,
            flips=options.test_time_flips,
            num_threads=options.num_preprocessing_threads,
            master=options.master,
            **limits,
        )

    def _identity(self):
        return {
            'model_name': self._info.model_name,
            'dataset_name': self._dataset.dataset_name,
            'split_name': self._dataset.split_name,
            **self._settings,
        }

    def _summary(self):
        dataset, info = self._dataset, self._info
        chosen = '' if self._options.dataset_split_name else ', as none was named'
        return (
            f'Evaluating {info.model_name} on {self._evaluator.examples} pictures of '
            f'{info.num_classes} classes (data set {dataset.dataset_name or "without a name"}, '
            f'split {dataset.split_name}{chosen})'
        )

    def _evaluate(self, checkpoint):
        with contextlib.ExitStack() as stack:
            held = None
            if self._options.save_best:
                held = stack.enter_context(self._best.holding(checkpoint))
            self._evaluator.restore(checkpoint.path)
            tf.logging.info('Starting evaluation at %s', reports.now())
            mistakes = predictions.WorstMistakes()
            with predictions.table(
                self._path(_PREDICTIONS),
                reports.class_names(self._info),
                self._info.labels_offset,
            ) as write:

                def on_batch(batch):
                    write(batch)
                    mistakes.add(batch)
                    _log_progress(batch)

                metrics = self._evaluator.count(on_batch)
            tf.logging.info('Finished evaluation at %s', reports.now())
            if self._evaluator.skipped is not None:
                tf.logging.info('%s', self._evaluator.skipped.summary())
            evaluation = reports.Evaluation(
                checkpoint=checkpoint,
                info=self._info,
                dataset=self._dataset,
                settings=self._settings,
                metrics=metrics,
                finished_at=reports.now(),
            )
            self._publish(evaluation, mistakes)
            if held:
                self._keep_if_best(evaluation, held)

    def _publish(self, evaluation, mistakes):
        """Print the results, and write them to the eval_dir."""
        for line in reports.lines(evaluation):
            self._report(line)
        files.write_json(self._path(run_directory.FIGURES), reports.as_json(evaluation))
        pictures = dict(self._draw(evaluation, mistakes))
        for name, picture in pictures.items():
            with files.atomic_write(self._path(name)) as stream:
                picture.save(stream, 'png')
        if _MISTAKES not in pictures:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path(_MISTAKES))
        tags = {f'eval/{name.removesuffix(".png")}': shown for name, shown in pictures.items()}
        self._events.add(evaluation, tags)
        self._history.add(evaluation)

    def _draw(self, evaluation, mistakes):
        """Yield the plots with their file names."""
        of = self._font.writable(self._dataset.dataset_name, 'data set')
        place = f'{of}, {self._dataset.split_name}, step {evaluation.checkpoint.step}'
        metrics = evaluation.metrics
        title = f'{place}: accuracy {metrics.accuracy:.2%} of {metrics.count}'
        yield _CONFUSION, plots.confusion_matrix(metrics.confusion, self._font, title)
        tiles = mistakes.tiles(self._evaluator.records)
        if tiles:
            title = f'{place}: the surest mistakes (blue: true class, red: taken for)'
            yield _MISTAKES, plots.mistakes_sheet(tiles, self._font, title)

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


def _resolve(options, stored, checkpoint, dataset):
    return resolve.resolve(
        ModelRequest.of(
            options, image_size=options.eval_image_size, dataset_name=dataset.dataset_name
        ),
        StoredModel(stored, model_info.path_beside(checkpoint.path), checkpoint.path),
        dataset_classes=dataset.num_classes,
        dataset_labels=dataset.labels_to_names,
    )


def _settings(options, info, examples):
    """Return the settings that change the results."""
    return {
        'image_size': info.image_size,
        'preprocessing_name': info.preprocessing_name,
        'moving_averages': bool(info.moving_average_decay),
        'test_time_flips': options.test_time_flips,
        'examples': examples,
    }


def _log_progress(batch):
    step = -(-batch.batches // _MOST_LINES)
    if batch.number % step == 0 or batch.number == batch.batches:
        tf.logging.info('Evaluation [%d/%d]', batch.number, batch.batches)
