"""Training end to end on a few pictures: begin, stop, resume, finish."""

import json
import os
import re
import shutil
import types

import pytest

from classifiers import model_info
from common.errors import UserError
from support import training_runs
from support.files import checkpoint_files
from training import preparation, session
from training.jobs import run_directory
from training.options import TrainOptions


def test_a_run_learns_and_leaves_what_the_other_programs_need(runs, log):
    assert runs.train(max_number_of_steps=40, seed=1, batch_size=10, learning_rate=0.01) == 0
    losses = re.findall(
        r'global step (\d+): loss = (\d+\.\d{4}) \(\d+\.\d{3} sec/step\) \d+\.\d images/sec', log()
    )
    assert [int(step) for step, _ in losses] == [10, 20, 30, 40]
    assert float(losses[-1][1]) < float(losses[0][1])
    assert runs.newest().step == 40
    info = model_info.read_beside(runs.path())
    assert (info.model_name, info.num_classes) == ('lenet', 5)
    assert info.class_names == training_runs.CLASSES
    assert (info.image_size, info.channels, info.preprocessing_name) == (28, 1, 'lenet')
    assert info.dataset_name == training_runs.DATASET
    checkpoints = [name for name in os.listdir(runs.path()) if name.startswith('model.ckpt')]
    assert all(
        re.fullmatch(r'model\.ckpt-\d+\.(data-00000-of-00001|index|meta)', name)
        for name in checkpoints
    )


def test_the_log_says_what_was_chosen_and_why(runs, log):
    runs.train(max_number_of_steps=1, num_clones=2, clone_on_cpu=True)
    assert 'Using image size 28 (the default of lenet)' in log()
    assert 'Training lenet on 60 pictures of 5 classes (drawn, train)' in log()
    assert 'Global batch 8: 4 pictures per clone of 2' in log()
    assert 'All 8 variables start at random; 8 are trained' in log()
    assert f'Saving checkpoint to path {runs.path()}/model.ckpt-1' in log()


@pytest.mark.parametrize(('name', 'source'), [('pets', '(pets, train)'), ('', '(train)')])
def test_records_without_a_name_leave_no_gap_in_the_log(name, source):
    run = types.SimpleNamespace(
        options=TrainOptions(dataset_name=name),
        place=types.SimpleNamespace(num_workers=1),
        info=types.SimpleNamespace(model_name='lenet', num_classes=2),
        dataset=types.SimpleNamespace(num_samples=9, dataset_name=name, split_name='train'),
        images_per_step=32,
        last_step=1,
    )
    first, *_ = preparation._lines(run)
    assert first == f'Training lenet on 9 pictures of 2 classes {source}'


def test_a_train_dir_that_holds_a_run_is_resumed(trained, log):
    trained.train(max_number_of_steps=4, checkpoint_path=trained.path())
    assert f'Resuming the run in {trained.path()} at step 2' in log()
    assert f'--checkpoint_path is ignored: {trained.path()} already contains a run' in log()
    assert trained.newest().step == 4


def test_a_finished_run_trains_no_step_more(trained, log):
    before = sorted(os.listdir(trained.path()))
    assert trained.train(max_number_of_steps=2) == 0
    assert f'Nothing to do: {trained.path()} is at step 2, and the run ends at 2' in log()
    status = run_directory.read_status(trained.path(), os.getpid())
    assert (status.state, status.step, status.last_step) == ('finished', 2, 2)
    assert sorted(os.listdir(trained.path())) == before


@pytest.mark.parametrize(
    ('typed', 'words'),
    [
        ({'model_name': 'cifarnet'}, '--model_name=cifarnet contradicts'),
        ({'labels_offset': 1}, '--labels_offset=1 contradicts'),
    ],
)
def test_a_train_dir_of_another_network_is_an_error(trained, typed, words):
    with pytest.raises(UserError, match=words):
        trained.train(max_number_of_steps=3, **typed)


def test_a_train_dir_of_other_classes_is_an_error(trained):
    path = os.path.join(trained.path(), 'model.json')
    with open(path, encoding='utf-8') as stream:
        content = json.load(stream)
    content['class_names'][0] = 'orchid'
    with open(path, 'w', encoding='utf-8') as stream:
        json.dump(content, stream)
    with pytest.raises(UserError, match="class 0 is 'daisy' in the data set and 'orchid'"):
        trained.train(max_number_of_steps=3)


def test_a_train_dir_of_tf_slim_is_resumed(runs, log):
    """It has no model.json, and slots and averages under the names of TF 1.x."""
    options = {'optimizer': 'rmsprop', 'moving_average_decay': 0.9}
    runs.train(max_number_of_steps=2, **options)
    values = training_runs.variables(runs.newest())
    assert {
        'global_step',
        'LeNet/conv1/weights',
        'LeNet/conv1/weights/RMSProp',
        'LeNet/conv1/weights/RMSProp_1',
        'LeNet/conv1/weights/ExponentialMovingAverage',
    } <= values.keys()
    older = runs.path('older')
    checkpoint_files.write(older, values, step=2)
    runs.train('older', max_number_of_steps=3, **options)
    assert '33 of 33 variables come from the checkpoint' in log()
    assert runs.newest('older').step == 3
    assert model_info.read_beside(older).moving_average_decay == 0.9


def test_a_second_trainer_is_kept_out(runs):
    from training import saving

    with saving.claimed(runs.path()):
        with pytest.raises(UserError, match='another process is training there'):
            runs.train(max_number_of_steps=1)


def test_what_a_killed_process_left_is_cleared_away(trained):
    left = os.path.join(trained.path(), 'model.ckpt-7.data-00000-of-00001.tempstate123')
    with open(left, 'w'):
        pass
    trained.train(max_number_of_steps=2)
    assert not os.path.exists(left)


def test_as_many_checkpoints_stay_as_asked_for_across_restarts(runs):
    runs.train(max_number_of_steps=4, save_interval_steps=1, keep_checkpoints=3)
    runs.train(max_number_of_steps=6, save_interval_steps=1, keep_checkpoints=3)
    steps = {name for name in os.listdir(runs.path()) if name.endswith('.index')}
    assert steps == {f'model.ckpt-{step}.index' for step in (4, 5, 6)}


def test_a_moved_train_dir_goes_on(trained):
    shutil.move(trained.path(), trained.path('moved'))
    trained.train('moved', max_number_of_steps=3)
    assert trained.newest('moved').step == 3


def test_a_run_ends_after_its_epochs(runs):
    runs.train(num_epochs=0.2, batch_size=5)
    assert runs.newest().step == 3


def test_a_run_that_cannot_learn_much_says_what_to_pass(runs, log, monkeypatch):
    monkeypatch.setattr(session, 'loop', lambda *arguments: None)
    network = {'model_name': 'mobilenet_v1_025', 'train_image_size': 32, 'batch_size': 16}
    runs.train(max_number_of_steps=1, optimizer='adam', **network)
    assert 'too short for batch norm with decay 0.9997' in log()
    assert 'pass --batch_norm_decay=0.5' in log()
    (advice,) = run_directory.read_status(runs.path()).advice
    assert advice in log()
    assert "adam learns slowly with an epsilon of 1 (TF-Slim's default)" in log()


def test_balanced_classes_train(runs):
    assert runs.train(max_number_of_steps=1, class_weights='balanced', label_smoothing=0.1) == 0


@pytest.mark.parametrize(
    ('typed', 'words'),
    [
        ({'dataset_dir': None}, '--dataset_dir is missing'),
        ({'dataset_split_name': 'tests'}, "no split 'tests'"),
        ({'checkpoint_path': '/nowhere/model.ckpt'}, '/nowhere/model.ckpt: no such checkpoint'),
        ({'trainable_scopes': 'LeNet/fc5'}, '--trainable_scopes: no variable .* is in'),
        ({'model_name': 'lenet5'}, "--model_name=lenet5: unknown network 'lenet5'"),
    ],
)
def test_mistakes_are_one_line(runs, typed, words):
    with pytest.raises(UserError, match=words) as error:
        runs.train(max_number_of_steps=1, **typed)
    assert '\n' not in str(error.value)
