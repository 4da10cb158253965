"""Run a model with TensorFlow: checkpoints, training directories and frozen graphs."""

import os

import tensorflow.compat.v1 as tf

from common.errors import UserError, one_line
from deployment import precision
from pictures.kinds import BadImage, ImageTooLarge
from serving.model.engines import comparison, loading
from serving.model.engines.runner import Runner


class TensorFlowEngine:
    """Implement `serving.model.engines.engine.Engine`."""

    name = 'tensorflow'

    def __init__(self, model_options, options):
        path = os.fspath(model_options.path)
        self.options = options.resolved(precision.has_gpu())
        try:
            model = loading.load(model_options)
            self._runner, self.precision, why = _choose_runner(path, model, self.options)
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(f'{path}: {one_line(error, 200)}') from None
        self.lines = (*model.lines, *why)
        self.refuses_damaged = self._runner.refuses_damaged
        try:
            self.info = _completed(model.info, self._runner.num_classes, path)
        except BaseException:
            self.close()
            raise

    def run(self, pictures):
        """Return the probabilities of normalised pictures."""
        try:
            return self._runner.run(pictures)
        except tf.errors.InvalidArgumentError:
            raise BadImage('the model cannot read this picture') from None
        except tf.errors.ResourceExhaustedError:
            raise ImageTooLarge('too large for the memory of this machine') from None

    def close(self):
        """Free the session."""
        self._runner.close()


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
