"""What the everyday commands call: flags, folders, spaces, and what they propose next."""

import json
import os
import re
import shlex

import pytest

from common.errors import UserError

CASES = {
    'convert_tfrecord': (
        'download_and_convert_data.py',
        ['--dataset_name=my_flower_5', '--dataset_dir={home}/data/flower'],
    ),
    'run_eval': (
        'eval_image_classifier.py',
        [
            '--dataset_name=my_flower_5',
            '--dataset_dir={home}/data/flower',
            '--dataset_split_name=validation',
            '--model_name=inception_v4',
            '--checkpoint_path={home}/train/my_flower_5_inception_v4',
            '--eval_dir={home}/train/my_flower_5_inception_v4/eval',
            '--batch_size=32',
            '--eval_interval_secs=60',
        ],
    ),
    'classify': ('classify_image.py', ['--model={home}/train/my_flower_5_inception_v4']),
    'server': (
        'server.py',
        [
            '--host=0.0.0.0',
            '--model_name=./my_inception_v4_freeze.pb',
            '--upload_folder=/tmp/upload',
        ],
    ),
    'tensorboard': (
        '-c',
        ['--logdir={home}/train/my_flower_5_inception_v4', '--reload_multifile=true'],
    ),
}


@pytest.mark.parametrize('name', CASES)
def test_programs_get_the_settings_and_then_what_is_typed(commands, name):
    program, flags = CASES[name]
    if name == 'server':
        (commands.here / 'my_inception_v4_freeze.pb').touch()
    (call,) = commands(name, '--more=a b', 'x y.jpg')
    assert call.program == program
    expected = [flag.format(home=commands.home) for flag in flags]
    assert call.flags[-len(expected) - 2 :] == [*expected, '--more=a b', 'x y.jpg']
    assert call.environment['TRAIN_DIR'] == f'{commands.home}/train/my_flower_5_inception_v4'


def test_environment_variables_override_the_file(commands, monkeypatch):
    settings = {
        'DATASET_NAME': 'two kinds',
        'DATASET_DIR': '/data',
        'MODEL_NAME': 'lenet',
        'TRAIN_DIR': '/runs/2',
        'EXPORT_DIR': 'out put',
        'UPLOAD_DIR': '',
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    (call,) = commands('run_eval')
    assert call.flags[:2] == ['--dataset_name=two kinds', '--dataset_dir=/data']
    assert call.flags[3:6] == [
        '--model_name=lenet',
        '--checkpoint_path=/runs/2',
        '--eval_dir=/runs/2/eval',
    ]
    (commands.here / 'out put').mkdir()
    (commands.here / 'out put/my_lenet_freeze.pb').touch()
    (call,) = commands('server')
    assert call.flags[1:] == ['--model_name=out put/my_lenet_freeze.pb', '--upload_folder=']


def test_an_edited_env_set_is_read(commands):
    path = commands.root / 'scripts/env_set.sh'
    path.write_text(re.sub('export DATASET_NAME=.*', 'export DATASET_NAME=pets', path.read_text()))
    (call,) = commands('convert_tfrecord')
    assert call.flags[0] == '--dataset_name=pets'


def test_pictures_are_classified_by_the_frozen_graph_if_there_is_one(commands):
    (commands.here / 'my_inception_v4_freeze.pb').touch()
    (call,) = commands('classify', 'tulip.jpg')
    assert call.flags == ['--model=./my_inception_v4_freeze.pb', 'tulip.jpg']


@pytest.fixture
def stages(commands):
    """Return a TRAIN_DIR of finetune.sh whose second stage is the better one."""
    train_dir = commands.home / 'train/my_flower_5_inception_v4'
    for stage, accuracy in ((train_dir, 0.5), (train_dir / 'all', 0.75)):
        (stage / 'eval').mkdir(parents=True)
        (stage / 'checkpoint').write_text('model_checkpoint_path: "model.ckpt-7"\n')
        (stage / 'model.json').write_text('{}')
        figures = {
            'checkpoint': f'{stage}/model.ckpt-7', 'step': 7, 'finished_at': '2026',
            'split_name': 'validation', 'accuracy': accuracy, 'loss': 1.0,
        }  # fmt: skip
        (stage / 'eval/metrics.json').write_text(json.dumps(figures))
    return train_dir


@pytest.mark.parametrize(('name', 'flag'), [('run_eval', 'checkpoint_path'), ('classify', 'model')])
def test_the_better_stage_of_a_fine_tuning_is_used_unless_one_is_given(
    commands, stages, capsys, name, flag
):
    (call,) = commands(name)
    assert call.values[flag] == f'{stages}/all'
    assert capsys.readouterr().err == (
        f'using {stages}/all: validation accuracy 75.00% at step 7 '
        f'({stages}: validation accuracy 50.00% at step 7)\n'
    )
    (call,) = commands(name, f'--{flag}={stages}')
    assert capsys.readouterr().err == ''
    assert not any('all' in word.split('/') for word in call.flags)


def test_one_evaluation_has_no_interval(commands):
    """The program would remark on a flag that the user never gave."""
    (call,) = commands('run_eval', '--run_once')
    assert 'eval_interval_secs' not in call.values


@pytest.mark.parametrize('flag', ['--run_once=False', '--run_once --norun_once'])
def test_with_run_once_off_the_evaluation_waits(commands, flag):
    (call,) = commands('run_eval', *flag.split())
    assert '--eval_interval_secs=60' in call.flags


def test_each_stage_has_results_of_its_own(commands, stages):
    (call,) = commands('run_eval')
    assert f'--eval_dir={stages}/all/eval' in call.flags


def test_an_explicit_eval_dir_is_kept(commands, stages, monkeypatch):
    monkeypatch.setenv('EVAL_DIR', '/data/eval')
    (call,) = commands('run_eval')
    assert '--eval_dir=/data/eval' in call.flags


def proposed(output):
    """Return the words of each command that is proposed."""
    lines = [line for line in output.splitlines() if line.startswith('next: ')]
    return [shlex.split(line.removeprefix('next: ')) for line in lines]


@pytest.mark.parametrize(
    ('command', 'script'),
    [
        ('convert_tfrecord', 'run_train'),
        ('run_eval --run_once', 'export_freeze'),
        ('run_eval', 'export_freeze'),
    ],
)
def test_the_next_script_is_proposed(commands, capsys, command, script):
    commands(*command.split())
    assert proposed(capsys.readouterr().out) == [[f'{commands.root}/scripts/{script}.sh']]


def test_the_next_script_gets_the_settings_of_this_one(commands, capsys, monkeypatch):
    monkeypatch.setenv('MODEL_NAME', 'lenet')
    monkeypatch.setenv('TRAIN_DIR', '/my runs/2')
    commands('convert_tfrecord', '--dataset_name=two kinds', '--output_directory=/records')
    ((*settings, script),) = proposed(capsys.readouterr().out)
    assert settings == [
        'DATASET_NAME=two kinds',
        'DATASET_DIR=/records',
        'MODEL_NAME=lenet',
        'TRAIN_DIR=/my runs/2',
    ]
    assert script == f'{commands.root}/scripts/run_train.sh'


def test_a_checkpoint_that_was_evaluated_is_the_one_to_export(commands, capsys):
    commands('run_eval', '--run_once', '--checkpoint_path=/r/model.ckpt-5')
    (words,) = proposed(capsys.readouterr().out)
    assert words[-1] == '--checkpoint_path=/r/model.ckpt-5'


def test_a_server_without_a_graph_names_the_script_that_makes_it(commands):
    with pytest.raises(UserError, match=r'^\./my_inception_v4_freeze.pb: no such file; .*export_f'):
        commands('server')
    (call,) = commands('server', '--model_name=other.pb')
    assert call.flags[-1] == '--model_name=other.pb'


def test_tensorboard_shows_an_evaluation_from_elsewhere_too(commands, monkeypatch):
    monkeypatch.setenv('TRAIN_DIR', '/t')
    monkeypatch.setenv('EVAL_DIR', '/e f')
    (call,) = commands('tensorboard', '--bind_all')
    assert call.flags[2:] == [
        '--logdir_spec=train:/t,eval:/e f',
        '--reload_multifile=true',
        '--bind_all',
    ]
    assert call.environment['PYTHONSAFEPATH'] == '1'


PROGRAMS = {
    'classify': 'classify_image.py',
    'convert_tfrecord': 'download_and_convert_data.py',
    'download_checkpoint': None,
    'export_freeze': 'export_inference_graph.py',
    'finetune': 'train_image_classifier.py',
    'launch_cluster': 'train_image_classifier.py',
    'quickstart': None,
    'run_eval': 'eval_image_classifier.py',
    'run_train': 'train_image_classifier.py',
    'server': 'server.py',
    'stop_train': None,
    'sweep_learning_rate': 'train_image_classifier.py',
    'tensorboard': '-c',
    'train_from_scratch': 'train_image_classifier.py',
}


@pytest.mark.parametrize('flag', ['--help', '-h'])
@pytest.mark.parametrize('name', PROGRAMS)
def test_help_is_the_scripts_usage_and_then_the_programs(commands, capsys, monkeypatch, name, flag):
    monkeypatch.setenv('CHECKPOINT_PATH', '/none')
    calls = commands(name, flag)
    assert [call.program for call in calls] == [PROGRAMS[name]] * bool(PROGRAMS[name])
    assert all(call.flags[-1] == flag for call in calls)
    output, errors = capsys.readouterr()
    assert re.search(rf'^  scripts/{name}\.sh( |$)', output, re.MULTILINE)
    assert ('set -euo' in output, errors) == (False, '')
    assert os.listdir(commands.here) == []
