"""Run a model with TensorFlow: checkpoints, training directories and frozen graphs."""

import os

import tensorflow.compat.v1 as tf

from classifiers import file_kinds, model_info
from common.errors import UserError, one_line
from deployment import precision
from pictures.kinds import BadImage, ImageTooLarge
from serving.model.engines import checkpoint_model, comparison, graph_model
from serving.model.engines.runner import Runner

_BATCH_SIZE = 16  # Where only the time for all pictures counts.


class TensorFlowEngine:
    """Implement `serving.model.engines.engine.Engine`."""

    name = 'tensorflow'

    def __init__(self, model_options, options, lines=()):
        """Load a model; `lines` are for the log."""
        path = os.fspath(model_options.path)
        self.options = _resolved(options)
        try:
            model = _load(model_options)
            self._runner, self.precision, why = _choose_runner(path, model, self.options)
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(f'{path}: {one_line(error, 200)}') from None
        self.lines = (*lines, *model.lines, *why)
        self.refuses_damaged = self._runner.refuses_damaged
        try:
            self.info = _completed(model.info, self._runner.num_classes, path)
        except BaseException:
            self.close()
            raise

    def run(self, pictures):
        """Return the Outputs of normalised pictures."""
        try:
            return self._runner.run(pictures)
        except tf.errors.InvalidArgumentError:
            raise BadImage('the model cannot read this picture') from None
        except tf.errors.ResourceExhaustedError:
            raise ImageTooLarge('too large for the memory of this machine') from None

    def close(self):
        """Free the session."""
        self._runner.close()


def _resolved(options):
    """Return the options with every choice made."""
    if options.num_pictures:
        # Only the time for all of them counts: a batch uses every core.
        batch_size = min(options.num_pictures, _BATCH_SIZE)
        return options.resolved(max_concurrency=1, max_batch_size=batch_size)
    if precision.has_gpu():
        return options.resolved(max_batch_size=8, batch_wait_ms=2.0)
    return options.resolved()


def _completed(info, num_classes, path):
    """Return `info` with the number of outputs, which may be known only after a run."""
    if info.num_classes not in (0, num_classes):
        raise UserError(
            f'{path}: returns {num_classes} numbers per picture, but its description says '
            f'{info.num_classes} classes; name the right node with --output_layer'
        )
    return info.replace(num_classes=num_classes)


def _choose_runner(path, model, options):
    """Return (Runner, its precision, lines for the log)."""
    short = precision.choose(has_gpu=False)
    if options.precision == 'float32':
        return _warm(path, model, None, options), 'float32', ()
    if options.precision == 'bfloat16':
        missing = ('This processor has no bfloat16: it will be slow',) if not short else ()
        return _warm(path, model, 'bfloat16', options), 'bfloat16', missing
    if not short:
        return (
            _warm(path, model, None, options),
            'float32',
            ('Using float32: this processor has no bfloat16',),
        )
    return _faster(path, model, options)


def _warm(path, model, short_type, options):
    """Return a Runner that has run the most frequent sizes of a batch."""
    try:
        runner = Runner(model, short_type)
    except UserError as error:
        raise UserError(f'{path}: {error}') from None
    comparison.warm_up(runner.run, options.max_batch_size)
    return runner


def _faster(path, model, options):
    """Return the Runner in bfloat16 if it is faster and gives the same classes, else float32."""
    plain, short = (_warm(path, model, kind, options) for kind in (None, 'bfloat16'))
    is_short, line = comparison.is_better(plain.run, short.run, 'bfloat16', options.max_batch_size)
    chosen, other = (short, plain) if is_short else (plain, short)
    other.close()
    return chosen, 'bfloat16' if is_short else 'float32', (line,)


def _load(options):
    """Load the model that `options.path` names."""
    _refuse_saved_model(options)
    if model_info.is_graph(options.path):
        return graph_model.load(options)
    _refuse_graph_flags(options)
    return checkpoint_model.load(options)


def _refuse_saved_model(options):
    if file_kinds.is_saved_model(options.path):
        raise UserError(f'{options.path}: a SavedModel; {file_kinds.SOURCE}')


def _refuse_graph_flags(options):
    """Refuse options that only apply to the nodes of a frozen graph."""
    for name in ('input_layer', 'output_layer', 'input_mean', 'input_std'):
        value = getattr(options, name)
        if value is not None:
            raise UserError(
                f'--{name}={value}: is for frozen graphs, and {options.path} is a checkpoint'
            )
    if options.height != options.width:
        raise UserError(
            f'--input_width={options.width} and --input_height={options.height}: '
            'networks built from a checkpoint take squares'
        )
