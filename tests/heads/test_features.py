"""The features of a split: those of the network, computed once, and never outdated ones."""

import concurrent.futures
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers import build, restore
from common.errors import UserError
from datasets import dataset_factory
from datasets.records import pipelines
from datasets.records.verified_records import SkippedRecords
from heads import features
from preprocessing import preprocessing_factory
from support import feature_passes, pipeline_runs
from support.checkout import ROOT
from support.feature_passes import INFO, Network
from support.files import records
from support.pipeline_runs import COUNT

LAYER = 'LeNet/fc4'


@pytest.fixture
def dataset(tmp_path):
    """Return three shards in which picture k has the label k."""
    return pipeline_runs.pets(tmp_path)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """Return the path of a checkpoint."""
    return feature_passes.write_checkpoint(tmp_path_factory.mktemp('checkpoint'))


@pytest.fixture
def lines(monkeypatch):
    """Collect the lines of the log."""
    found = []
    monkeypatch.setattr(tf.logging, 'info', lambda text, *values: found.append(text % values))
    return found


def _of_checkpoint(dataset, checkpoint, tmp_path, **options):
    return features.of_checkpoint(INFO, checkpoint, dataset, str(tmp_path / 'features'), **options)


def _expected(dataset, checkpoint):
    """Return the features as an evaluation computes them."""
    recipe = preprocessing_factory.get_preprocessing(
        INFO.preprocessing_name,
        use_grayscale=INFO.channels == 1,
        height=INFO.image_size,
        width=INFO.image_size,
    )
    with tf.Graph().as_default(), tf.Session() as session:
        batches = pipelines.evaluation_batches(dataset, recipe, COUNT)
        images, *_ = tf.data.make_one_shot_iterator(batches).get_next()
        images.set_shape([COUNT, INFO.image_size, INFO.image_size, INFO.channels])
        network = build.build_network(INFO, images)
        plan = restore.inference(checkpoint, INFO.model_name, network.variables)
        plan.init_fn()(None, session)
        return session.run(network.features)


def _is_computed(lines):
    """Tell whether the log says that features were computed, and forget it."""
    said = [line.split()[0] for line in lines if line.startswith(('Computed', 'Using'))]
    lines.clear()
    assert said in (['Computed'], ['Using'])
    return said == ['Computed']


def test_the_features_are_those_of_an_evaluation(dataset, checkpoint, tmp_path):
    found = _of_checkpoint(dataset, checkpoint, tmp_path)
    np.testing.assert_array_equal(found.outputs, np.arange(COUNT))
    assert found.is_intact.all()
    expected = _expected(dataset, checkpoint)
    assert expected.std(axis=0).max() > 0.1
    np.testing.assert_array_equal(found.arrays[0][LAYER], expected)


def test_features_are_computed_once(dataset, checkpoint, tmp_path, lines):
    first = _of_checkpoint(dataset, checkpoint, tmp_path)
    assert _is_computed(lines)
    second = _of_checkpoint(dataset, checkpoint, tmp_path)
    assert not _is_computed(lines)
    np.testing.assert_array_equal(first.arrays[0][LAYER], second.arrays[0][LAYER])


def test_another_head_has_the_same_features(dataset, checkpoint, tmp_path, lines):
    _of_checkpoint(dataset, checkpoint, tmp_path)
    lines.clear()
    other = feature_passes.write_checkpoint(tmp_path / 'other', {'fc4/weights': 1})
    _of_checkpoint(dataset, other, tmp_path)
    assert not _is_computed(lines)


def test_fewer_features_are_read_from_a_larger_set(dataset, checkpoint, tmp_path, lines):
    whole = _of_checkpoint(dataset, checkpoint, tmp_path)
    assert len(whole.arrays[0]) > 1
    lines.clear()
    part = Network(dataset, checkpoint).features(tmp_path / 'features')
    assert not _is_computed(lines)
    assert list(part.arrays[0]) == [LAYER]
    np.testing.assert_array_equal(part.arrays[0][LAYER], whole.arrays[0][LAYER])


def test_more_features_are_computed(dataset, checkpoint, tmp_path, lines):
    Network(dataset, checkpoint).features(tmp_path / 'features')
    lines.clear()
    _of_checkpoint(dataset, checkpoint, tmp_path)
    assert _is_computed(lines)


def test_an_interrupted_larger_set_is_not_used(dataset, checkpoint, tmp_path, lines):
    calls = iter([False] * 4)
    network = Network(dataset, checkpoint)
    assert network.features(tmp_path, more=True, stop=lambda: next(calls, True)) is None
    lines.clear()
    network.features(tmp_path)
    assert not any('Continuing' in line for line in lines)
    assert _is_computed(lines)


def test_another_body_has_other_features(dataset, checkpoint, tmp_path, lines):
    first = _of_checkpoint(dataset, checkpoint, tmp_path)
    lines.clear()
    other = feature_passes.write_checkpoint(tmp_path / 'other', {'conv1/weights': 1e-3})
    second = _of_checkpoint(dataset, other, tmp_path)
    assert _is_computed(lines)
    assert np.abs(first.arrays[0][LAYER] - second.arrays[0][LAYER]).max() > 0


@pytest.mark.parametrize(
    'changes', [{'image_size': 29}, {'preprocessing_name': 'lenet'}], ids=['size', 'recipe']
)
def test_another_presentation_has_other_features(dataset, checkpoint, tmp_path, lines, changes):
    _of_checkpoint(dataset, checkpoint, tmp_path)
    lines.clear()
    info = INFO.replace(**changes)
    features.of_checkpoint(info, checkpoint, dataset, str(tmp_path / 'features'))
    assert _is_computed(lines)


def test_a_record_that_was_replaced_has_other_features(dataset, checkpoint, tmp_path, lines):
    first = _of_checkpoint(dataset, checkpoint, tmp_path)
    lines.clear()
    path = dataset.shards[1].path
    size, changed = os.path.getsize(path), os.stat(path).st_mtime_ns
    data = [tf.train.Example.FromString(each) for each in tf.io.tf_record_iterator(path)]
    data[3], data[4] = data[4], data[3]
    records.write(path, [each.SerializeToString() for each in data])
    os.utime(path, ns=(changed, changed))
    assert os.path.getsize(path) == size
    again = dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    second = _of_checkpoint(again, checkpoint, tmp_path)
    assert _is_computed(lines)
    order = [*range(8), 9, 8, *range(10, COUNT)]
    np.testing.assert_array_equal(second.arrays[0][LAYER], first.arrays[0][LAYER][order])
    np.testing.assert_array_equal(second.outputs, order)


def test_a_record_that_is_replaced_during_the_pass_spoils_it(dataset, checkpoint, tmp_path):
    network = Network(dataset, checkpoint)
    calls = []

    def replace_one():
        calls.append(1)
        if len(calls) == 7:  # All records are read.
            path = dataset.shards[0].path
            records.write(path, list(tf.io.tf_record_iterator(path))[::-1])
        return False

    with pytest.raises(UserError, match='00000-of-00003: the records were changed while'):
        network.features(tmp_path / 'features', stop=replace_one)
    assert len(calls) == 7
    (directory,) = (tmp_path / 'features').iterdir()
    assert not (directory / 'description.json').exists()


def test_a_stopped_pass_continues(dataset, checkpoint, tmp_path, lines):
    calls = iter([False] * 4)
    network = Network(dataset, checkpoint)
    assert network.features(tmp_path, stop=lambda: next(calls, True)) is None
    assert 'Continuing' not in ' '.join(lines)
    found = network.features(tmp_path)
    assert any(line.startswith('Continuing at picture 12 in ') for line in lines)
    np.testing.assert_array_equal(found.arrays[0][LAYER], _expected(dataset, checkpoint))


def _killed(dataset, checkpoint, features_dir, blocks):
    """Compute features in a process that kills itself after some blocks; return its exit status."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / 'tests')])
    directory = os.path.dirname(dataset.data_sources[0])
    arguments = [directory, checkpoint, str(features_dir), str(blocks)]
    return subprocess.run(
        [sys.executable, '-m', 'support.feature_passes', *arguments],
        env={**os.environ, 'PYTHONPATH': paths},
        capture_output=True,
    ).returncode


@pytest.mark.parametrize(
    'blocks', [3, *(pytest.param(each, marks=pytest.mark.soak) for each in (1, 2, 4, 5))]
)
def test_a_killed_pass_continues(dataset, checkpoint, tmp_path, lines, blocks):
    assert _killed(dataset, checkpoint, tmp_path / 'features', blocks) == -9
    found = Network(dataset, checkpoint).features(tmp_path / 'features')
    assert any(line.startswith(f'Continuing at picture {4 * blocks} in ') for line in lines)
    np.testing.assert_array_equal(found.arrays[0][LAYER], _expected(dataset, checkpoint))
    np.testing.assert_array_equal(found.outputs, np.arange(COUNT))


def test_two_programs_at_once_compute_the_features_once(dataset, checkpoint, tmp_path, lines):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = [pool.submit(_of_checkpoint, dataset, checkpoint, tmp_path) for _ in range(2)]
        first, second = (each.result() for each in waiting)
    assert sum(line.startswith('Computed') for line in lines) == 1
    np.testing.assert_array_equal(first.arrays[0][LAYER], second.arrays[0][LAYER])


def test_later_passes_have_augmented_pictures(dataset, checkpoint, tmp_path):
    found = Network(dataset, checkpoint, passes=3, augmentation='slim', seed=7).features(tmp_path)
    plain, *augmented = (arrays[LAYER] for arrays in found.arrays)
    np.testing.assert_array_equal(plain, _expected(dataset, checkpoint))
    for one, other in ((plain, augmented[0]), (plain, augmented[1]), augmented):
        assert np.abs(one - other).mean() > 0.01
    network = Network(dataset, checkpoint, passes=3, augmentation='slim', seed=7)
    again = network.features(tmp_path / 'again').arrays
    for first, second in zip(found.arrays, again, strict=True):
        np.testing.assert_array_equal(first[LAYER], second[LAYER])
    other = (
        Network(dataset, checkpoint, passes=2, augmentation='slim', seed=8)
        .features(tmp_path)
        .arrays
    )
    np.testing.assert_array_equal(other[0][LAYER], plain)
    assert np.abs(other[1][LAYER] - augmented[0]).mean() > 0.01


def test_a_continued_pass_augments_as_an_uninterrupted_one(dataset, checkpoint, tmp_path):
    whole = Network(dataset, checkpoint, passes=2, augmentation='slim', seed=7).features(
        tmp_path / 'whole'
    )
    calls = iter([False] * 10)
    network = Network(dataset, checkpoint, passes=2, augmentation='slim', seed=7)
    assert network.features(tmp_path, stop=lambda: next(calls, True)) is None
    found = network.features(tmp_path)
    np.testing.assert_array_equal(found.arrays[1][LAYER], whole.arrays[1][LAYER])


def test_a_damaged_record_is_an_error_that_names_it(dataset, checkpoint, tmp_path):
    records.flip_bit(dataset.shards, 7)
    message = r'00001-of-00003: record 2 is damaged: it fails its checksum'
    with pytest.raises(UserError, match=message):
        _of_checkpoint(dataset, checkpoint, tmp_path)


def test_a_picture_that_cannot_be_decoded_is_named(dataset, checkpoint, tmp_path):
    path = dataset.shards[1].path
    examples = list(tf.io.tf_record_iterator(path))
    examples[2] = records.example(b'\x89PNG and no more', 7)
    records.write(path, examples)
    again = dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    with pytest.raises(UserError, match='00001-of-00003: record 2 has no picture that can be'):
        _of_checkpoint(again, checkpoint, tmp_path)


def _skipped(dataset, reported):
    return SkippedRecords(dataset, reported.append)


def test_damaged_records_are_replaced_as_in_training(dataset, checkpoint, tmp_path):
    whole = _expected(dataset, checkpoint)
    for number in (7, COUNT - 1):
        records.flip_bit(dataset.shards, number)
    for _ in range(2):  # Computed, and read from disk.
        reported = []
        found = _of_checkpoint(dataset, checkpoint, tmp_path, skipped=_skipped(dataset, reported))
        order = [*range(7), 8, *range(8, COUNT - 1), 0]
        np.testing.assert_array_equal(found.arrays[0][LAYER], whole[order])
        np.testing.assert_array_equal(found.outputs, order)
        assert list(np.flatnonzero(~found.is_intact)) == [7, COUNT - 1]
        assert [line[:7] for line in reported] == ['SKIPPED', 'SKIPPED']


def test_stored_features_with_damaged_records_need_the_flag_too(dataset, checkpoint, tmp_path):
    records.flip_bit(dataset.shards, 7)
    _of_checkpoint(dataset, checkpoint, tmp_path, skipped=_skipped(dataset, []))
    with pytest.raises(UserError, match=r'00001-of-00003: record 2 is damaged'):
        _of_checkpoint(dataset, checkpoint, tmp_path)
    records.flip_bit(dataset.shards, 7)
    with pytest.raises(UserError, match='record 7 was damaged when these features were'):
        _of_checkpoint(dataset, checkpoint, tmp_path)


@pytest.mark.parametrize(
    ('total', 'said'),
    [
        (3300, 'The remaining 3,172 pictures take about 13:13 at 4.0 pictures/sec'),
        (200, None),  # The rest is short.
    ],
)
def test_a_few_batches_show_how_long_a_pass_takes(total, said):
    times = iter([100.0, 108.0, 116.0, 124.0, 132.0])
    estimate = features.Estimate(total, clock=times.__next__)
    lines = [estimate.after_batch(32 * number) for number in range(1, 6)]
    assert lines == [None, None, None, said, None]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_time_that_a_pass_takes_is_said_in_place_of_the_bar(
    dataset, checkpoint, tmp_path, monkeypatch
):
    network, terminal = Network(dataset, checkpoint), Terminal()
    monkeypatch.setattr(features, '_SHORT_SECS', 0)
    monkeypatch.setattr(tf.logging, 'info', lambda text, *values: terminal.write(text % values))
    monkeypatch.setattr(sys, 'stderr', terminal)
    network.features(tmp_path / 'features')
    before, said, _ = terminal.getvalue().partition('The remaining')
    assert said
    assert before.endswith('\r\x1b[K')


def test_features_that_are_not_numbers_are_an_error(dataset, tmp_path):
    path = feature_passes.write_checkpoint(tmp_path / 'diverged', {'fc3/biases': np.inf})
    with pytest.raises(UserError, match='are not finite numbers; the training had diverged'):
        _of_checkpoint(dataset, path, tmp_path)


def test_the_offset_is_subtracted(tmp_path, checkpoint):
    records.write_pictures(tmp_path / 'a_train-00000-of-00001', [1, 2, 3])
    (tmp_path / 'labels.txt').write_text('background\none\ntwo\nthree\n')
    dataset = dataset_factory.get_dataset('a', 'train', str(tmp_path))
    for offset in (0, 1):
        found = _of_checkpoint(dataset, checkpoint, tmp_path, labels_offset=offset)
        assert list(found.outputs) == [1 - offset, 2 - offset, 3 - offset]


def test_what_else_features_depend_on_counts(dataset, checkpoint, tmp_path):
    network = Network(dataset, checkpoint)
    found = [
        network.features(tmp_path, also=also).directory
        for also in (None, {'precision': 'bfloat16'})
    ]
    assert found[0] != found[1]


def test_features_are_beside_the_records_or_where_the_caller_can_write(dataset, monkeypatch):
    beside = Path(dataset.data_sources[0]).parent / 'features'
    assert features.default_directory(dataset, '/elsewhere') == str(beside)
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    assert features.default_directory(dataset, '/elsewhere') == '/elsewhere/features'
