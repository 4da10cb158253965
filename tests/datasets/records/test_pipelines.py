"""The pipeline of evaluation, and the search for the picture that made one fail."""

import numpy as np
import pytest

from datasets import dataset_factory
from datasets.records import pipelines
from datasets.records.verified_records import SkippedRecords, VerifiedRecords
from preprocessing import preprocessing_factory
from support import pipeline_runs
from support.files import records
from support.pipeline_runs import COUNT


@pytest.fixture
def dataset(tmp_path):
    """Return three shards in which picture k has the label k."""
    return pipeline_runs.pets(tmp_path)


def _preprocess(name='inception', side=16):
    return preprocessing_factory.get_preprocessing(name, height=side, width=side)


def test_evaluation_is_one_pass_in_file_order(dataset):
    preprocess = _preprocess('lenet', side=40)
    batches = pipeline_runs.run(
        lambda: pipelines.evaluation_batches(dataset, preprocess, 10, labels_offset=1), None
    )
    assert [len(images) for images, _, _ in batches] == [10, 10, 3]
    assert list(pipeline_runs.labels(batches)) == list(range(-1, COUNT - 1))
    names = np.concatenate([names for _, _, names in batches])
    assert list(names) == [f'{k}.png'.encode() for k in range(COUNT)]
    picture = batches[1][0][2, 5:35] * 128 + 128
    np.testing.assert_allclose(picture, records.picture(12), atol=1e-3)


def test_evaluation_of_records_without_names(tmp_path):
    data = records.encoded(records.picture(0))
    records.write(tmp_path / 'a_train-00000-of-00001', [records.example(data, 0)])
    (tmp_path / 'labels.txt').write_text('one')
    dataset = dataset_factory.get_dataset('a', 'train', str(tmp_path))
    preprocess = _preprocess()
    ((_, _, names),) = pipeline_runs.run(
        lambda: pipelines.evaluation_batches(dataset, preprocess, 4), None
    )
    assert list(names) == [b'']


def test_an_evaluation_leaves_skipped_records_out(dataset):
    for number in (0, 22):
        records.flip_bit(dataset.shards, number)
    verified = VerifiedRecords(dataset, skipped=SkippedRecords(dataset, lambda line: None))
    preprocess = _preprocess()
    batches = pipeline_runs.run(
        lambda: pipelines.evaluation_batches(dataset, preprocess, 10, records=verified), None
    )
    assert list(pipeline_runs.labels(batches)) == list(range(1, 22))
    assert [verified.skipped.number_of(place) for place in (0, 20)] == [1, 21]


def test_the_search_for_a_bad_picture_passes_over_skipped_records(dataset):
    records.flip_bit(dataset.shards, 3)
    verified = VerifiedRecords(dataset, skipped=SkippedRecords(dataset, lambda line: None))
    verified.intact(range(dataset.num_samples))
    pipelines.require_pictures(verified, range(dataset.num_samples))
