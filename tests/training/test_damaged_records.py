"""A flipped bit in a record: training and evaluation stop and name it, or leave it out."""

import os
import re
import shutil

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from common.errors import UserError
from datasets import dataset_factory
from serving.export import parity
from support import training_runs
from support.files import classifier_files, records

SHARD = 'drawn_train_00000-of-00001.tfrecord'


@pytest.fixture
def damaged(runs, tmp_path):
    """Let the runs read a copy of the drawn pictures in which record 17 has a flipped bit."""
    runs.dataset_dir = str(shutil.copytree(runs.dataset_dir, tmp_path / 'damaged'))
    shards = dataset_factory.get_dataset('drawn', 'train', runs.dataset_dir).shards
    records.flip_bit(shards, 17)
    return runs


def test_a_flipped_bit_ends_a_training_in_one_line(damaged, capfd):
    with pytest.raises(UserError) as error:
        damaged.train(num_epochs=1, seed=1, save_interval_secs=0)
    message = (
        rf'\S+{SHARD}: record 17 is damaged: it fails its checksum; .*--skip_damaged_records.*'
    )
    assert re.fullmatch(message, str(error.value))
    assert damaged.newest().step == 0


def test_a_skipped_record_is_counted_and_a_resumed_run_stays_exact(damaged, log_lines):
    options = {'skip_damaged_records': True, 'seed': 1, 'class_weights': 'balanced'}
    damaged.train('whole', max_number_of_steps=15, **options)
    skipped = [line for line in log_lines() if 'SKIPPED' in line]
    assert len(skipped) == 1
    assert f'{SHARD}: record 17 is damaged' in skipped[0]
    assert "Skipped 1 damaged records of the 60 of split 'train'" in log_lines()
    damaged.train('parts', max_number_of_steps=7, **options)
    damaged.train('parts', max_number_of_steps=15, **options)
    assert training_runs.different(damaged.newest('whole'), damaged.newest('parts')) == []


def test_the_first_record_of_a_shard_may_be_skipped(damaged):
    shards = dataset_factory.get_dataset('drawn', 'train', damaged.dataset_dir).shards
    records.flip_bit(shards, 0)
    with pytest.raises(UserError, match=f'{SHARD}: record 0 is damaged'):
        damaged.train('refused', max_number_of_steps=1)
    assert damaged.train(max_number_of_steps=1, skip_damaged_records=True) == 0


@pytest.fixture
def pictures(program, data, tmp_path):
    """Let the evaluations read a copy of their pictures in which record 4 has a flipped bit."""
    program.data = shutil.copytree(data, tmp_path / 'damaged')
    program.save()
    records.flip_bit(classifier_files.dataset(program.data).shards, 4)
    return program


def test_a_flipped_bit_ends_an_evaluation_in_one_line(pictures):
    with pytest.raises(UserError, match=r'00000-of-00001\S*: record 4 is damaged: .*; convert'):
        pictures.run()
    assert not os.path.exists(pictures.eval_dir / 'metrics.json')


def test_an_evaluation_counts_the_other_records(pictures, log_lines):
    pictures.run(skip_damaged_records=True)
    assert pictures.json()['examples'] == classifier_files.EXAMPLES - 1
    names = [row['file_name'] for row in pictures.rows('predictions.csv')]
    expected = np.delete(np.arange(classifier_files.EXAMPLES), 4)
    assert names == [f'validation/{number}.png' for number in expected]
    assert len([line for line in log_lines() if 'SKIPPED' in line]) == 1
    assert "Skipped 1 damaged records of the 23 of split 'validation'" in log_lines()


def test_the_check_of_an_export_reads_no_damaged_record(pictures):
    with pytest.raises(UserError, match=r'00000-of-00001\S*: record 4 is damaged'):
        parity.pictures(classifier_files.NAME, str(pictures.data), 10)


def test_class_names_come_from_intact_records_alone(tmp_path):
    path = tmp_path / 'pets_train-00000-of-00001'
    texts = [b'cat', b'dog', b'cat']
    examples = [
        records.example(b'a picture', label, **{'image/class/text': text})
        for label, text in zip([0, 1, 0], texts, strict=True)
    ]
    # A label of 2**40 would ask for as many names.
    wrong = records.example(b'a picture', 2**40, **{'image/class/text': b'owl'})
    records.write(path, [*examples, wrong])
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    dataset = dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    assert dataset.class_names == ['cat', 'dog']


def test_a_damaged_length_is_blamed_on_its_own_record(tmp_path):
    path = tmp_path / 'pets_train-00000-of-00001'
    records.write(path, [tf.train.Example().SerializeToString() + bytes(n) for n in (50, 60, 70)])
    content = bytearray(path.read_bytes())
    content[50 + 16] ^= 4  # The second record's length.
    path.write_bytes(content)
    with pytest.raises(UserError, match='record 1 is damaged or cut off'):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))
