"""What training and evaluation are fed, batch by batch."""

import itertools
import os
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from common.errors import UserError
from datasets import dataset_factory
from datasets.records import pipelines, random_access
from datasets.records.verified_records import SkippedRecords, VerifiedRecords
from preprocessing import preprocessing_factory
from support import pipeline_runs
from support.files import records
from training import inputs

COUNT = pipeline_runs.COUNT


@pytest.fixture
def dataset(tmp_path):
    """Return three shards in which picture k has the label k."""
    return pipeline_runs.pets(tmp_path)


def _preprocess(name='inception', **options):
    options = {'is_training': True, 'height': 16, 'width': 16, **options}
    return preprocessing_factory.get_preprocessing(name, **options)


def _train(dataset, count, batch_size=4, seed=7, preprocess=None, records=None, **options):
    preprocess = preprocess or _preprocess()
    records = records or VerifiedRecords(dataset)
    return pipeline_runs.run(
        lambda: inputs.training_batches(records, preprocess, batch_size, seed, **options), count
    )


def _assert_equal(batches, others):
    for (images, labels), (other_images, other_labels) in zip(batches, others, strict=True):
        np.testing.assert_array_equal(labels, other_labels)
        np.testing.assert_array_equal(images, other_images)


def test_every_epoch_has_every_example_in_a_fresh_order(dataset):
    batches = _train(dataset, COUNT)
    assert all(images.shape == (4, 16, 16, 3) for images, _ in batches)
    assert all(images.dtype == np.float32 for images, _ in batches)
    epochs = pipeline_runs.labels(batches).reshape(4, COUNT)
    for epoch in epochs:
        assert sorted(epoch) == list(range(COUNT))
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert tuple(epochs[0]) != tuple(range(COUNT))


def test_batches_are_a_function_of_seed_and_place(dataset):
    batches = _train(dataset, 14, num_threads=4)
    _assert_equal(batches, _train(dataset, 14, num_threads=1))
    for step in (1, 9):
        _assert_equal(batches[step:], _train(dataset, 14 - step, start=4 * step))
    other = _train(dataset, 6, seed=8)
    assert list(pipeline_runs.labels(other)) != list(pipeline_runs.labels(batches[:6]))


def test_without_a_seed_each_run_has_its_own(dataset):
    # TensorFlow's shuffle has 256 orders, so two runs may have the same one by chance.
    orders = [tuple(pipeline_runs.labels(_train(dataset, 5, seed=None))) for _ in range(4)]
    assert len(set(orders)) > 1
    assert len(set(orders[0])) == 20


def test_an_example_is_distorted_anew_in_each_epoch(dataset):
    batches = _train(dataset, 2 * COUNT, batch_size=1)
    seen = {}
    for images, labels in batches:
        seen.setdefault(int(labels[0]), []).append(images[0])
    for first, second in seen.values():
        assert np.abs(first - second).mean() > 0.01


SHOWN = {('vgg', 'none'), ('cifarnet', 'slim'), ('lenet', 'slim'), ('inception', 'strong')}


@pytest.mark.parametrize(
    ('name', 'augmentation'),
    [
        pytest.param(*case, marks=[] if case in SHOWN else pytest.mark.soak)
        for case in itertools.product(
            preprocessing_factory.RECIPES, preprocessing_factory.AUGMENTATIONS
        )
    ],
)
def test_every_recipe_repeats_its_pixels(dataset, name, augmentation):
    preprocess = _preprocess(name, augmentation=augmentation)
    first = _train(dataset, 3, preprocess=preprocess, num_threads=3)
    _assert_equal(first, _train(dataset, 3, preprocess=preprocess, num_threads=1))
    assert np.isfinite(first[0][0]).all()
    if augmentation == 'none':
        evaluate = _preprocess(name, is_training=False)
        batches = pipeline_runs.run(
            lambda: pipelines.evaluation_batches(dataset, evaluate, COUNT), None
        )
        expected = dict(zip(batches[0][1], batches[0][0], strict=True))
        for image, label in zip(first[0][0], first[0][1], strict=True):
            np.testing.assert_array_equal(image, expected[label])


def test_workers_share_each_epoch(dataset):
    alone = pipeline_runs.labels(_train(dataset, COUNT * 2, batch_size=1))
    shares = [
        pipeline_runs.labels(_train(dataset, COUNT, batch_size=1, worker=worker, num_workers=2))
        for worker in (0, 1)
    ]
    np.testing.assert_array_equal(np.stack(shares, axis=1).flatten(), alone)


def test_the_offset_is_subtracted(tmp_path):
    records.write_pictures(tmp_path / 'a_train-00000-of-00001', [1, 2, 3])
    (tmp_path / 'labels.txt').write_text('background\none\ntwo\nthree\n')
    dataset = dataset_factory.get_dataset('a', 'train', str(tmp_path))
    verified = VerifiedRecords(dataset, labels_offset=1)
    labels = pipeline_runs.labels(_train(dataset, 3, batch_size=1, records=verified))
    assert sorted(labels) == [0, 1, 2]


@pytest.mark.parametrize('count', [1, 2])
def test_tiny_data_sets_fill_any_batch(tmp_path, count):
    records.write_pictures(tmp_path / 'a_train-00000-of-00001', list(range(count)))
    (tmp_path / 'labels.txt').write_text('one\ntwo\n'[: 4 * count])
    dataset = dataset_factory.get_dataset('a', 'train', str(tmp_path))
    labels = pipeline_runs.labels(_train(dataset, 2, batch_size=20))
    assert (np.bincount(labels) == 40 // count).all()


def test_grey_pictures_have_one_channel(dataset):
    ((images, _),) = _train(dataset, 1, preprocess=_preprocess(use_grayscale=True))
    assert images.shape == (4, 16, 16, 1)


def test_a_restored_step_tells_the_pipeline_where_to_start(dataset, tmp_path):
    def run(last_step):
        batches = []
        with tf.Graph().as_default():
            step = tf.train.get_or_create_global_step()
            start = tf.identity(step) * 4
            pipeline = inputs.training_batches(VerifiedRecords(dataset), _preprocess(), 4, 7, start)
            iterator = tf.data.make_initializable_iterator(pipeline)
            following, count = iterator.get_next(), tf.assign_add(step, 1)
            local_init = tf.group(iterator.initializer, tf.local_variables_initializer())
            with tf.train.MonitoredTrainingSession(
                checkpoint_dir=str(tmp_path / 'model'),
                scaffold=tf.train.Scaffold(local_init_op=local_init),
                save_checkpoint_steps=100,
                hooks=[tf.train.StopAtStepHook(last_step=last_step)],
            ) as session:
                while not session.should_stop():
                    batches.append(session.run([following, count])[0])
        return batches

    _assert_equal(run(3) + run(5), _train(dataset, 5))


def test_no_tuner_holds_up_the_end_of_a_pass(dataset):
    # TensorFlow's sleeps for up to a minute, and what ends an iterator waits until it wakes.
    with tf.Graph().as_default():
        for pipeline in (
            pipelines.evaluation_batches(dataset, _preprocess(is_training=False), 4),
            inputs.training_batches(VerifiedRecords(dataset), _preprocess(), 4, seed=7),
        ):
            assert pipeline.options().autotune.enabled is False


def test_many_files_are_read_with_few_open(dataset, monkeypatch):
    monkeypatch.setattr(random_access, '_OPEN_FILES', 1)
    before = len(os.listdir('/proc/self/fd'))
    read = random_access.RandomAccess(dataset.shards)
    found = [tf.train.Example.FromString(r) for r in read(np.array([22, 0, 4, 5, 18]))]
    labels = [e.features.feature['image/class/label'].int64_list.value[0] for e in found]
    assert labels == [22, 0, 4, 5, 18]
    assert len(os.listdir('/proc/self/fd')) == before + 1
    del read
    assert len(os.listdir('/proc/self/fd')) == before


def test_a_file_that_was_changed_meanwhile_is_named(dataset):
    path = dataset.data_sources[1]
    read = random_access.RandomAccess(dataset.shards)
    records.write_pictures(path, [5, 6])
    with pytest.raises(UserError, match=r'00001-of-00003: record \d+ is damaged'):
        read(np.arange(COUNT))


@pytest.mark.parametrize('into_record', [0, 5, 9, 12, 60, 200, -1])
def test_a_flipped_bit_anywhere_in_a_record_stops_training(dataset, into_record):
    verified = VerifiedRecords(dataset)
    number = 7 if into_record >= 0 else 8
    records.flip_bit(dataset.shards, number, into_record)
    with pytest.raises(tf.errors.OpError):
        _train(dataset, COUNT, records=verified)
    assert re.search(r'pets_train-00001-of-00003: record 2 is damaged: ', str(verified.error))


def test_every_flipped_bit_of_a_record_is_noticed(dataset):
    shard = dataset.shards[1]
    start, end = shard.offsets[2:4]
    whole = Path(shard.path).read_bytes()
    for bit in np.random.default_rng(0).integers(0, 8 * (end - start), 200):
        content = bytearray(whole)
        content[start + bit // 8] ^= 1 << bit % 8
        Path(shard.path).write_bytes(content)
        with pytest.raises(random_access.DamagedRecordError, match='record 2 is damaged'):
            VerifiedRecords(dataset).replaced([6, 7])


def test_a_label_outside_the_classes_stops_training(dataset):
    path = Path(dataset.shards[1].path)
    examples = list(tf.io.tf_record_iterator(str(path)))
    data = records.encoded(records.picture(7), 'png')
    examples[2] = records.example(data, COUNT, '7.png')
    before = path.stat().st_size
    records.write(path, examples)
    assert path.stat().st_size == before
    verified = VerifiedRecords(dataset)
    with pytest.raises(tf.errors.OpError):
        _train(dataset, COUNT, records=verified)
    assert f'00001-of-00003: record 2 has the label {COUNT}; valid are 0 to' in str(verified.error)


def test_skipped_records_are_replaced_and_named_once(dataset):
    intact = pipeline_runs.labels(_train(dataset, COUNT))
    for number in (4, 7):
        records.flip_bit(dataset.shards, number)
    lines = []

    def skipping():
        return VerifiedRecords(dataset, skipped=SkippedRecords(dataset, lines.append))

    verified = skipping()
    batches = _train(dataset, COUNT, records=verified)
    # The next record takes the place of each: the batches are still a function of the place.
    np.testing.assert_array_equal(
        pipeline_runs.labels(batches), np.where(np.isin(intact, [4, 7]), intact + 1, intact)
    )
    assert sorted(lines) == [
        f'SKIPPED {dataset.shards[0].path}: record 4 is damaged: it fails its checksum',
        f'SKIPPED {dataset.shards[1].path}: record 2 is damaged: it fails its checksum',
    ]
    assert verified.skipped.summary() == "Skipped 2 damaged records of the 23 of split 'train'"
    _assert_equal(batches[9:], _train(dataset, COUNT - 9, start=36, records=skipping()))
    shares = [
        pipeline_runs.labels(
            _train(dataset, 46, batch_size=1, worker=worker, num_workers=2, records=skipping())
        )
        for worker in (0, 1)
    ]
    np.testing.assert_array_equal(np.stack(shares, axis=1).flatten(), pipeline_runs.labels(batches))


def test_too_many_damaged_records_are_an_error(dataset):
    for number in (1, 2, 3):
        records.flip_bit(dataset.shards, number)
    verified = VerifiedRecords(dataset, skipped=SkippedRecords(dataset, lambda line: None))
    with pytest.raises(UserError, match=r"3 of the 23 records of split 'train' are damaged"):
        verified.intact(np.arange(COUNT))


def test_a_single_damaged_record_is_never_replaced_by_itself(tmp_path):
    records.write_pictures(tmp_path / 'a_train-00000-of-00001', [0])
    (tmp_path / 'labels.txt').write_text('one\n')
    dataset = dataset_factory.get_dataset('a', 'train', str(tmp_path))
    records.flip_bit(dataset.shards, 0)
    verified = VerifiedRecords(dataset, skipped=SkippedRecords(dataset, lambda line: None))
    with pytest.raises(UserError, match='1 of the 1 records'):
        verified.replaced([0])
