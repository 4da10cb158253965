"""Write the summaries of a training run for TensorBoard."""

import glob
import json
import os
import time

import tensorflow.compat.v1 as tf
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams
from tensorboard.plugins.text import summary as text

from common.errors import UserError, reason

_PICTURES = 3
_HPARAMS_SUFFIX = '.hparams'
_WRITE_ERRORS = (OSError, tf.errors.OpError)


def input_pictures(images):
    """Record some pictures in the form in which the network gets them."""
    return tf.summary.image('inputs', images, max_outputs=_PICTURES)


def histograms_of_activations(end_points):
    """Record a histogram of each end point, and its fraction of zeros."""
    shown = []
    for name, end_point in end_points.items():
        shown.append(tf.summary.histogram(f'activations/{name}', end_point))
        shown.append(tf.summary.scalar(f'sparsity/{name}', tf.nn.zero_fraction(end_point)))
    return shown


def histograms_of_weights(variables):
    """Record a histogram of each variable at this point of the step."""
    # tf.summary would add numbers to the tags, because the variables have these names.
    return [
        tf.raw_ops.HistogramSummary(tag=variable.op.name, values=variable.read_value())
        for variable in variables
    ]


def scalar_summary(values):
    """Return {tag: number} as a summary."""
    return tf.Summary(
        value=[tf.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    )


class RunWriter:
    """Write the event files of a run during a `with` block.

    The data for HParams is in a separate file that each restart replaces. TensorBoard uses only the
    first status of a session, but a run that failed once may succeed later.
    """

    def __init__(self, directory, options, clock=time.time):
        self._directory = directory
        self._options = options
        self._clock = clock

    def __enter__(self):
        for path in glob.glob(f'{glob.escape(self._directory)}/events.*{_HPARAMS_SUFFIX}'):
            os.unlink(path)
        self._events = tf.summary.FileWriter(self._directory)
        self._hparams = tf.summary.FileWriter(self._directory, filename_suffix=_HPARAMS_SUFFIX)
        self._add_hparams(
            hparams.session_start_pb(
                hparams=_as_hparams(self._options), start_time_secs=self._clock()
            )
        )
        table = text.text_pb('flags', _as_table(self._options))
        self._events.add_summary(table.SerializeToString())
        self._hparams.flush()
        return self

    def __exit__(self, error, *_):
        status = api_pb2.STATUS_FAILURE if error else api_pb2.STATUS_SUCCESS
        try:
            self._add_hparams(hparams.session_end_pb(status, end_time_secs=self._clock()))
            self._events.close()
            self._hparams.close()
        except _WRITE_ERRORS as failure:
            # The original error is more important.
            if not error:
                raise self._about(failure) from None

    def add_graph(self, graph):
        """Record the graph."""
        self._events.add_graph(graph)

    def add_scalars(self, values, step):
        """Record {tag: number}."""
        self.add_summary(scalar_summary(values), step)

    def add_summary(self, summary, step):
        """Record a summary, or the result of a merged summary operation."""
        try:
            self._events.add_summary(summary, step)
        except _WRITE_ERRORS as failure:
            raise self._about(failure) from None

    def _about(self, failure):
        return UserError(
            f'{self._directory}: event files cannot be written ({reason(failure)}); the '
            'checkpoints are not affected'
        )

    def _add_hparams(self, summary):
        # The plugin has copies of TensorFlow's protocol buffers.
        self._hparams.add_summary(summary.SerializeToString())


def _as_hparams(options):
    """Return the options that have a value, in a form for HParams."""
    return {name: value for name, value in options.by_flag().items() if value is not None}


def _as_table(options):
    rows = [f'| `--{name}` | `{json.dumps(value)}` |' for name, value in options.by_flag().items()]
    return '\n'.join(['| flag | value |', '| --- | --- |', *rows])
