"""--optimizer=lbfgs: the last layers are fitted exactly, and the rest is as any training's."""

import os

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from classifiers import model_info
from common import files
from common.errors import UserError
from datasets import dataset_factory
from heads import features, solver
from support import training_runs
from support.files import records
from training.evaluation.evaluator import Evaluator
from training.head_only.cache_options import CacheOptions
from training.jobs import run_directory
from training.signals import StopRequest

MOBILENET = {'model_name': 'mobilenet_v1_025', 'train_image_size': 32, 'seed': 1}
INCEPTION = {'model_name': 'inception_v3', 'train_image_size': 107, 'seed': 1}


def fit(runs, name='run', **typed):
    """Fit a head; the learning rate is the program's default."""
    cache = CacheOptions(features_dir=runs.path('features'))
    options = {'optimizer': 'lbfgs', 'learning_rate': 0.01, 'cache': cache, **typed}
    return runs.train(name, **options)


def split(runs, name='train'):
    return dataset_factory.get_dataset(training_runs.DATASET, name, runs.dataset_dir)


def evaluated(runs, split_name, name='run'):
    """Return (probabilities, labels) of a checkpoint as an evaluation computes them."""
    batches = []
    info = model_info.read_beside(runs.path(name))
    with Evaluator(info, split(runs, split_name), 32) as evaluator:
        evaluator.evaluate(runs.newest(name).path, batches.append)
    probabilities = np.exp(np.concatenate([batch.log_probabilities for batch in batches]))
    return probabilities, np.concatenate([batch.labels for batch in batches])


def by_hand(runs, strength, class_weight=None, name='run'):
    """Return scikit-learn's probabilities for a split, from the features of the checkpoint."""
    info = model_info.read_beside(runs.path(name))
    (train, outputs), (other, _) = (
        _features(runs, info, part, name) for part in ('train', 'validation')
    )
    mean = train.mean(axis=0, dtype=np.float64)
    scale = np.linalg.norm(train - mean, axis=1).mean()
    model = LogisticRegression(C=strength, tol=1e-12, max_iter=100_000, class_weight=class_weight)
    return model.fit((train - mean) / scale, outputs).predict_proba((other - mean) / scale)


def _features(runs, info, part, name):
    found = features.of_checkpoint(
        info, runs.newest(name).path, split(runs, part), runs.path('features')
    )
    rows, *_ = found.arrays[0].values()
    return np.array(rows), found.outputs


def chosen(log_lines):
    """Return the C of the log's last line about the choice."""
    line = next(line for line in reversed(log_lines()) if line.startswith('Chosen for '))
    return float(line.partition('C = ')[2].partition(',')[0])


@pytest.mark.parametrize('network', [{'seed': 1}, MOBILENET], ids=['connected', 'convolution'])
def test_checkpoint_has_the_head_of_scikit_learn(network, runs, log_lines):
    assert fit(runs, **network) == 0
    probabilities, labels = evaluated(runs, 'validation')
    np.testing.assert_allclose(probabilities, by_hand(runs, chosen(log_lines)), atol=1e-4)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.2


def test_checkpoint_is_like_that_of_any_training(trained):
    shared = {'checkpoint_path': trained.path(), 'trainable_scopes': 'head'}
    trained.train('steps', max_number_of_steps=1, **shared)
    fit(trained, 'fitted', **shared)
    before, steps, fitted = (
        training_runs.variables(trained.newest(name)) for name in ('run', 'steps', 'fitted')
    )
    assert trained.newest('fitted').step == 1
    assert fitted.keys() == steps.keys()
    assert fitted['global_step'] == 1
    changed = [name for name in before if fitted[name].tobytes() != before[name].tobytes()]
    assert sorted(changed) == ['LeNet/fc4/biases', 'LeNet/fc4/weights', 'global_step']
    infos = [model_info.read_beside(trained.path(name)) for name in ('steps', 'fitted')]
    assert infos[0] == infos[1]


def test_log_has_the_grid_and_the_choice(runs, log_lines):
    fit(runs, seed=1, validate_every_n_epochs=1.0)
    lines = log_lines()
    heading = next(number for number, line in enumerate(lines) if line.split()[:1] == ['C'])
    rows = []
    for line in lines[heading + 1 :]:
        if line.startswith('Chosen'):
            break
        rows.append([float(word) for word in line.split()])
    assert [row[0] for row in rows] == list(solver.STRENGTHS[: len(rows)])
    best = min(rows, key=lambda row: row[1])
    assert rows[[row[0] for row in rows].index(chosen(log_lines))][1] == best[1]
    text = '\n'.join(lines)
    assert f'accuracy in 5-fold cross-validation {best[2]:.4f} +/- {best[3]:.4f}' in text
    assert training_runs.steps_in(text.replace('global', 'INFO:tensorflow:global')) == [1]
    assert f'Saving checkpoint to path {runs.path()}/model.ckpt-1' in text
    assert 'Last step' not in text
    assert lines[-1] == 'Finished training.'


def test_loss_and_accuracy_are_those_of_an_evaluation(runs, log, log_lines):
    fit(runs, seed=1, validate_every_n_epochs=2.0)
    (row,) = files.read_json(f'{runs.path()}/{run_directory.VALIDATIONS}')
    probabilities, labels = evaluated(runs, 'validation')
    assert row['step'] == 1
    assert row['accuracy'] == pytest.approx((probabilities.argmax(axis=1) == labels).mean())
    probabilities, labels = evaluated(runs, 'train')
    loss = -np.log(probabilities[np.arange(len(labels)), labels]).mean()
    line = next(line for line in log_lines() if line.startswith('global step 1: loss = '))
    assert float(line.split()[5]) == pytest.approx(loss, abs=1e-4)


def test_balanced_classes_are_those_of_scikit_learn(runs, log_lines):
    uneven = [number for number in range(60) if number % 5 or number < 15]
    examples = [training_runs._example('train', number) for number in uneven]
    directory = f'{runs.directory}/uneven'
    runs.dataset_dir = training_runs.pictures(directory)
    records.write(f'{directory}/drawn_train_00000-of-00001.tfrecord', examples)
    fit(runs, seed=1, class_weights='balanced')
    probabilities, _ = evaluated(runs, 'validation')
    expected = by_hand(runs, chosen(log_lines), class_weight='balanced')
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)
    assert np.abs(probabilities - by_hand(runs, chosen(log_lines))).max() > 1e-3


def test_same_command_gives_the_same_bits(runs):
    """Also without --seed: the random body and the folds are the same."""
    for name in ('one', 'other'):
        fit(runs, name, cache=CacheOptions(features_dir=runs.path(f'features_{name}')))
    assert training_runs.different(runs.newest('one'), runs.newest('other')) == []


def test_finished_run_is_not_fitted_again(runs, log):
    fit(runs)
    before = training_runs.variables(runs.newest())
    fit(runs)
    assert f'Nothing to do: {runs.path()} is at step 1, and the run ends at 1' in log()
    assert training_runs.variables(runs.newest()).keys() == before.keys()


class StopAt(StopRequest):
    """A request that comes when it is looked at for the n-th time."""

    looks_left = 0

    def __bool__(self):
        type(self).looks_left -= 1
        return type(self).looks_left < 0


@pytest.mark.parametrize('looks', [0, 1, 3], ids=['before', 'in the pass', 'in the fit'])
def test_stopped_run_saves_nothing_and_resumes(looks, runs, log, monkeypatch):
    fit(runs, 'whole', seed=1)
    monkeypatch.setattr('training.train.StopRequest', StopAt)
    StopAt.looks_left = looks
    fit(runs, seed=1, cache=CacheOptions(features_dir=runs.path('others')))
    assert runs.newest() is None
    assert run_directory.read_status(runs.path(), os.getpid()).state == run_directory.STOPPED
    assert 'Stopped on request; run the same command again to resume' in log()
    monkeypatch.setattr('training.train.StopRequest', StopRequest)
    fit(runs, seed=1, cache=CacheOptions(features_dir=runs.path('others')))
    assert training_runs.different(runs.newest(), runs.newest('whole')) == []


@pytest.mark.soak
def test_auxiliary_head_is_fitted_too(runs, log):
    fit(runs, **INCEPTION)
    values = training_runs.variables(runs.newest())
    for layer in ('Logits/Conv2d_1c_1x1', 'AuxLogits/Conv2d_2b_1x1'):
        assert f'Chosen for InceptionV3/{layer}: C = ' in log()
        # A fit has biases, and weights that add up to 0 over the classes.
        assert np.abs(values[f'InceptionV3/{layer}/biases']).max() > 0
        sums = values[f'InceptionV3/{layer}/weights'].sum(axis=-1)
        np.testing.assert_allclose(sums, 0, atol=1e-4)


@pytest.mark.soak
def test_auxiliary_head_of_training_alone_is_left_out(runs, log):
    network = {'model_name': 'nasnet_mobile', 'train_image_size': 32}
    fit(runs, **network)
    assert 'logistic regression fits final_layer/FC' in log()
    assert not [name for name in training_runs.variables(runs.newest()) if name.startswith('aux')]
    # Training in steps begins with a random one.
    steps = {'checkpoint_path': runs.newest().path, 'max_number_of_steps': 1, 'batch_size': 16}
    runs.train('steps', **steps, **network)
    assert 'Left out (the checkpoint has no auxiliary head)' in log()


def test_wider_scopes_are_named_and_left_alone(trained, log):
    fit(trained, 'fitted', checkpoint_path=trained.path(), trainable_scopes='LeNet/fc')
    assert '2 other variables in --trainable_scopes are not trained' in log()
    before, after = (training_runs.variables(trained.newest(name)) for name in ('run', 'fitted'))
    name = 'LeNet/fc3/weights'
    assert before[name].tobytes() == after[name].tobytes()


def test_scopes_without_the_last_layer_are_refused(runs):
    with pytest.raises(UserError, match=r'--trainable_scopes=LeNet/fc3: .* fits LeNet/fc4, which'):
        fit(runs, trainable_scopes='LeNet/fc3')
    assert runs.newest() is None


def test_pictures_of_one_class_are_refused_before_the_pass(runs):
    directory = f'{runs.directory}/one_class'
    runs.dataset_dir = training_runs.pictures(directory)
    examples = [training_runs._example('train', number) for number in (0, 5, 10)]
    records.write(f'{directory}/drawn_train_00000-of-00001.tfrecord', examples)
    with pytest.raises(UserError, match=r"all pictures of split 'train' in .* are of one class"):
        fit(runs)


def test_classes_with_few_pictures_are_named(runs, log):
    directory = f'{runs.directory}/few'
    runs.dataset_dir = training_runs.pictures(directory)
    examples = [training_runs._example('train', number) for number in (0, 1, 2, 5, 6, 10, 11)]
    records.write(f'{directory}/drawn_train_00000-of-00001.tfrecord', examples)
    fit(runs)
    names = training_runs.CLASSES
    assert f'No pictures: {names[3]}, {names[4]}; the head gives such a class' in log()
    assert f'never held out in the cross-validation: {names[2]}' in log()


def test_damaged_record_is_left_out(runs, log):
    directory = f'{runs.directory}/damaged'
    runs.dataset_dir = training_runs.pictures(directory)
    records.flip_bit(split(runs).shards, 17)
    with pytest.raises(UserError, match='record 17 is damaged'):
        fit(runs)
    assert fit(runs, skip_damaged_records=True) == 0
    assert 'to 59 pictures' in log()
    assert runs.newest().step == 1
