"""One pass over a split: every example once, with the right weights, whatever the batch size."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from sklearn import metrics as sklearn_metrics

from common.errors import UserError
from support.files import classifier_files, records
from support.files.classifier_files import EXAMPLES
from training.evaluation.evaluator import DivergedCheckpointError, Evaluator

INFO = classifier_files.describe()


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return classifier_files.write(tmp_path_factory.mktemp('run'), INFO, averages=True)


class Pass:
    """What a pass gave: its metrics, and its batches joined."""

    def __init__(self, data, checkpoint, info=INFO, split='validation', batch_size=100, **options):
        batches = []
        dataset = classifier_files.dataset(data, split)
        with Evaluator(info, dataset, batch_size, **options) as evaluator:
            self.metrics = evaluator.evaluate(checkpoint, batches.append)
            self.announced = evaluator.batches, evaluator.examples
        self.sizes = [len(batch.labels) for batch in batches]
        self.numbers = [(batch.number, batch.batches, batch.first) for batch in batches]
        self.file_names = [name for batch in batches for name in batch.file_names]
        self.labels = np.concatenate([batch.labels for batch in batches])
        self.logs = np.concatenate([batch.log_probabilities for batch in batches])


@pytest.fixture(scope='module')
def whole(data, checkpoint):
    return Pass(data, checkpoint)


@pytest.mark.parametrize('batch_size', [1, 7, 100])
def test_every_example_counts_once_whatever_the_batch_size(data, checkpoint, whole, batch_size):
    found = Pass(data, checkpoint, batch_size=batch_size)
    assert found.file_names == [f'validation/{number}.png' for number in range(EXAMPLES)]
    assert found.labels.tolist() == classifier_files.labels_of(EXAMPLES)
    assert found.announced == (-(-EXAMPLES // batch_size), EXAMPLES)
    assert found.numbers[-1] == (len(found.sizes), len(found.sizes), EXAMPLES - found.sizes[-1])
    np.testing.assert_array_equal(found.metrics.confusion, whole.metrics.confusion)
    assert found.metrics.loss == pytest.approx(whole.metrics.loss, rel=1e-5)
    np.testing.assert_allclose(found.logs, whole.logs, atol=1e-4)


def test_the_figures_are_those_of_scikit_learn(whole):
    predicted = whole.logs.argmax(axis=1)
    assert len(set(predicted)) > 1, 'a network that tells nothing apart would prove nothing'
    assert whole.metrics.accuracy == sklearn_metrics.accuracy_score(whole.labels, predicted)
    assert whole.metrics.loss == pytest.approx(
        sklearn_metrics.log_loss(whole.labels, np.exp(whole.logs), labels=[0, 1, 2])
    )


@pytest.mark.parametrize(
    ('limits', 'sizes'),
    [
        ({'max_batches': 2}, [7, 7]),
        ({'max_batches': 9}, [7, 7, 7, 2]),
        ({'max_examples': 10}, [7, 3]),
        ({'max_examples': 50000}, [7, 7, 7, 2]),
        ({'max_examples': 20, 'max_batches': 1}, [7]),
    ],
)
def test_a_pass_can_be_cut(data, checkpoint, whole, limits, sizes):
    found = Pass(data, checkpoint, batch_size=7, **limits)
    assert found.sizes == sizes
    assert found.announced == (len(sizes), sum(sizes))
    np.testing.assert_allclose(found.logs, whole.logs[: sum(sizes)], atol=1e-4)


def test_flips_take_the_mean_over_both_pictures(data, checkpoint, whole, tmp_path):
    mirrored = tmp_path / 'mirrored'
    mirrored.mkdir()
    source = data / 'shapes_validation_00000-of-00001.tfrecord'
    with tf.Graph().as_default(), tf.Session() as session:
        encoded = tf.placeholder(tf.string)
        flip = tf.io.encode_png(tf.image.flip_left_right(tf.io.decode_png(encoded)))
        examples = []
        for data_of in tf.io.tf_record_iterator(str(source)):
            features = tf.train.Example.FromString(data_of).features.feature
            picture = features['image/encoded'].bytes_list.value[0]
            label = features['image/class/label'].int64_list.value[0]
            examples.append(records.example(session.run(flip, {encoded: picture}), label))
    records.write(mirrored / source.name, examples)
    (mirrored / 'labels.txt').write_bytes((data / 'labels.txt').read_bytes())
    other = Pass(mirrored, checkpoint)
    assert not np.allclose(other.logs, whole.logs, atol=1e-2)
    flipped = Pass(data, checkpoint, flips=True)
    mean = (np.exp(whole.logs) + np.exp(other.logs)) / 2
    np.testing.assert_allclose(np.exp(flipped.logs), mean, atol=1e-5)


def test_moving_averages_are_used_when_the_model_was_trained_with_them(data, checkpoint, whole):
    averaged = INFO.replace(moving_average_decay=0.99)
    found = Pass(data, checkpoint, averaged)
    assert not np.allclose(found.logs, whole.logs, atol=1e-2)
    off = Pass(data, checkpoint, averaged, use_moving_averages=False)
    np.testing.assert_array_equal(off.logs, whole.logs)


def test_averages_that_are_not_there_are_an_error(data, tmp_path):
    path = classifier_files.write(tmp_path, INFO)
    with pytest.raises(UserError, match=r'has no moving averages.*--nouse_moving_averages'):
        Pass(data, path, INFO.replace(moving_average_decay=0.99))


def test_one_evaluator_serves_many_checkpoints_with_one_graph(data, checkpoint, whole, tmp_path):
    other = classifier_files.write(tmp_path, INFO, seed=2, averages=True)
    with Evaluator(INFO, classifier_files.dataset(data), 100) as evaluator:
        first = evaluator.evaluate(checkpoint)
        with_one = len(evaluator._graph.get_operations())
        second = evaluator.evaluate(other)
        again = evaluator.evaluate(checkpoint)
        assert len(evaluator._graph.get_operations()) == with_one
    assert first.loss == again.loss == whole.metrics.loss
    assert second.loss != first.loss


def test_labels_are_counted_from_the_offset(tmp_path):
    info = classifier_files.describe(labels_offset=1)
    names = ['background', 'a', 'b', 'c']
    data = classifier_files.write_data(tmp_path / 'data', [1, 2, 3, 3], names=names)
    found = Pass(data, classifier_files.write(tmp_path / 'run', info), info)
    assert found.labels.tolist() == [0, 1, 2, 2]
    data = classifier_files.write_data(tmp_path / 'data', [0, 1, 2, 3], names=names)
    with pytest.raises(UserError, match=r'has the label 0; valid are 1 to 3 \(3 classes'):
        Pass(data, None, info)


def test_a_class_without_examples_has_no_recall(tmp_path, checkpoint):
    data = classifier_files.write_data(tmp_path / 'data', [0, 0, 2])
    found = Pass(data, checkpoint).metrics
    assert found.examples.tolist() == [2, 0, 1]
    figures = found.by_class()
    assert np.isnan(figures.recall[1])
    assert np.isnan(figures.f1[1])
    assert figures.precision[1] in (0, 1)


def test_a_data_set_of_one_class_is_always_right(tmp_path):
    info = classifier_files.describe(classes=1)
    data = classifier_files.write_data(tmp_path / 'data', [0, 0, 0], classes=1)
    found = Pass(data, classifier_files.write(tmp_path / 'run', info), info).metrics
    assert (found.accuracy, found.loss, found.calibration_error) == (1, 0, 0)


def test_an_empty_split_is_a_clear_error(tmp_path, checkpoint):
    data = classifier_files.write_data(tmp_path / 'data', [])
    with pytest.raises(UserError, match=r"split 'validation' of shapes has no examples"):
        Pass(data, checkpoint)


def test_weights_that_have_diverged_are_an_error(tmp_path, data):
    held = classifier_files.values(INFO)
    held['LeNet/fc4/biases'] = np.full(3, np.nan, np.float32)
    path = classifier_files.checkpoint_files.write(str(tmp_path), held, step=1)
    with pytest.raises(DivergedCheckpointError, match=rf'^{path}: .* not finite numbers'):
        Pass(data, path)


def test_a_picture_that_cannot_be_decoded_is_an_error_that_says_where(tmp_path, checkpoint):
    data = classifier_files.write_data(tmp_path / 'data', [0, 1, 2])
    path = data / 'shapes_validation_00000-of-00001.tfrecord'
    good = records.encoded(records.picture(1), 'png')
    records.write(path, [records.example(good, 0), records.example(good[:50], 1)])
    with pytest.raises(UserError, match=r'tfrecord: record 1 has no picture that can be'):
        Pass(data, checkpoint, batch_size=1)


def test_what_a_callback_raises_breaks_the_pass_off(data, checkpoint):
    def raise_at_once(batch):
        raise KeyboardInterrupt

    with Evaluator(INFO, classifier_files.dataset(data), batch_size=5) as evaluator:
        with pytest.raises(KeyboardInterrupt):
            evaluator.evaluate(checkpoint, raise_at_once)
        assert evaluator.evaluate(checkpoint).count == EXAMPLES


@pytest.mark.parametrize(
    ('classes_there', 'classes_here', 'message'),
    [
        (5, 3, r'has 5 classes in the checkpoint and 3 here: name the data set'),
        (1000, 1001, r'has 1000 classes in the checkpoint and 1001 .*--labels_offset=1'),
        (1001, 1000, r'has 1001 classes in the checkpoint and 1000 .*--labels_offset=1'),
    ],
)
def test_evaluation_never_leaves_a_head_out(tmp_path, classes_there, classes_here, message):
    path = classifier_files.write(tmp_path / 'run', classifier_files.describe(classes_there))
    data = classifier_files.write_data(tmp_path / 'data', [0, 1, 2], classes=classes_here)
    with pytest.raises(UserError, match=message):
        Pass(data, path, classifier_files.describe(classes_here))


def test_a_head_that_is_missing_is_an_error(tmp_path, data):
    held = classifier_files.values(INFO)
    body = {name: value for name, value in held.items() if '/fc4/' not in name}
    path = classifier_files.checkpoint_files.write(str(tmp_path), body, step=1)
    with pytest.raises(UserError, match=r'lacks 2 variables of lenet'):
        Pass(data, path)
