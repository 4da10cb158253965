"""A network trained on some classes learns other classes when only its head is trained."""

import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers import model_info, scopes
from datasets import dataset_factory
from datasets.records import pipelines
from datasets.samples import painters
from nets import nets_factory
from preprocessing import preprocessing_factory
from support import training_runs
from support.files import patterns, records
from training.evaluation.evaluator import Evaluator

HEAD = 'MobilenetV1/Logits'
BODY = {
    'model_name': 'mobilenet_v1_025',
    'optimizer': 'adam',
    'opt_epsilon': 1e-8,
    'weight_decay': 0.0,
    'seed': 1,
}


def transfer(runs, first, second):
    """Train on one half of the classes, then the head alone on the other half."""
    first, second = {**BODY, **first}, {**BODY, **second}
    runs.train('body', dataset_name='first', **first)
    head = {'checkpoint_path': runs.path('body'), 'trainable_scopes': HEAD}
    runs.train('head', dataset_name='second', **head, **second)
    before, after = (training_runs.variables(runs.newest(name)) for name in ('body', 'head'))
    shared = before.keys() & after.keys()
    frozen = [name for name in shared if name.startswith('Mobilenet') and HEAD not in name]
    assert len(frozen) == 135
    assert [name for name in frozen if after[name].tobytes() != before[name].tobytes()] == []
    assert validation_accuracy(runs, 'validation') >= 0.8
    trained, evaluated = training_accuracy(runs), validation_accuracy(runs, 'train')
    assert trained == pytest.approx(evaluated, abs=0.02)


def validation_accuracy(runs, split_name):
    dataset = dataset_factory.get_dataset('second', split_name, runs.dataset_dir)
    with Evaluator(model_info.read_beside(runs.path('head')), dataset, 100) as evaluator:
        return evaluator.evaluate(runs.newest('head').path).accuracy


def training_accuracy(runs):
    """Return the accuracy on the training pictures of the network as it is trained."""
    dataset = dataset_factory.get_dataset('second', 'train', runs.dataset_dir)
    info = model_info.read_beside(runs.path('head'))
    recipe = preprocessing_factory.get_preprocessing(
        info.preprocessing_name, height=info.image_size, width=info.image_size
    )
    with tf.Graph().as_default(), tf.Session() as session:
        batches = pipelines.evaluation_batches(dataset, recipe, 50)
        images, labels, _ = tf.data.make_one_shot_iterator(batches).get_next()
        network_fn = nets_factory.get_network_fn(
            info.model_name, info.num_classes, is_training=True, frozen=scopes.frozen([HEAD])
        )
        logits, _ = network_fn(images)
        right = tf.equal(tf.argmax(logits, 1), labels)
        tf.train.Saver().restore(session, runs.newest('head').path)
        batches = [session.run(right) for _ in range(-(-dataset.num_samples // 50))]
    return np.concatenate(batches).mean()


def test_a_head_alone_learns_other_classes(tmp_path):
    for half in patterns.HALVES:
        patterns.write(tmp_path / 'data', half, {'train': 300, 'validation': 100})
    runs = training_runs.Runs(str(tmp_path / 'data'), tmp_path)
    small = {'train_image_size': 32, 'batch_size': 20, 'augmentation': 'none'}
    transfer(
        runs,
        {'max_number_of_steps': 160, 'learning_rate': 0.005, 'batch_norm_decay': 0.9, **small},
        {'max_number_of_steps': 80, 'learning_rate': 0.03, **small},
    )


@pytest.mark.soak
def test_a_head_alone_learns_other_flowers(tmp_path):
    kinds = painters.KINDS
    halves = {'first': kinds[:3], 'second': kinds[3:]}
    os.makedirs(tmp_path / 'data')
    for half, names in halves.items():
        for split, size in (('train', 600), ('validation', 120)):
            path = tmp_path / 'data' / f'{half}_{split}_00000-of-00001.tfrecord'
            records.write(path, [flower(names, split, number) for number in range(size)])
        labels = ''.join(f'{number}:{name}\n' for number, name in enumerate(names))
        (tmp_path / 'data' / f'{half}_labels.txt').write_text(labels)
    runs = training_runs.Runs(str(tmp_path / 'data'), tmp_path)
    large = {'train_image_size': 128, 'batch_size': 32, 'end_learning_rate': 0.0}
    large['learning_rate_decay_type'] = 'cosine'
    transfer(
        runs,
        {'num_epochs': 60.0, 'learning_rate': 0.01, 'batch_norm_decay': 0.95, **large},
        {'num_epochs': 30.0, 'learning_rate': 0.01, **large},
    )


def flower(names, split, number):
    label = number % len(names)
    return records.example(painters.draw_flower(names[label], f'{split}/{number}'), label)
