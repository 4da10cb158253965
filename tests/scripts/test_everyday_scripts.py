"""What the everyday scripts call: flags, folders, spaces; the programs are stand-ins."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess

import pytest

from support.shell.script_checkout import ROOT, Checkout, write_python


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


CASES = {
    'convert_tfrecord.sh': (
        'download_and_convert_data.py',
        ['--dataset_name=my_flower_5', '--dataset_dir={home}/data/flower'],
    ),
    'run_eval.sh': (
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
    'classify.sh': ('classify_image.py', ['--model={home}/train/my_flower_5_inception_v4']),
    'server.sh': (
        'server.py',
        [
            '--host=0.0.0.0',
            '--model_name=./my_inception_v4_freeze.pb',
            '--upload_folder=/tmp/upload',
        ],
    ),
    'tensorboard.sh': (
        'main.py',
        ['--logdir={home}/train/my_flower_5_inception_v4', '--reload_multifile=true'],
    ),
}


@pytest.mark.parametrize('script', CASES)
def test_scripts_call_their_program_with_the_settings_and_then_what_is_typed(checkout, script):
    program, flags = CASES[script]
    if script == 'server.sh':
        (checkout.here / 'my_inception_v4_freeze.pb').touch()
    (call,) = checkout.calls(script, '--more=a b', 'x y.jpg')
    assert call['program'] == program
    expected = [flag.format(home=checkout.home) for flag in flags]
    assert call['flags'] == [*expected, '--more=a b', 'x y.jpg']
    assert call['folder'] == str(checkout.here)
    assert call['python'] == str(checkout.root / '.venv/bin/python')


def test_the_environment_wins_over_the_settings(checkout):
    settings = {
        'DATASET_NAME': 'two kinds',
        'DATASET_DIR': '/data',
        'MODEL_NAME': 'lenet',
        'TRAIN_DIR': '/runs/2',
        'EXPORT_DIR': 'out put',
        'UPLOAD_DIR': '',
    }
    (call,) = checkout.calls('run_eval.sh', **settings)
    assert call['flags'][:2] == ['--dataset_name=two kinds', '--dataset_dir=/data']
    assert call['flags'][3:6] == [
        '--model_name=lenet',
        '--checkpoint_path=/runs/2',
        '--eval_dir=/runs/2/eval',
    ]
    (checkout.here / 'out put').mkdir()
    (checkout.here / 'out put/my_lenet_freeze.pb').touch()
    (call,) = checkout.calls('server.sh', **settings)
    assert call['flags'][1:] == ['--model_name=out put/my_lenet_freeze.pb', '--upload_folder=']


def test_a_changed_file_of_settings_is_all_that_is_needed(checkout):
    path = checkout.root / 'scripts/env_set.sh'
    changed = re.sub('export DATASET_NAME=.*', 'export DATASET_NAME=pets', path.read_text())
    path.write_text(changed)
    (call,) = checkout.calls('convert_tfrecord.sh')
    assert call['flags'][0] == '--dataset_name=pets'


def test_pictures_are_classified_by_the_frozen_graph_if_there_is_one(checkout):
    (checkout.here / 'my_inception_v4_freeze.pb').touch()
    (call,) = checkout.calls('classify.sh', 'tulip.jpg')
    assert call['flags'] == ['--model=./my_inception_v4_freeze.pb', 'tulip.jpg']


@pytest.fixture
def stages(checkout):
    """Return a TRAIN_DIR of finetune.sh whose second stage is the better one."""
    train_dir = checkout.home / 'train/my_flower_5_inception_v4'
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


@pytest.mark.parametrize(
    ('script', 'flag'),
    [('run_eval.sh', 'checkpoint_path'), ('export_freeze.sh', 'checkpoint_path'),
     ('classify.sh', 'model')],
)  # fmt: skip
def test_the_better_stage_of_a_fine_tuning_is_used_unless_one_is_typed(
    checkout, stages, script, flag
):
    done = checkout.run(script)
    assert (done.returncode, done.stderr) == (
        0,
        f'using {stages}/all: validation accuracy 75.00% at step 7 '
        f'({stages}: validation accuracy 50.00% at step 7)\n',
    )
    assert f'--{flag}={stages}/all' in checkout.told()[0]['flags']
    done = checkout.run(script, f'--{flag}={stages}')
    assert (done.returncode, done.stderr) == (0, '')
    assert [f for f in checkout.told()[-1]['flags'] if 'all' in f.split('/')] == []


def test_one_evaluation_is_not_asked_to_wait_as_well(checkout):
    """The program would remark on a flag that the user never typed."""
    (call,) = checkout.calls('run_eval.sh', '--run_once')
    assert [flag for flag in call['flags'] if flag.startswith('--eval_interval_secs')] == []


@pytest.mark.parametrize('flag', ['--run_once=False', '--run_once --norun_once'])
def test_a_switch_that_is_off_leaves_the_evaluation_waiting(checkout, flag):
    (call,) = checkout.calls('run_eval.sh', *flag.split())
    assert '--eval_interval_secs=60' in call['flags']


def test_each_stage_has_results_of_its_own(checkout, stages):
    (call,) = checkout.calls('run_eval.sh')
    assert f'--eval_dir={stages}/all/eval' in call['flags']


def test_an_explicit_eval_dir_is_kept(checkout, stages):
    (call,) = checkout.calls('run_eval.sh', EVAL_DIR='/data/eval')
    assert '--eval_dir=/data/eval' in call['flags']


NEXT = {
    'convert_tfrecord.sh': ('./run_train.sh',),
    'run_eval.sh --run_once': ('./export_freeze.sh',),
    'run_eval.sh': ('./export_freeze.sh',),
    'export_freeze.sh': ('./classify.sh PICTURES', './server.sh'),
}


@pytest.mark.parametrize('command', NEXT)
def test_a_script_that_ends_says_what_comes_next(checkout, command):
    done = checkout.run(*command.split())
    assert done.returncode == 0, done.stderr
    scripts = str(checkout.root / 'scripts')
    told = [line for line in done.stdout.splitlines() if line.startswith('next: ')]
    expected = [each.replace('.', scripts.replace(' ', r'\ '), 1) for each in NEXT[command]]
    assert told == [f'next: {each}' for each in expected]


def test_what_comes_next_has_the_settings_of_the_call(checkout):
    settings = {'MODEL_NAME': 'lenet', 'TRAIN_DIR': '/my runs/2', 'UPLOAD_DIR': '/u'}
    done = checkout.run('convert_tfrecord.sh', '--dataset_name=two kinds', **settings)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith('next: ')]
    *typed, script = shlex.split(line.removeprefix('next: '))
    assert typed == ['DATASET_NAME=two kinds', 'MODEL_NAME=lenet', 'TRAIN_DIR=/my runs/2']
    assert script == f'{checkout.root}/scripts/run_train.sh'


def test_who_serves_before_exporting_is_told_what_comes_first(checkout):
    done = checkout.run('server.sh')
    assert done.returncode == 1
    assert done.stderr.startswith('error: ./my_inception_v4_freeze.pb: no such file; ')
    assert 'export_freeze.sh' in done.stderr
    assert checkout.told() == []
    (call,) = checkout.calls('server.sh', '--model_name=other.pb')
    assert call['flags'][-1] == '--model_name=other.pb'


HELPED = {
    'classify.sh': 'classify_image.py',
    'convert_tfrecord.sh': 'download_and_convert_data.py',
    'export_freeze.sh': 'export_inference_graph.py',
    'finetune.sh': 'train_image_classifier.py',
    'launch_cluster.sh': 'train_image_classifier.py',
    'run_eval.sh': 'eval_image_classifier.py',
    'run_train.sh': 'train_image_classifier.py',
    'server.sh': 'server.py',
    'setup_env.sh': None,
    'sweep_learning_rate.sh': 'train_image_classifier.py',
    'tensorboard.sh': 'main.py',
    'train_from_scratch.sh': 'train_image_classifier.py',
}


@pytest.mark.parametrize('script', HELPED)
def test_help_is_the_scripts_usage_and_then_the_programs(checkout, script):
    for flag in ('--help', '-h'):
        done = checkout.run(script, flag, CHECKPOINT_PATH='/none')
        assert (done.returncode, done.stderr) == (0, '')
        assert re.search(rf'^  scripts/{script}( |$)', done.stdout, re.MULTILINE)
        assert 'set -euo' not in done.stdout
    calls = [(call['program'], call['flags']) for call in checkout.told()]
    program = HELPED[script]
    assert calls == ([(program, ['--help']), (program, ['-h'])] if program else [])
    assert os.listdir(checkout.here) == []


def test_ctrl_c_while_tensorboard_starts_leaves_no_traceback(checkout, tmp_path):
    main = tmp_path / 'packages/tensorboard/main.py'
    main.write_text('import time\nprint("starting", flush=True)\ntime.sleep(60)\n')
    with checkout.start('tensorboard.sh') as started:
        assert started.stdout.readline() == b'starting\n'
        started.send_signal(signal.SIGINT)
        assert started.wait(30) == 130
        assert started.stderr.read() == b''


def test_an_exported_cdpath_leads_no_script_astray(checkout):
    (checkout.home / 'scripts').mkdir()
    done = subprocess.run(
        ['bash', 'scripts/tensorboard.sh'],
        cwd=checkout.root,
        env={**checkout.environment, 'CDPATH': str(checkout.home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, '')
    assert [call['python'] for call in checkout.told()] == [f'{checkout.root}/.venv/bin/python']
    # The others find the checkout in the same way, by sourcing the one that knows how.
    for path in (ROOT / 'scripts').glob('*.sh'):
        assert path.name == 'common.sh' or 'cd "$(dirname' not in path.read_text(), path


def test_tensorboard_shows_an_evaluation_from_elsewhere_too(checkout):
    (call,) = checkout.calls('tensorboard.sh', '--bind_all', TRAIN_DIR='/t', EVAL_DIR='/e f')
    assert call['flags'] == [
        '--logdir_spec=train:/t,eval:/e f',
        '--reload_multifile=true',
        '--bind_all',
    ]


def test_without_an_environment_of_its_own_the_scripts_take_python3(checkout, tmp_path):
    shutil.rmtree(checkout.root / '.venv')
    write_python(tmp_path / 'bin/python3')
    path = f'{tmp_path}/bin:{checkout.environment["PATH"]}'
    (call,) = checkout.calls('convert_tfrecord.sh', PATH=path)
    assert call['python'] == f'{tmp_path}/bin/python3'


@pytest.mark.parametrize('shell', ['bash', 'dash', 'zsh'])
def test_users_own_scripts_read_the_settings(checkout, shell):
    if not shutil.which(shell):
        pytest.skip(f'no {shell} here')
    settings = checkout.root / 'scripts/env_set.sh'
    command = f'set -eu; . "{settings}"; python3 -c "import os; print(os.environ[\'TRAIN_DIR\'])"'
    done = subprocess.run(
        [shell, '-c', command], env=checkout.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f'{checkout.home}/train/my_flower_5_inception_v4\n'
    assert done.stderr == ''


def test_export_and_freeze_know_the_same(checkout):
    train_dir = checkout.home / 'train/my_flower_5_inception_v4'
    train_dir.mkdir(parents=True)
    (train_dir / 'model.json').touch()
    export, freeze = checkout.calls(
        'export_freeze.sh', '--nouse_moving_averages', '--image_size=128', '--', '--clear_devices'
    )
    assert export['flags'] == [
        '--output_file=./my_inception_v4.pb',
        f'--checkpoint_path={train_dir}',
        '--model_name=inception_v4',
        '--nouse_moving_averages',
        '--image_size=128',
    ]
    assert freeze['flags'] == [
        '--input_graph=./my_inception_v4.pb',
        '--input_binary=True',
        f'--input_checkpoint={train_dir}',
        '--output_graph=./my_inception_v4_freeze.pb',
        '--output_node_names=Net/Predictions',
        '--nouse_moving_averages',
        '--clear_devices',
    ]


def test_where_no_description_lies_the_data_set_tells_the_classes(checkout):
    export, _ = checkout.calls('export_freeze.sh')
    assert export['flags'][-2:] == [
        '--dataset_name=my_flower_5',
        f'--dataset_dir={checkout.home}/data/flower',
    ]


def test_an_older_checkpoint_is_frozen_into_the_folder_that_is_wanted(checkout):
    out = checkout.here / 'new folder'
    older = '--checkpoint_path=/runs/model.ckpt-5'
    export, freeze = checkout.calls('export_freeze.sh', older, EXPORT_DIR=str(out))
    assert export['flags'][-1] == older
    assert '--input_checkpoint=/runs/model.ckpt-5' in freeze['flags']
    assert f'--output_graph={out}/my_inception_v4_freeze.pb' in freeze['flags']


@pytest.mark.parametrize(
    ('typed', 'graph', 'description'),
    [
        ('~/x.pb', '{home}/x.pb', '{home}/x.json'),
        ('lenet.v2', 'lenet.v2', 'lenet.v2.json'),
        ('in text.pbtxt', 'in text.pbtxt', 'in text.json'),
    ],
)
def test_a_graph_may_lie_anywhere_and_be_called_anything(checkout, typed, graph, description):
    done = checkout.run(
        'export_freeze.sh', f'--output_file={typed}', '--', f'--output_graph={typed}2'
    )
    assert (done.returncode, done.stderr) == (0, '')
    graph, description = (path.format(home=checkout.home) for path in (graph, description))
    assert os.path.exists(checkout.here / description)
    _, freeze = checkout.told()
    assert f'--input_graph={graph}' in freeze['flags']
    assert done.stdout.splitlines()[:4] == [
        f'the network:        {graph}',
        f'with its weights:   {graph}2',
        f'names of classes:   {graph}2.label',
        f'what it is:         {graph}2.json',
    ]


def test_names_of_the_frozen_graphs_files_are_printed(checkout):
    lines = checkout.run('export_freeze.sh').stdout.splitlines()
    assert lines[2:4] == [
        'names of classes:   ./my_inception_v4_freeze.label',
        'what it is:         ./my_inception_v4_freeze.json',
    ]


@pytest.mark.parametrize('flags', [['--format=tflite'], ['--format', 'tflite']])
def test_other_formats_are_not_frozen(checkout, flags):
    done = checkout.run('export_freeze.sh', *flags)
    assert done.returncode == 1
    assert done.stderr.startswith('error: --format=tflite: only a graph_def is frozen here; ')
    assert f'{checkout.root}/export_inference_graph.py' in done.stderr
    assert checkout.told() == []
    assert os.listdir(checkout.here) == []


def test_a_summary_freezes_nothing(checkout):
    (call,) = checkout.calls('export_freeze.sh', '--summarize=a graph.pb')
    assert call['program'] == 'export_inference_graph.py'
    assert call['flags'] == ['--summarize=a graph.pb']
    assert os.listdir(checkout.here) == []


# Of bash 4 and later, or of GNU's tools alone: a Mac has neither.
TOO_NEW = {
    'associative array': r'\b(declare|local|typeset) -[a-z]*A',
    'reading into an array': r'\b(mapfile|readarray)\b',
    'change of case': r'\$\{\w+(,,?|\^\^?)[^}]*\}',
    'name reference': r'\b(declare|local) -n\b',
    'negative index': r'\$\{\w+\[-\d',
    'both streams': r'&>>|\|&',
    'sed in place': r'\bsed -[a-zA-Z]*i',
    'readlink -f': r'\b(readlink -f|realpath)\b',
    'long option of a GNU tool': r'\b(ls|cp|mv|rm|sort|date|stat|du|ps) --\w',
    'perl expressions': r'\bgrep -[a-zA-Z]*P',
    'clock': r'\bdate [^)]*%N',
}


@pytest.mark.parametrize('what', TOO_NEW)
def test_bash_3_and_bsd_tools_suffice(what):
    scripts = sorted((ROOT / 'scripts').glob('*.sh'))
    assert len(scripts) > 10
    lines = [
        f'{path.name}:{number}: {line.strip()}'
        for path in scripts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if not line.lstrip().startswith('#') and re.search(TOO_NEW[what], line)
    ]
    assert lines == []
