"""What TensorBoard gets to see, read back from the event files."""

import glob
import os

import pytest
import tensorflow.compat.v1 as tf
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2

from training.jobs import run_directory


def events(directory, pattern='events*'):
    for path in sorted(glob.glob(os.path.join(directory, pattern))):
        yield from tf.train.summary_iterator(path)


def values(directory):
    """Return {tag: {step: value}} of all summaries."""
    found = {}
    for event in events(directory):
        for value in event.summary.value:
            found.setdefault(value.tag, {})[event.step] = value
    return found


def session(directory):
    """Return (hyperparameters, status at the end or None) of a directory's newest session."""
    start = end = None
    for event in events(directory, '*.hparams'):
        for value in event.summary.value:
            data = plugin_data_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
            if data.HasField('session_start_info'):
                assert start is None
                start = data.session_start_info
            elif data.HasField('session_end_info'):
                end = data.session_end_info.status
    return start.hparams, end


@pytest.fixture
def shown(runs):
    """Train a small network with everything on, and return what was written."""
    runs.train(
        model_name='mobilenet_v1_025',
        train_image_size=32,
        batch_size=16,
        max_number_of_steps=4,
        log_every_n_steps=2,
        save_summaries_steps=3,
        save_summaries_secs=600,
    )
    return values(runs.path())


SCALARS = (
    'total_loss',
    'losses/softmax_cross_entropy_loss',
    'regularization_loss',
    'learning_rate',
    'gradient_norm',
    'accuracy',
    'images_per_second',
    'input_wait_share',
)


def test_scalars_pictures_and_histograms_come_with_their_steps(shown, runs):
    for tag in SCALARS:
        assert sorted(shown[tag]) == [1, 2, 4], tag
    assert 0 <= shown['input_wait_share'][4].simple_value <= 1
    parts = [
        shown[tag][4].simple_value
        for tag in ('losses/softmax_cross_entropy_loss', 'regularization_loss')
    ]
    assert shown['total_loss'][4].simple_value == pytest.approx(sum(parts), rel=1e-5)
    weights = 'MobilenetV1/Conv2d_0/weights'
    for tag in ('inputs/image/0', 'activations/Conv2d_0', weights):
        assert sorted(shown[tag]) == [1, 3], tag
    assert shown['inputs/image/0'][1].image.width == 32
    flags = shown['flags'][0].tensor.string_val[0].decode()
    assert '| `--max_number_of_steps` | `4` |' in flags
    assert '| `--seed` | `null` |' in flags


def test_weights_are_those_after_the_step_that_was_recorded(runs):
    """A second forward pass would have moved batch norm's statistics once more."""
    runs.train(max_number_of_steps=1, save_summaries_steps=1)
    shown = values(runs.path())['LeNet/conv1/weights'][1].histo
    saved = tf.train.load_variable(runs.newest().path, 'LeNet/conv1/weights')
    assert shown.sum == pytest.approx(saved.sum(dtype=float), rel=1e-4)
    assert shown.num == saved.size


def test_runs_compare_by_their_hyperparameters_and_say_how_they_ended(runs):
    runs.train('good', max_number_of_steps=1, learning_rate=0.25)
    hyperparameters, status = session(runs.path('good'))
    assert hyperparameters['learning_rate'].number_value == 0.25
    assert hyperparameters['optimizer'].string_value == 'sgd'
    assert status == api_pb2.STATUS_SUCCESS
    assert (
        runs.train('bad', max_number_of_steps=9, learning_rate=3e38) == run_directory.EXIT_DIVERGED
    )
    assert session(runs.path('bad'))[1] == api_pb2.STATUS_FAILURE
    # The same directory, continued: only the newest session counts.
    runs.train('bad', max_number_of_steps=2)
    assert session(runs.path('bad'))[1] == api_pb2.STATUS_SUCCESS


def test_nothing_by_time_or_steps_is_nothing_at_all(runs):
    runs.train(max_number_of_steps=2, log_every_n_steps=0)
    shown = values(runs.path())
    assert not [tag for tag in shown if tag.startswith(('inputs', 'activations'))]
    assert sorted(shown['total_loss']) == [1]
